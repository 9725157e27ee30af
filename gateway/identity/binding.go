package identity

import (
	"crypto/sha256"
	"crypto/subtle"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
)

// confirmation is the cnf claim (RFC 7800): what a token is bound to. Each is a
// digest in base64url, or empty.
type confirmation struct {
	certificate string // x5t#S256, RFC 8705 section 3.1
	key         string // jkt, RFC 9449 section 6.1
}

// any reports whether the token is bound at all.
func (c confirmation) any() bool { return c.certificate != "" || c.key != "" }

// confirmationOf reads the cnf claim. A method that is not known cannot be
// checked, so it refuses the token.
func confirmationOf(m map[string]json.RawMessage) (confirmation, error) {
	var c confirmation
	raw, bound := m["cnf"]
	if !bound {
		return c, nil
	}
	methods, err := members(raw)
	if err != nil || len(methods) == 0 {
		return c, refusal("the token is bound to nothing")
	}
	for name := range methods {
		digest, err := text(methods, name)
		if err != nil || !isDigest(digest) {
			return c, refusal("the token is bound to what is not a digest")
		}
		switch name {
		case "x5t#S256":
			c.certificate = digest
		case "jkt":
			c.key = digest
		default:
			return c, refusal("the token is bound in a way that is not known")
		}
	}
	return c, nil
}

// isDigest reports whether a text is a SHA-256 digest in strict base64url.
func isDigest(s string) bool {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(s)
	return err == nil && len(raw) == sha256.Size && !notCompactIn(s)
}

// digestOf returns the SHA-256 digest in base64url.
func digestOf(b []byte) string {
	sum := sha256.Sum256(b)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// thumbprintOf returns the thumbprint of a certificate (RFC 8705 section 3.1),
// or nothing where there is none.
func thumbprintOf(c *x509.Certificate) string {
	if c == nil || len(c.Raw) == 0 {
		return ""
	}
	return digestOf(c.Raw)
}

// same compares digests in constant time. An empty one is never the same.
func same(a, b string) bool {
	return a != "" && subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1
}

// checkBinding checks that what was presented proves what the token is bound to,
// and that it is bound as its issuer's must be. The proof of a DPoP key itself is
// checked by checkProof.
func (t *verified) checkBinding(p Presented, certificate string) error {
	switch t.binding {
	case BindingCertificate:
		if t.bound.certificate == "" {
			return refusal("the token is not bound to a certificate, as its issuer's must be")
		}
	case BindingDPoP:
		if t.bound.key == "" {
			return refusal("the token is not bound to a key, as its issuer's must be")
		}
	case BindingAny:
		if !t.bound.any() {
			return refusal("the token is not bound, as its issuer's must be")
		}
	default: // none is asked for; a bound token needs its proof all the same
	}
	if t.bound.certificate != "" && !same(t.bound.certificate, certificate) {
		return refusal("the token is bound to another certificate than the caller's")
	}
	// RFC 9449 section 7.1 and 7.2: a bound token comes by its own scheme, another
	// one does not.
	switch {
	case p.Scheme == SchemeDPoP && t.bound.key == "":
		return refusal("the token is not bound to a key, but comes with its scheme")
	case p.Scheme != SchemeDPoP && (t.bound.key != "" || p.Proof != ""):
		return refusal("the token is bound to a key, or has a proof, and comes without its scheme")
	}
	return nil
}
