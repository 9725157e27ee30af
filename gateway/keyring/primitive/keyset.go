// Package primitive is what keyrings have in common: Tink keysets, and the
// sealing, hashing and signing that Concord does with them in memory.
//
// A keyset is made by New and read by the Parse function of its use: AES-256-GCM
// to seal, HMAC-SHA-256 to hash, Ed25519 to sign. Its bytes are JSON in the clear:
// whoever keeps them protects them. A keyset of another use than asked for is
// refused, no error repeats any of a keyset, and no print of a primitive shows its
// key.
package primitive

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/insecuresecretdataaccess"
	"github.com/tink-crypto/tink-go/v2/key"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/mac"
	"github.com/tink-crypto/tink-go/v2/mac/hmac"
	tinkpb "github.com/tink-crypto/tink-go/v2/proto/tink_go_proto"
	"github.com/tink-crypto/tink-go/v2/signature"
	"github.com/tink-crypto/tink-go/v2/signature/ed25519"
)

// Use is what a key is for. A key has one use.
type Use string

// The uses.
const (
	Sealing Use = "seal"
	Hashing Use = "hash"
	Signing Use = "sign"
)

// The reasons why a keyset is not taken.
var (
	ErrDamaged = errors.New("a key is damaged: put it back from the backup of the keys")
	ErrNoKey   = errors.New("a keyset has no primary key")
)

// New makes a keyset for a use.
func New(u Use) ([]byte, error) {
	var template *tinkpb.KeyTemplate
	switch u {
	case Sealing:
		template = aead.AES256GCMKeyTemplate()
	case Hashing:
		template = mac.HMACSHA256Tag256KeyTemplate() // its key has 32 bytes
	case Signing:
		template = signature.ED25519KeyWithoutPrefixTemplate()
	default:
		return nil, fmt.Errorf("no key is made for %q", u)
	}
	handle, err := keyset.NewHandle(template)
	if err != nil {
		return nil, err
	}
	var raw bytes.Buffer
	if err := insecurecleartextkeyset.Write(handle, keyset.NewJSONWriter(&raw)); err != nil {
		return nil, err
	}
	return raw.Bytes(), nil
}

// ParseSealer reads a keyset for sealing.
func ParseSealer(raw []byte) (*Sealer, error) {
	handle, err := read(raw)
	if err != nil {
		return nil, err
	}
	p, err := aead.New(handle)
	if err != nil {
		return nil, errUse(Sealing)
	}
	return newSealer(p), nil
}

// ParseHasher reads a keyset for hashing.
func ParseHasher(raw []byte) (*Hasher, error) {
	k, err := primary(raw)
	if err != nil {
		return nil, err
	}
	if k, ok := k.(*hmac.Key); ok && k.KeyBytes().Len() == hashKeySize {
		return newHasher(k.KeyBytes().Data(insecuresecretdataaccess.Token{})), nil
	}
	return nil, errUse(Hashing)
}

// ParseSigner reads a keyset for signing.
func ParseSigner(raw []byte) (*Signer, error) {
	k, err := primary(raw)
	if err != nil {
		return nil, err
	}
	if k, ok := k.(*ed25519.PrivateKey); ok {
		return newSigner(k.PrivateKeyBytes().Data(insecuresecretdataaccess.Token{})), nil
	}
	return nil, errUse(Signing)
}

// read reads a keyset. Tink's own errors may repeat some of it.
func read(raw []byte) (*keyset.Handle, error) {
	handle, err := insecurecleartextkeyset.Read(keyset.NewJSONReader(bytes.NewReader(raw)))
	if err != nil {
		return nil, ErrDamaged
	}
	return handle, nil
}

// primary is the key of a keyset.
func primary(raw []byte) (key.Key, error) {
	handle, err := read(raw)
	if err != nil {
		return nil, err
	}
	entry, err := handle.Primary()
	if err != nil {
		return nil, ErrNoKey
	}
	return entry.Key(), nil
}

func errUse(u Use) error { return fmt.Errorf("a key for %s is for something else", u) }
