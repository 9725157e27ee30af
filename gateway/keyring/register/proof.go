package register

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/hmac"

	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/keyring"
)

// purpose keeps what a proof seals and hashes apart from all else under the key.
const purpose = "concord key register v1"

// proof is how a key of one use shows that it is the key of a row.
type proof[P any] struct {
	// give makes the body of the row.
	give func(k P, id string) ([]byte, error)
	// holds reports whether the body is this key's.
	holds func(k P, id string, body []byte) (bool, error)
}

// sealing: the key opens what it sealed, in its place.
var sealing = proof[keyring.Sealer]{
	give: func(k keyring.Sealer, id string) ([]byte, error) { return k.Seal([]byte(purpose), []byte(id)) },
	holds: func(k keyring.Sealer, id string, body []byte) (bool, error) {
		opened, err := k.Open(body, []byte(id))
		if fault.Is(err, fault.Internal) { // see keyring.Sealer
			return false, nil
		}
		return string(opened) == purpose, err
	},
}

// hashing: the hash of its own name.
var hashing = proof[keyring.Hasher]{
	give: func(k keyring.Hasher, id string) ([]byte, error) {
		sum := k.Hash(purpose, id)
		return sum[:], nil
	},
	holds: func(k keyring.Hasher, id string, body []byte) (bool, error) {
		sum := k.Hash(purpose, id)
		return hmac.Equal(sum[:], body), nil
	},
}

// signing: the public half.
var signing = proof[crypto.Signer]{
	give: func(k crypto.Signer, _ string) ([]byte, error) { return publicOf(k) },
	holds: func(k crypto.Signer, _ string, body []byte) (bool, error) {
		public, err := publicOf(k)
		return bytes.Equal(public, body), err
	},
}

func publicOf(k crypto.Signer) ([]byte, error) {
	public, ok := k.Public().(ed25519.PublicKey)
	if !ok {
		return nil, fault.New(fault.Internal, "register.Ring", "a signing key is of another kind than Ed25519")
	}
	return public, nil
}
