package identity

import (
	"context"
	"crypto/x509"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/concord-gateway/concord/gateway/fault"
)

// Limits of a token.
const (
	maxToken    = 8 << 10
	maxLifetime = 24 * time.Hour
	leeway      = 30 * time.Second
)

// tokenType is the typ header of an access token (RFC 9068 section 2.1). An ID
// token, a DPoP proof or a logout token has another one.
const tokenType = "at+jwt"

// The schemes by which a token is presented.
const (
	SchemeBearer = "Bearer" // RFC 6750
	SchemeDPoP   = "DPoP"   // RFC 9449
)

// Presented is what a caller shows.
type Presented struct {
	// Scheme is SchemeBearer or SchemeDPoP.
	Scheme string
	Token  string
	// Proof is the DPoP header, of which there was at most one.
	Proof string
	// Method and URL are those of the request; the URL is the one that callers
	// use, made from the configuration and never from a header. Empty means that
	// it is not known, and no DPoP proof is taken.
	Method, URL string
	// Certificate is the one that the caller proved to hold, or nil.
	Certificate *x509.Certificate
}

// Verifier verifies access tokens. It is safe for concurrent use.
type Verifier struct {
	issuers map[string]*Issuer
	parser  *jwt.Parser
	clock   func() time.Time
	started time.Time
	revoked Revocations
	cache   *cache
	replays *replays
	proofs  Proofs // nil where proofs are remembered in memory alone
}

// verified is what a token says, once its signature and its times are checked:
// all that depends on the token alone.
type verified struct {
	principal       Principal
	issuer, tokenID string
	bound           confirmation
	binding         Binding
	expires         time.Time
}

// NewVerifier returns a verifier that trusts the issuers given, by the clock
// given. An issuer that is incomplete, or two of one name, are faults of kind
// Invalid.
func NewVerifier(issuers []Issuer, clock func() time.Time) (*Verifier, error) {
	v := &Verifier{
		issuers: make(map[string]*Issuer, len(issuers)), clock: clock, started: clock().Truncate(time.Second),
		cache: newCache(), replays: newReplays(),
	}
	for _, i := range issuers {
		i, err := i.complete()
		if err != nil {
			return nil, err
		}
		if _, taken := v.issuers[i.Name]; taken {
			return nil, i.invalid("Two issuers have the same name.")
		}
		v.issuers[i.Name] = &i
	}
	v.parser = jwt.NewParser(
		jwt.WithValidMethods(algorithms),
		jwt.WithStrictDecoding(),
		jwt.WithExpirationRequired(), jwt.WithNotBeforeRequired(), jwt.WithIssuedAt(),
		jwt.WithLeeway(leeway), jwt.WithTimeFunc(clock),
	)
	return v, nil
}

// Against makes the verifier refuse what a list revokes. It is called before the
// first Verify.
func (v *Verifier) Against(list Revocations) *Verifier {
	v.revoked = list
	return v
}

// Sharing makes the verifier take a proof only if no other gateway took it, nor this
// one before it was started again. It is called before the first Verify.
func (v *Verifier) Sharing(proofs Proofs) *Verifier {
	v.proofs = proofs
	return v
}

// token verifies a token for itself.
func (v *Verifier) token(ctx context.Context, token string) (*verified, error) {
	// The decoder skips line breaks, and the signature does not cover itself:
	// without this check a token would have many spellings.
	if notCompactIn(token) {
		return nil, refusal("the token is not base64url")
	}
	var c claims
	var from *Issuer
	_, err := v.parser.ParseWithClaims(token, &c, func(t *jwt.Token) (any, error) {
		var known bool
		if from, known = v.issuers[c.issuer]; !known {
			return nil, refusal("the issuer is unknown")
		}
		return signingKey(ctx, from, t)
	})
	if err != nil {
		return nil, err
	}
	t := &verified{issuer: from.Name, bound: c.bound, binding: from.Binding, expires: c.expires}
	if t.principal, err = c.principal(from); err != nil {
		return nil, err
	}
	t.tokenID, err = c.tokenID(from)
	return t, err
}

// notCompactIn reports whether a text has a character that cannot be part of a
// JWS in compact serialisation (RFC 7515 section 3.1).
func notCompactIn(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_' && r != '.'
	})
}

// signingKey checks the header and returns the key that it names. Nothing in
// the header but alg and kid has a say in which key that is.
func signingKey(ctx context.Context, from *Issuer, t *jwt.Token) (any, error) {
	header, typ, err := headerOf(t.Raw)
	if err != nil {
		return nil, err
	}
	if typ != from.Type {
		return nil, refusal("the token is not an access token")
	}
	kid, err := text(header, "kid")
	if err != nil || kid == "" || len(kid) > maxKeyID {
		return nil, refusal("the key id is not usable")
	}
	if !slices.Contains(from.Algorithms, t.Method.Alg()) {
		return nil, refusal("the algorithm is not one of the issuer's")
	}
	k, err := from.Keys.Key(ctx, kid)
	switch {
	case fault.Is(err, fault.Unavailable):
		return nil, err
	case err != nil, k.ID != kid:
		return nil, refusal("the key is unknown")
	case !k.Verifies(t.Method.Alg()):
		return nil, refusal("the algorithm does not fit the key")
	}
	return k.Public, nil
}

// known holds the reasons of the library, all of them fixed texts. Its whole
// errors may quote the token.
var known = []error{
	jwt.ErrTokenMalformed, jwt.ErrTokenSignatureInvalid, jwt.ErrTokenExpired, jwt.ErrTokenUsedBeforeIssued,
	jwt.ErrTokenNotValidYet, jwt.ErrTokenInvalidClaims, jwt.ErrTokenUnverifiable,
}

// reason reduces an error to a text that holds no part of the token.
func reason(err error) error {
	if own, ok := errors.AsType[refusal](err); ok {
		return own
	}
	for _, k := range known {
		if errors.Is(err, k) {
			return k
		}
	}
	return refusal("the token is not usable")
}
