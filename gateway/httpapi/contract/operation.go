package contract

import (
	"slices"
	"strings"
)

// operation is one method on one path.
type operation struct {
	method   string
	template string
	segments []string
	id       string
	summary  string
	// description is plain text in paragraphs.
	description string
	tag         string
	// roles may call it; none means every role.
	roles []string
	// security is how callers show who they are: one of these is enough. None means
	// that no token is needed.
	security []requirement
	// rest operations take the rest of the path, with its slashes, as their last
	// parameter.
	rest       bool
	parameters []parameter
	// request is nil where no body is taken.
	request   *body
	responses map[string]response
}

// parameter is one parameter of a request, or one header of a response.
type parameter struct {
	name        string
	in          string
	description string
	required    bool
	// kind is the JSON type of its values: "string", "integer", "boolean".
	kind   string
	schema node
}

// body is what a request may carry.
type body struct {
	required bool
	content  map[string]media
}

// response is one documented answer.
type response struct {
	description string
	content     map[string]media
	headers     []parameter
}

// media is the shape of a body of one content type.
type media struct {
	schema node
	// line is the schema of each line of an NDJSON body, where there is one.
	line    node
	example node
	// rows says that a bad row is answered as such, and does not make the body wrong.
	rows bool
}

var methods = []string{"get", "put", "post", "delete", "options", "head", "patch", "trace"}

// readOperations reads every operation, ordered by path and method.
func readOperations(doc node) ([]*operation, error) {
	var out []*operation
	ids := map[string]bool{}
	paths := doc.child("paths")
	for _, path := range paths.names() {
		item := paths.child(path)
		for _, method := range methods {
			n := item.child(method)
			if !n.exists() {
				continue
			}
			op, err := readOperation(n, item, path, method)
			if err != nil {
				return nil, err
			}
			if ids[op.id] {
				return nil, invalid(n.ptr, "The operationId is used twice.")
			}
			ids[op.id] = true
			if op.security, err = readSecurity(doc, n); err != nil {
				return nil, err
			}
			out = append(out, op)
		}
	}
	if len(out) == 0 {
		return nil, invalid("/paths", "There are no operations.")
	}
	return out, nil
}

// public operations need no token.
func (op *operation) public() bool { return len(op.security) == 0 }

func readOperation(n, item node, path, method string) (*operation, error) {
	op := &operation{
		method:      strings.ToUpper(method),
		template:    path,
		segments:    strings.Split(path, "/"),
		id:          n.text("operationId"),
		summary:     n.text("summary"),
		description: n.text("description"),
		roles:       n.texts("x-concord-roles"),
		rest:        n.flag("x-concord-rest"),
		responses:   map[string]response{},
	}
	tags := n.texts("tags")
	if op.id == "" || op.summary == "" || len(tags) == 0 {
		return nil, invalid(n.ptr, "An operation needs operationId, summary and tags.")
	}
	op.tag = tags[0]
	var err error
	if op.parameters, err = readParameters(item.child("parameters"), n.child("parameters")); err != nil {
		return nil, err
	}
	if err := checkPathParameters(op, n.ptr); err != nil {
		return nil, err
	}
	if n.child("requestBody").exists() {
		request, err := n.child("requestBody").follow()
		if err != nil {
			return nil, err
		}
		op.request = &body{required: request.flag("required"), content: readContent(request)}
	}
	return op, readResponses(op, n)
}

func readParameters(lists ...node) ([]parameter, error) {
	var out []parameter
	for _, list := range lists {
		for _, item := range list.items() {
			n, err := item.follow()
			if err != nil {
				return nil, err
			}
			p, err := readParameter(n, n.text("name"), n.text("in"))
			if err != nil {
				return nil, err
			}
			out = append(out, p)
		}
	}
	return out, nil
}

func readParameter(n node, name, in string) (parameter, error) {
	schema, err := n.child("schema").follow()
	if err != nil {
		return parameter{}, err
	}
	if name == "" || !slices.Contains([]string{"path", "query", "header"}, in) || !schema.exists() {
		return parameter{}, invalid(n.ptr, "A parameter needs name, schema and a place: path, query or header.")
	}
	p := parameter{name: name, in: in, description: n.text("description"), required: n.flag("required"), schema: schema}
	p.kind = schema.text("type")
	return p, nil
}

// readContent reads the media types of a request body or a response.
func readContent(n node) map[string]media {
	out := map[string]media{}
	content := n.child("content")
	for _, kind := range content.names() {
		m := content.child(kind)
		out[kind] = media{schema: m.child("schema"), line: m.child("x-concord-item-schema"), example: m.child("example"), rows: m.flag("x-concord-rows")}
	}
	return out
}

func readResponses(op *operation, n node) error {
	responses := n.child("responses")
	for _, status := range responses.names() {
		r, err := responses.child(status).follow()
		if err != nil {
			return err
		}
		if r.text("description") == "" {
			return invalid(r.ptr, "A response needs a description.")
		}
		headers, err := readHeaders(r.child("headers"))
		if err != nil {
			return err
		}
		op.responses[status] = response{description: r.text("description"), content: readContent(r), headers: headers}
	}
	if len(op.responses) == 0 {
		return invalid(n.ptr, "An operation needs responses.")
	}
	return nil
}

func readHeaders(n node) ([]parameter, error) {
	var out []parameter
	for _, name := range n.names() {
		header, err := n.child(name).follow()
		if err != nil {
			return nil, err
		}
		p, err := readParameter(header, name, "header")
		if err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	return out, nil
}
