package httpapi

import (
	"net/http"
	"strings"

	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/identity"
)

// presented takes from a request what shows who is calling: the token (RFC 6750
// section 2.1, RFC 9449 section 7.1), the proof and the certificate. A second
// header of a name is refused.
func (s *server) presented(r *http.Request) (identity.Presented, error) {
	required := fault.New(fault.Unauthenticated, "httpapi.presented", "An access token is required.")
	values, proofs := r.Header.Values("Authorization"), r.Header.Values("DPoP")
	if len(values) != 1 || len(proofs) > 1 {
		return identity.Presented{}, required
	}
	scheme, token, ok := strings.Cut(values[0], " ")
	if !ok || token == "" {
		return identity.Presented{}, required
	}
	p := identity.Presented{Token: token, Method: r.Method, Certificate: clientCertificate(r)}
	switch {
	case strings.EqualFold(scheme, identity.SchemeBearer):
		p.Scheme = identity.SchemeBearer
	case strings.EqualFold(scheme, identity.SchemeDPoP):
		p.Scheme = identity.SchemeDPoP
	default:
		return identity.Presented{}, required
	}
	if len(proofs) == 1 {
		if proofs[0] == "" { // a header without content is not the same as none
			return identity.Presented{}, required
		}
		p.Proof = proofs[0]
	}
	if s.PublicURL != "" {
		p.URL = s.PublicURL + r.URL.EscapedPath()
	}
	return p, nil
}

// challenges are what a caller without a valid token is told (RFC 6750 section 3,
// RFC 9449 section 7.1): how to come, and whether what it brought was refused; not
// why.
func (s *server) challenges(r *http.Request) []string {
	refused := ""
	if r.Header.Get("Authorization") != "" {
		refused = `, error="invalid_token"`
	}
	out := []string{`Bearer realm="concord"` + refused}
	if s.PublicURL != "" {
		out = append(out, `DPoP realm="concord"`+refused+`, algs="EdDSA ES256 RS256 PS256"`)
	}
	return out
}
