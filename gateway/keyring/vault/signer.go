package vault

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"io"
	"strings"

	"github.com/hashicorp/vault/api"

	"github.com/concord-gateway/concord/gateway/fault"
)

// Signing keys have one version: a new log key has another name in Concord. Should
// somebody rotate the transit key, the first version signs on.
const (
	signType    = "ed25519"
	signVersion = "1"
)

var errForged = errors.New("a signature of Vault does not verify by the key's own public half")

// signer is a key in Vault that signs.
type signer struct {
	ring   *Ring
	name   string // of the transit key
	public ed25519.PublicKey
}

// signer finds a signing key. Where there is none it makes one, if it may.
func (r *Ring) signer(ctx context.Context, name string, mayMake bool) (*signer, error) {
	s := &signer{ring: r, name: signName(name)}
	path := r.transit("keys", s.name)
	answer, err := r.conn.read(ctx, path)
	if err == nil && answer == nil {
		if !mayMake {
			return nil, errAbsent
		}
		if _, err = r.conn.write(ctx, path, map[string]any{"type": signType}); err == nil {
			answer, err = r.conn.read(ctx, path)
		}
	}
	if err != nil {
		return nil, err
	}
	s.public, err = publicOf(answer)
	return s, err
}

// publicOf is the public key in what Vault says of a transit key.
func publicOf(s *api.Secret) (ed25519.PublicKey, error) {
	if field(s, "type") != signType {
		return nil, errors.New("a signing key in Vault is of another type than " + signType)
	}
	versions, _ := s.Data["keys"].(map[string]any)
	first, _ := versions[signVersion].(map[string]any)
	raw, err := base64.StdEncoding.DecodeString(text(first, "public_key"))
	if err != nil || len(raw) != ed25519.PublicKeySize {
		return nil, errors.New("a signing key in Vault has lost its first version")
	}
	return raw, nil
}

// Public is an ed25519.PublicKey.
func (s *signer) Public() crypto.PublicKey { return s.public }

// Sign has Vault sign a message that is not hashed before. It asks Vault once, and
// believes only a signature that verifies.
func (s *signer) Sign(_ io.Reader, message []byte, opts crypto.SignerOpts) ([]byte, error) {
	const op = "vault.Signer.Sign"
	if opts != nil && opts.HashFunc() != 0 {
		return nil, fault.New(fault.Invalid, op, "the key signs messages, not digests")
	}
	if s.ring.life.Err() != nil {
		return nil, errClosed()
	}
	answer, err := s.ring.conn.write(s.ring.life, s.ring.transit("sign", s.name), map[string]any{
		"input": base64.StdEncoding.EncodeToString(message), "key_version": 1,
	})
	if err != nil {
		return nil, unavailable(op, err)
	}
	encoded := strings.TrimPrefix(field(answer, "signature"), "vault:v"+signVersion+":")
	signature, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil || !ed25519.Verify(s.public, message, signature) {
		return nil, fault.Wrap(fault.Unavailable, op, "the log key cannot sign", errForged)
	}
	return signature, nil
}
