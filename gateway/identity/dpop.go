package identity

import (
	"crypto/sha256"
	"encoding/json"
	"net/url"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// proofType is the typ header of a DPoP proof (RFC 9449 section 4.2).
const proofType = "dpop+jwt"

// proofAge is how old a proof may be, besides the leeway for clocks that go
// ahead.
const proofAge = time.Minute

// proof is a DPoP proof.
type proof struct {
	id, method, url, token string
	issued                 time.Time
	key                    string            // its thumbprint
	digest                 [sha256.Size]byte // what it is remembered by
	times                  map[string]json.RawMessage
}

// checkProof checks that a proof was made for this very request with the key that
// the token is bound to, and not before now (RFC 9449 section 4.3), and that it was not
// taken here. It does not take it.
func (v *Verifier) checkProof(p Presented, key string, now time.Time) (*proof, error) {
	if p.URL == "" {
		return nil, refusal("the gateway does not know its own address, and so takes no proof")
	}
	made, err := readProof(p.Proof)
	if err != nil {
		return nil, err
	}
	asked, err := normalURL(p.URL)
	if err != nil {
		return nil, err
	}
	if err := v.fits(made, p, asked, key, now); err != nil {
		return nil, err
	}
	made.digest = digestOfProof(made.key, made.id)
	return made, v.replays.fresh(made.digest)
}

// fits checks what a proof says against what it has to be for.
func (v *Verifier) fits(made *proof, p Presented, asked, key string, now time.Time) error {
	switch {
	case !same(made.key, key):
		return refusal("the proof was made with another key")
	case made.method != p.Method:
		return refusal("the proof is for another method")
	case made.url != asked:
		return refusal("the proof is for another address")
	case !same(made.token, digestOf([]byte(p.Token))):
		return refusal("the proof is for another token")
	case made.issued.After(now.Add(leeway)), made.issued.Before(now.Add(-proofAge)):
		return refusal("the proof was made too long ago, or is yet to be made")
	case made.issued.Before(v.started):
		// What was shown to the process before this one is not remembered in memory,
		// and a store that was put back from a backup knows nothing of proofs.
		return refusal("the proof was made before the gateway started")
	}
	return made.checkEnd(now)
}

// checkEnd honours an end that a proof has set itself. None has to.
func (p *proof) checkEnd(now time.Time) error {
	if _, ends := p.times["exp"]; ends {
		if end, err := numericDate(p.times, "exp"); err != nil || !now.Before(end) {
			return refusal("the proof is over")
		}
	}
	if _, begins := p.times["nbf"]; begins {
		if begin, err := numericDate(p.times, "nbf"); err != nil || now.Add(leeway).Before(begin) {
			return refusal("the proof is yet to begin")
		}
	}
	return nil
}

// readProof reads a proof and verifies it by the key that it brings along.
func readProof(raw string) (*proof, error) {
	switch {
	case raw == "":
		return nil, refusal("there is no proof")
	case len(raw) > maxToken:
		return nil, refusal("the proof is too large")
	case notCompactIn(raw):
		return nil, refusal("the proof is not base64url")
	}
	p := &proof{}
	parser := jwt.NewParser(jwt.WithValidMethods(algorithms), jwt.WithStrictDecoding(), jwt.WithoutClaimsValidation())
	_, err := parser.ParseWithClaims(raw, p, func(t *jwt.Token) (any, error) {
		k, thumbprint, err := keyOfProof(raw)
		if err != nil {
			return nil, err
		}
		if !k.Verifies(t.Method.Alg()) {
			return nil, refusal("the algorithm does not fit the key of the proof")
		}
		p.key = thumbprint
		return k.Public, nil
	})
	if err != nil {
		return nil, err
	}
	return p, nil
}

// keyOfProof returns the public key in the header of a proof, and its thumbprint.
// What points elsewhere for the key is refused, not followed.
func keyOfProof(raw string) (Key, string, error) {
	header, typ, err := headerOf(raw)
	if err != nil {
		return Key{}, "", err
	}
	if typ != proofType {
		return Key{}, "", refusal("it is not a proof")
	}
	for _, name := range []string{"jku", "x5u", "x5c"} {
		if _, ok := header[name]; ok {
			return Key{}, "", refusal("the proof points elsewhere for its key")
		}
	}
	m, err := members(header["jwk"])
	if err != nil {
		return Key{}, "", refusal("the proof has no key")
	}
	k, err := publicKey(m)
	if err != nil {
		return Key{}, "", err
	}
	return k, jwkThumbprint(m), nil
}

// jwkThumbprint is RFC 7638 section 3, of a key that publicKey has read: its
// members are base64url in their one spelling.
func jwkThumbprint(m map[string]json.RawMessage) string {
	required := map[string][]string{"OKP": {"crv", "kty", "x"}, "EC": {"crv", "kty", "x", "y"}, "RSA": {"e", "kty", "n"}}
	kty, _ := text(m, "kty")
	var parts []string
	for _, name := range required[kty] { // in the order of their names
		value, _ := text(m, name)
		parts = append(parts, `"`+name+`":"`+value+`"`)
	}
	return digestOf([]byte("{" + strings.Join(parts, ",") + "}"))
}

// UnmarshalJSON reads the claims of a proof (RFC 9449 section 4.2), all of which
// must be there.
func (p *proof) UnmarshalJSON(raw []byte) error {
	m, err := members(raw)
	if err != nil {
		return err
	}
	p.times = m
	var htu string
	for _, claim := range []struct {
		name string
		to   *string
	}{{"jti", &p.id}, {"htm", &p.method}, {"htu", &htu}, {"ath", &p.token}} {
		if *claim.to, err = text(m, claim.name); err != nil {
			return err
		}
		if *claim.to == "" || len(*claim.to) > maxURL {
			return refusal("a claim of the proof is empty or too long")
		}
	}
	if p.issued, err = numericDate(m, "iat"); err != nil {
		return err
	}
	p.url, err = normalURL(htu)
	return err
}

// maxURL is the length of the longest address that a proof may be for.
const maxURL = 4 << 10

// normalURL is the address that htu has to equal: without query and fragment (RFC
// 9449 section 4.3), normalised by case, default port and needless escapes (RFC
// 3986 sections 6.2.2.1, 6.2.2.2 and 6.2.3). Dot segments are left as they are:
// no route has any.
func normalURL(raw string) (string, error) {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || u.User != nil || u.Opaque != "" {
		return "", refusal("an address is not one")
	}
	scheme, host := strings.ToLower(u.Scheme), strings.ToLower(u.Host)
	switch scheme {
	case "https":
		host = strings.TrimSuffix(host, ":443")
	case "http":
		host = strings.TrimSuffix(host, ":80")
	default:
		return "", refusal("an address is not one of HTTP")
	}
	path := u.EscapedPath()
	if path == "" {
		path = "/"
	}
	return scheme + "://" + strings.TrimSuffix(host, ":") + unescaped(path), nil
}

// unescaped takes the escapes of unreserved characters from a path, and writes
// the others in capitals. The path is a valid one.
func unescaped(path string) string {
	if !strings.Contains(path, "%") {
		return path
	}
	var b strings.Builder
	for i := 0; i < len(path); i++ {
		if path[i] != '%' || i+2 >= len(path) {
			b.WriteByte(path[i])
			continue
		}
		escape := strings.ToUpper(path[i : i+3])
		i += 2
		one, err := url.PathUnescape(escape)
		if err == nil && !strings.ContainsFunc(one, reserved) {
			escape = one
		}
		b.WriteString(escape)
	}
	return b.String()
}

// reserved reports whether a character keeps its escape (RFC 3986 section 2.3).
func reserved(r rune) bool { return r > '~' || notCompactIn(string(r)) && r != '~' }

// The methods of jwt.Claims. None is asked for: the times of a proof are checked
// by checkProof.

// GetExpirationTime returns nothing.
func (p *proof) GetExpirationTime() (*jwt.NumericDate, error) { return nil, nil }

// GetNotBefore returns nothing.
func (p *proof) GetNotBefore() (*jwt.NumericDate, error) { return nil, nil }

// GetIssuedAt returns iat.
func (p *proof) GetIssuedAt() (*jwt.NumericDate, error) {
	return &jwt.NumericDate{Time: p.issued}, nil
}

// GetIssuer returns nothing.
func (p *proof) GetIssuer() (string, error) { return "", nil }

// GetSubject returns nothing.
func (p *proof) GetSubject() (string, error) { return "", nil }

// GetAudience returns nothing.
func (p *proof) GetAudience() (jwt.ClaimStrings, error) { return nil, nil }
