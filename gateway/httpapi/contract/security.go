package contract

import (
	"net/http"
	"strings"
)

// The sorts of security scheme that can be held against a request.
const (
	byAuthorization = "http"      // a scheme of the Authorization header
	byHeader        = "apiKey"    // a header of its own
	byConnection    = "mutualTLS" // what the connection proves: no header shows it
)

// scheme is one way of showing who is calling.
type scheme struct {
	sort string
	// name is that of the scheme of HTTP, or of the header.
	name string
}

// requirement is a list of schemes that come together. Of the requirements of an
// operation one is enough.
type requirement []scheme

// readSecurity reads the requirements of an operation, or of the document where the
// operation has none of its own. No requirement means that everybody may call.
func readSecurity(doc, operation node) ([]requirement, error) {
	n := operation.child("security")
	if !n.exists() {
		n = doc.child("security")
	}
	if _, list := n.value.([]any); n.exists() && !list {
		return nil, invalid(n.ptr, "Security requirements are a list.")
	}
	var out []requirement
	for _, item := range n.items() {
		var r requirement
		for _, name := range item.names() {
			s, err := readScheme(doc.child("components").child("securitySchemes").child(name), item.child(name))
			if err != nil {
				return nil, err
			}
			r = append(r, s)
		}
		if len(r) == 0 {
			return nil, invalid(item.ptr, "A security requirement names a scheme.")
		}
		out = append(out, r)
	}
	return out, nil
}

// readScheme reads the scheme that a requirement names. One that could not be checked
// is refused, like one that is not there.
func readScheme(n, by node) (scheme, error) {
	switch sort := n.text("type"); {
	case sort == byAuthorization && n.text("scheme") != "":
		return scheme{sort, n.text("scheme")}, nil
	case sort == byHeader && n.text("in") == "header" && n.text("name") != "":
		return scheme{sort, n.text("name")}, nil
	case sort == byConnection:
		return scheme{sort: sort}, nil
	}
	return scheme{}, invalid(by.ptr, "A security requirement names a scheme that is there: http, an apiKey in a header, or mutualTLS.")
}

// admits reports whether what a request shows of its caller is what one requirement
// asks for, and no other header of a scheme besides.
func (op *operation) admits(header http.Header) bool {
	if len(op.security) == 0 {
		return true
	}
	for _, r := range op.security {
		if r.met(header) && !op.shows(header, r) {
			return true
		}
	}
	return false
}

// met reports whether a request has all that a requirement asks for.
func (r requirement) met(header http.Header) bool {
	for _, s := range r {
		switch s.sort {
		case byAuthorization:
			name, token, _ := strings.Cut(header.Get("Authorization"), " ")
			if !strings.EqualFold(name, s.name) || token == "" { // RFC 9110 section 11.1
				return false
			}
		case byHeader:
			if values := header.Values(s.name); len(values) != 1 || values[0] == "" {
				return false
			}
		}
	}
	return true
}

// shows reports whether a request has a header of a scheme that another requirement of
// the operation asks for, and this one does not.
func (op *operation) shows(header http.Header, asked requirement) bool {
	own := map[string]bool{}
	for _, s := range asked {
		own[s.name] = true
	}
	for _, r := range op.security {
		for _, s := range r {
			if s.sort == byHeader && !own[s.name] && len(header.Values(s.name)) > 0 {
				return true
			}
		}
	}
	return false
}
