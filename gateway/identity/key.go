package identity

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"

	"github.com/concord-gateway/concord/gateway/fault"
)

// The algorithms that a token may be signed with.
const (
	EdDSA = "EdDSA" // Ed25519, RFC 8037
	ES256 = "ES256" // ECDSA on P-256 with SHA-256, RFC 7518
	// RS256 and PS256 are RSA with SHA-256 (RFC 7518). Several providers of
	// agencies sign with nothing else; an issuer has them only where its
	// configuration says so.
	RS256 = "RS256"
	PS256 = "PS256"
)

// The lengths of RSA keys that are taken: RFC 7518 section 3.3 wants 2048 bits
// at least; what is longer than 4096 costs time and buys nothing.
const (
	minRSABits     = 2048
	maxRSABits     = 4096
	minRSAExponent = 1<<16 + 1
)

// Key is a public key of an issuer.
type Key struct {
	// ID is the kid by which tokens name the key.
	ID string
	// Public is an ed25519.PublicKey, an *ecdsa.PublicKey on P-256 or an
	// *rsa.PublicKey of 2048 to 4096 bits.
	Public crypto.PublicKey
	// Alg narrows an RSA key to RS256 or PS256; empty means either. The other
	// sorts have one algorithm each, whatever it says.
	Alg string
}

// Algorithm returns the algorithm that the key verifies, the first one where
// there are two, or "" for a key of a sort that no token may be signed with.
func (k Key) Algorithm() string {
	switch public := k.Public.(type) {
	case ed25519.PublicKey:
		if len(public) == ed25519.PublicKeySize {
			return EdDSA
		}
	case *ecdsa.PublicKey:
		if public != nil && public.Curve == elliptic.P256() {
			return ES256
		}
	case *rsa.PublicKey:
		switch {
		case public == nil || public.N == nil, public.N.BitLen() < minRSABits, public.N.BitLen() > maxRSABits,
			public.E < minRSAExponent, public.E%2 == 0:
			return ""
		case k.Alg == "" || k.Alg == RS256:
			return RS256
		case k.Alg == PS256:
			return PS256
		}
	}
	return ""
}

// Verifies reports whether the key verifies signatures of the algorithm.
func (k Key) Verifies(algorithm string) bool {
	own := k.Algorithm()
	return own != "" && (own == algorithm || own == RS256 && k.Alg == "" && algorithm == PS256)
}

// KeySource has the keys of one issuer. It is safe for concurrent use.
type KeySource interface {
	// Key returns the key with exactly that id. A fault of kind NotFound means
	// that the issuer has no such key, Unavailable that the source cannot tell.
	Key(ctx context.Context, id string) (Key, error)
}

// KeySet is a fixed set of keys by id.
type KeySet map[string]Key

// Key returns the key with that id, or a fault of kind NotFound.
func (s KeySet) Key(_ context.Context, id string) (Key, error) {
	k, ok := s[id]
	if !ok {
		return Key{}, fault.New(fault.NotFound, "identity.KeySet", "The key is unknown.")
	}
	return k, nil
}
