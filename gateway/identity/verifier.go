package identity

import (
	"context"
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

// Verifier verifies access tokens. It is immutable and safe for concurrent use.
type Verifier struct {
	issuers map[string]Issuer
	parser  *jwt.Parser
}

// NewVerifier returns a verifier that trusts the issuers given, by the clock
// given. An issuer that is incomplete, or two of one name, are faults of kind
// Invalid.
func NewVerifier(issuers []Issuer, clock func() time.Time) (*Verifier, error) {
	v := &Verifier{issuers: make(map[string]Issuer, len(issuers))}
	for _, i := range issuers {
		if err := i.check(); err != nil {
			return nil, err
		}
		if _, taken := v.issuers[i.Name]; taken {
			return nil, i.invalid("Two issuers have the same name.")
		}
		i.Roles = slices.Clone(i.Roles)
		v.issuers[i.Name] = i
	}
	v.parser = jwt.NewParser(
		jwt.WithValidMethods([]string{EdDSA, ES256}),
		jwt.WithStrictDecoding(),
		jwt.WithExpirationRequired(), jwt.WithNotBeforeRequired(), jwt.WithIssuedAt(),
		jwt.WithLeeway(leeway), jwt.WithTimeFunc(clock),
	)
	return v, nil
}

// Verify returns the principal that a token asserts. Whatever is wrong with the
// token, the fault is of kind Unauthenticated with one and the same message;
// its cause is a fixed text. Where the issuer's keys cannot be had it is
// Unavailable.
func (v *Verifier) Verify(ctx context.Context, token string) (Principal, error) {
	p, err := v.verify(ctx, token)
	if err == nil {
		return p, nil
	}
	if fault.Is(err, fault.Unavailable) {
		return Principal{}, fault.New(fault.Unavailable, "identity.Verify", "The keys of the identity provider cannot be had at the moment.")
	}
	return Principal{}, fault.Wrap(fault.Unauthenticated, "identity.Verify", "A valid access token is needed.", reason(err))
}

func (v *Verifier) verify(ctx context.Context, token string) (Principal, error) {
	if len(token) > maxToken {
		return Principal{}, refusal("the token is too large")
	}
	// The decoder skips line breaks, and the signature does not cover itself:
	// without this check a token would have many spellings.
	if i := strings.IndexFunc(token, notCompact); i >= 0 {
		return Principal{}, refusal("the token is not base64url")
	}
	var c claims
	var from Issuer
	_, err := v.parser.ParseWithClaims(token, &c, func(t *jwt.Token) (any, error) {
		var known bool
		if from, known = v.issuers[c.issuer]; !known {
			return nil, refusal("the issuer is unknown")
		}
		return signingKey(ctx, from, t)
	})
	if err != nil {
		return Principal{}, err
	}
	return c.principal(from)
}

// notCompact reports whether a character cannot be part of a JWS in compact
// serialisation (RFC 7515 section 3.1).
func notCompact(r rune) bool {
	switch {
	case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '-', r == '_', r == '.':
		return false
	}
	return true
}

// signingKey checks the header and returns the key that it names. Nothing in
// the header but alg and kid has a say in which key that is.
func signingKey(ctx context.Context, from Issuer, t *jwt.Token) (any, error) {
	header, err := headerOf(t.Raw)
	if err != nil {
		return nil, err
	}
	kid, err := text(header, "kid")
	if err != nil || kid == "" || len(kid) > maxKeyID {
		return nil, refusal("the key id is not usable")
	}
	k, err := from.Keys.Key(ctx, kid)
	switch {
	case fault.Is(err, fault.Unavailable):
		return nil, err
	case err != nil, k.ID != kid:
		return nil, refusal("the key is unknown")
	case k.Algorithm() == "", k.Algorithm() != t.Method.Alg():
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
