package contract

import (
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"strconv"
	"strings"
)

// problemType is the content type of RFC 9457.
const problemType = "application/problem+json"

// Deviation is an exchange that the description does not allow.
type Deviation struct {
	// Method and Path name the operation; Path is the template, or the path
	// asked for when no operation has it.
	Method, Path string
	// Status is that of the answer, or 0 when the request deviates.
	Status int
	// What names the part that deviates.
	What string
	// Err is why, where there is more to say.
	Err error
}

// Error returns one line.
func (d *Deviation) Error() string {
	text := d.Method + " " + d.Path
	if d.Status != 0 {
		text += " -> " + strconv.Itoa(d.Status)
	}
	text += ": " + d.What
	if d.Err != nil {
		text += ": " + d.Err.Error()
	}
	return text
}

// Unwrap returns why.
func (d *Deviation) Unwrap() error { return d.Err }

// Check holds an answer against the description: the operation, the status,
// the required headers, the content type and the body have to be documented.
// The target is the path as asked for; a query is ignored. A path or method
// that is not documented may only be answered with a problem of status 404 or
// 405. It returns nil or a *Deviation.
func (c *Contract) Check(method, target string, status int, header http.Header, content []byte) error {
	path, _, _ := strings.Cut(target, "?")
	op := c.find(method, path)
	if op == nil && method == http.MethodHead && status == http.StatusOK {
		return c.checkHead(path, status, header, content)
	}
	if op == nil {
		return c.checkUnknown(method, path, status, header, content)
	}
	deviation := func(what string, err error) error {
		return &Deviation{Method: method, Path: op.template, Status: status, What: what, Err: err}
	}
	answer, ok := op.responses[strconv.Itoa(status)]
	if !ok {
		return deviation("the status is not documented", nil)
	}
	for _, h := range answer.headers {
		if err := c.checkParameter(h, header.Values(h.name)); err != nil {
			return deviation("header "+h.name, err)
		}
	}
	if method == http.MethodHead { // what GET would send has no body here (RFC 9110 section 9.3.2)
		if len(content) != 0 {
			return deviation("an answer to HEAD has a body", nil)
		}
		return nil
	}
	if err := c.checkContent(answer.content, header, content); err != nil {
		return deviation("body", err)
	}
	return nil
}

// checkHead holds the answer to HEAD against what GET documents: all but the
// body (RFC 9110 section 9.3.2).
func (c *Contract) checkHead(path string, status int, header http.Header, content []byte) error {
	op := c.find(http.MethodGet, path)
	if op == nil {
		return c.checkUnknown(http.MethodHead, path, status, header, content)
	}
	for _, h := range op.responses[strconv.Itoa(status)].headers {
		if err := c.checkParameter(h, header.Values(h.name)); err != nil {
			return &Deviation{Method: http.MethodHead, Path: op.template, Status: status, What: "header " + h.name, Err: err}
		}
	}
	if len(content) != 0 {
		return &Deviation{Method: http.MethodHead, Path: op.template, Status: status, What: "an answer to HEAD has a body"}
	}
	return nil
}

// checkUnknown holds the answer to a route that is not documented.
func (c *Contract) checkUnknown(method, path string, status int, header http.Header, content []byte) error {
	if status != http.StatusNotFound && status != http.StatusMethodNotAllowed {
		return &Deviation{Method: method, Path: path, Status: status, What: "the route is not documented"}
	}
	problem := map[string]media{problemType: {schema: c.doc.child("components").child("schemas").child("Problem")}}
	if err := c.checkContent(problem, header, content); err != nil {
		return &Deviation{Method: method, Path: path, Status: status, What: "body", Err: err}
	}
	return nil
}

// checkContent holds a body against the documented media types.
func (c *Contract) checkContent(documented map[string]media, header http.Header, content []byte) error {
	if len(documented) == 0 {
		if len(content) != 0 {
			return fmt.Errorf("%d bytes where none are documented", len(content))
		}
		return nil
	}
	kind, _, err := mime.ParseMediaType(header.Get("Content-Type"))
	if err != nil {
		return fmt.Errorf("content type: %w", err)
	}
	shape, ok := documented[kind]
	if !ok {
		return fmt.Errorf("the content type %q is not documented", kind)
	}
	switch {
	case shape.rows:
		return nil
	case shape.line.exists():
		return c.checkLines(shape, content)
	case kind == "application/json" || strings.HasSuffix(kind, "+json"):
		return c.schemas.validateJSON(shape.schema, content)
	default:
		return c.schemas.validate(shape.schema, string(content))
	}
}

// checkLines holds each line of an NDJSON body against its schema. Empty lines
// are passed over.
func (c *Contract) checkLines(shape media, content []byte) error {
	number := 0
	for line := range strings.Lines(string(content)) {
		number++
		if strings.TrimSpace(line) == "" {
			continue
		}
		if err := c.schemas.validateJSON(shape.line, []byte(line)); err != nil {
			return fmt.Errorf("line %d: %w", number, err)
		}
	}
	return nil
}

// checkParameter holds the values of one parameter or header. A header may stand more
// than once (RFC 9110 section 5.3) where its schema is an array, of its lines.
func (c *Contract) checkParameter(p parameter, values []string) error {
	switch {
	case len(values) == 0 && p.required:
		return fmt.Errorf("%s %s is missing", p.in, p.name)
	case len(values) == 0:
		return nil
	case p.in == "header" && p.kind == "array":
		lines := make([]any, len(values))
		for i, v := range values {
			lines[i] = v
		}
		return c.schemas.validate(p.schema, lines)
	case len(values) > 1:
		return fmt.Errorf("%s %s is given %d times", p.in, p.name, len(values))
	}
	return c.schemas.validate(p.schema, parameterValue(p.kind, values[0]))
}

// parameterValue reads the text of a parameter as the JSON type it has. Text
// that is not of the type stays text, which the schema then refuses.
func parameterValue(kind, text string) any {
	switch kind {
	case "integer", "number":
		if json.Valid([]byte(text)) {
			if _, err := strconv.ParseFloat(text, 64); err == nil {
				return json.Number(text)
			}
		}
	case "boolean":
		if text == "true" || text == "false" {
			return text == "true"
		}
	}
	return text
}

// find returns the operation whose template fits the path; one with more
// literal segments goes before one with fewer.
func (c *Contract) find(method, path string) *operation {
	var best *operation
	bestLiterals := -1
	segments := strings.Split(path, "/")
	for _, op := range c.operations {
		if op.method != method {
			continue
		}
		if literals, ok := op.match(op.cut(segments)); ok && literals > bestLiterals {
			best, bestLiterals = op, literals
		}
	}
	return best
}

// cut joins the segments of a path that the last parameter takes.
func (op *operation) cut(segments []string) []string {
	last := len(op.segments) - 1
	if !op.rest || len(segments) <= last {
		return segments
	}
	return append(segments[:last:last], strings.Join(segments[last:], "/"))
}

// match compares the segments of a path with the template and counts those
// that are literal.
func (op *operation) match(segments []string) (literals int, ok bool) {
	if len(segments) != len(op.segments) {
		return 0, false
	}
	for i, want := range op.segments {
		switch {
		case strings.HasPrefix(want, "{"):
			if segments[i] == "" {
				return 0, false
			}
		case want != segments[i]:
			return 0, false
		default:
			literals++
		}
	}
	return literals, true
}
