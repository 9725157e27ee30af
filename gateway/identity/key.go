package identity

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"

	"github.com/concord-gateway/concord/gateway/fault"
)

// The algorithms that a token may be signed with.
const (
	EdDSA = "EdDSA" // Ed25519, RFC 8037
	ES256 = "ES256" // ECDSA on P-256 with SHA-256, RFC 7518
)

// Key is a public key of an issuer.
type Key struct {
	// ID is the kid by which tokens name the key.
	ID string
	// Public is an ed25519.PublicKey or an *ecdsa.PublicKey on P-256.
	Public crypto.PublicKey
}

// Algorithm returns the one algorithm that the key verifies, or "" for a key
// of a sort that no token may be signed with.
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
	}
	return ""
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
