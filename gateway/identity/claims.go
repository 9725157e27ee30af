package identity

import (
	"encoding/base64"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// maxSubject is the length of the longest subject (OpenID Connect Core section
// 2), in bytes.
const maxSubject = 255

// maxNumericDate is the last second of the year 9999.
const maxNumericDate = 253402300799

// claims are the claims of an access token that Concord reads. Reading them
// checks their form; what they say is checked once the signature is, and only
// then are those read whose place depends on the issuer.
type claims struct {
	issuer, subject            string
	audience                   []string
	expires, notBefore, issued time.Time
	bound                      confirmation
	all                        map[string]json.RawMessage
}

// UnmarshalJSON reads the claims that every token must have, in their proper
// form.
func (c *claims) UnmarshalJSON(raw []byte) error {
	m, err := members(raw)
	if err != nil {
		return err
	}
	c.all = m
	if c.issuer, err = text(m, "iss"); err != nil {
		return err
	}
	if c.subject, err = text(m, "sub"); err != nil {
		return err
	}
	for _, claim := range []struct {
		name string
		to   *time.Time
	}{{"exp", &c.expires}, {"nbf", &c.notBefore}, {"iat", &c.issued}} {
		if *claim.to, err = numericDate(m, claim.name); err != nil {
			return err
		}
	}
	if c.bound, err = confirmationOf(m); err != nil {
		return err
	}
	if aud, textErr := text(m, "aud"); textErr == nil {
		c.audience = []string{aud}
		return nil
	}
	c.audience, err = texts(m, "aud")
	return err
}

// numericDate reads a time in whole seconds. RFC 7519 allows fractions; no
// issuer needs them, and every spelling less is a way less to confuse.
func numericDate(m map[string]json.RawMessage, name string) (time.Time, error) {
	raw := string(m[name])
	if raw == "" {
		return time.Time{}, refusal("it has no " + name)
	}
	if strings.Trim(raw, "0123456789") != "" {
		return time.Time{}, refusal(name + " is not a whole number of seconds")
	}
	n, err := strconv.ParseInt(raw, 10, 64)
	if err != nil || n > maxNumericDate {
		return time.Time{}, refusal(name + " is out of range")
	}
	return time.Unix(n, 0).UTC(), nil
}

// texts returns a member that must be an array of JSON strings.
func texts(m map[string]json.RawMessage, name string) ([]string, error) {
	var found []*string
	if err := json.Unmarshal(m[name], &found); err != nil || slices.Contains(found, nil) {
		return nil, refusal(name + " is not a list of texts")
	}
	out := make([]string, len(found))
	for i, s := range found {
		out[i] = *s
	}
	return out, nil
}

// principal checks what the claims assert against what the issuer may assert.
func (c *claims) principal(from *Issuer) (Principal, error) {
	switch {
	case len(c.audience) != 1 || c.audience[0] != from.Audience:
		return Principal{}, refusal("the audience is another one")
	case !printable(c.subject):
		return Principal{}, refusal("the subject is not printable ASCII of at most 255 characters")
	case c.expires.Sub(c.issued) > maxLifetime:
		return Principal{}, refusal("its lifetime is too long")
	case !c.expires.After(c.issued), !c.expires.After(c.notBefore):
		return Principal{}, refusal("it ends before it begins")
	}
	if err := c.forAccess(from); err != nil {
		return Principal{}, err
	}
	p := Principal{Subject: c.subject, Agency: from.Agency, Service: c.service(from)}
	if agency, given, err := c.mapped(from.Claims.Agency); given || !from.Claims.AgencyFixed {
		if err != nil {
			return Principal{}, err
		}
		if agency != from.Agency {
			return Principal{}, refusal("the issuer may not assert the agency")
		}
	}
	clearance, given, err := c.mapped(from.Claims.Clearance)
	if given && err != nil {
		return Principal{}, err
	}
	if p.Clearance = clearance; !slices.Contains(clearances, clearance) {
		return Principal{}, refusal("the clearance is unknown")
	}
	p.Roles, err = c.roles(from, p.Service)
	return p, err
}

// printable reports whether a subject can stand in logs and entries as it is.
func printable(s string) bool {
	if s == "" || len(s) > maxSubject {
		return false
	}
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// headerOf reads the JOSE header of a compact token and refuses what would
// change its meaning. It returns the type, which is text.
func headerOf(token string) (header map[string]json.RawMessage, typ string, err error) {
	first, _, _ := strings.Cut(token, ".")
	raw, err := base64.RawURLEncoding.Strict().DecodeString(first)
	if err != nil {
		return nil, "", refusal("the header is not base64url")
	}
	if header, err = members(raw); err != nil {
		return nil, "", err
	}
	if typ, err = text(header, "typ"); err != nil {
		return nil, "", refusal("the token is not an access token")
	}
	// RFC 7515 section 4.1.11: no extension is understood. RFC 7797: b64 is one.
	for _, name := range []string{"crit", "b64"} {
		if _, ok := header[name]; ok {
			return nil, "", refusal("the header asks for an extension")
		}
	}
	return header, typ, nil
}

// The methods of jwt.Claims, by which the library checks times. Audience,
// issuer and subject are checked by exact comparison above.

// GetExpirationTime returns exp.
func (c *claims) GetExpirationTime() (*jwt.NumericDate, error) {
	return &jwt.NumericDate{Time: c.expires}, nil
}

// GetNotBefore returns nbf.
func (c *claims) GetNotBefore() (*jwt.NumericDate, error) {
	return &jwt.NumericDate{Time: c.notBefore}, nil
}

// GetIssuedAt returns iat.
func (c *claims) GetIssuedAt() (*jwt.NumericDate, error) {
	return &jwt.NumericDate{Time: c.issued}, nil
}

// GetIssuer returns iss.
func (c *claims) GetIssuer() (string, error) { return c.issuer, nil }

// GetSubject returns sub.
func (c *claims) GetSubject() (string, error) { return c.subject, nil }

// GetAudience returns aud.
func (c *claims) GetAudience() (jwt.ClaimStrings, error) { return c.audience, nil }
