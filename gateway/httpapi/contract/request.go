package contract

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// CheckRequest holds a request against the description: the operation, its
// token and proof, its parameters (none missing, none unknown) and its body. The
// target is the path with its query. It returns nil or a *Deviation. Whether a
// token, an identifier or a role is right is for the gateway to say, not for the
// description; and a certificate is the connection's, which is not seen here.
func (c *Contract) CheckRequest(method, target string, header http.Header, content []byte) error {
	path, rawQuery, _ := strings.Cut(target, "?")
	op := c.find(method, path)
	if op == nil && method == http.MethodHead {
		op = c.find(http.MethodGet, path)
	}
	if op == nil {
		return &Deviation{Method: method, Path: path, What: "the route is not documented"}
	}
	deviation := func(what string, err error) error {
		return &Deviation{Method: method, Path: op.template, What: what, Err: err}
	}
	if !op.admits(header) {
		return deviation("a token is required, by a scheme that is documented and with what belongs to it", nil)
	}
	query, err := url.ParseQuery(rawQuery)
	if err != nil {
		return deviation("query", err)
	}
	if err := c.checkParameters(op, path, query, header); err != nil {
		return deviation("parameters", err)
	}
	if err := c.checkRequestBody(op, header, content); err != nil {
		return deviation("body", err)
	}
	return nil
}

// checkParameters holds path, query and header parameters against the
// operation.
func (c *Contract) checkParameters(op *operation, path string, query url.Values, header http.Header) error {
	known := map[string]bool{}
	for _, p := range op.parameters {
		var values []string
		switch p.in {
		case "path":
			value, err := op.pathValue(path, p.name)
			if err != nil {
				return err
			}
			values = []string{value}
		case "query":
			known[p.name] = true
			values = query[p.name]
		case "header":
			values = header.Values(p.name)
		}
		if err := c.checkParameter(p, values); err != nil {
			return fmt.Errorf("%s %s: %w", p.in, p.name, err)
		}
	}
	for name := range query {
		if !known[name] {
			return fmt.Errorf("the query parameter %q is not documented", name)
		}
	}
	return nil
}

// pathValue returns the decoded value that a path has for a parameter.
func (op *operation) pathValue(path, name string) (string, error) {
	segments := op.cut(strings.Split(path, "/"))
	for i, want := range op.segments {
		if want == "{"+name+"}" {
			return url.PathUnescape(segments[i])
		}
	}
	return "", fmt.Errorf("the path has no %q", name)
}

// checkRequestBody holds the body of a request against the operation.
func (c *Contract) checkRequestBody(op *operation, header http.Header, content []byte) error {
	if op.request == nil {
		return c.checkContent(nil, header, content)
	}
	if len(content) == 0 && !op.request.required {
		return nil
	}
	return c.checkContent(op.request.content, header, content)
}
