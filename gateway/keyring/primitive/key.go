package primitive

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"

	kwp "github.com/tink-crypto/tink-go/v2/kwp/subtle"
)

// Key is what a keyring holds of a key, in the clear: for moving keys to another
// keyring, and for nothing else.
type Key struct {
	Use   Use
	Scope string
	// Keyset is as New made it. A destroyed scope has none, and no use.
	Keyset    []byte
	Destroyed bool
}

// Check reads the keyset as its use demands.
func (k *Key) Check() (err error) {
	switch {
	case k.Destroyed:
	case k.Use == Sealing:
		_, err = ParseSealer(k.Keyset)
	case k.Use == Hashing:
		_, err = ParseHasher(k.Keyset)
	default:
		_, err = ParseSigner(k.Keyset)
	}
	return err
}

// transportSize is the length in bytes of the AES key under which a signing key travels.
const transportSize = 32

// WrapSigner wraps the signing key of a keyset for the holder of an RSA key: a new AES
// key by RSA-OAEP with SHA-256 (RFC 8017), and under that, by AES-KWP (RFC 5649), the
// signing key in PKCS #8 (RFC 5208).
func WrapSigner(raw []byte, to *rsa.PublicKey) ([]byte, error) {
	s, err := ParseSigner(raw)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(*s.key)
	if err != nil {
		return nil, errUse(Signing)
	}
	defer clear(der)
	transport := make([]byte, transportSize)
	defer clear(transport)
	_, _ = rand.Read(transport) // never fails (documented)
	wrapper, err := kwp.NewKWP(transport)
	if err != nil {
		return nil, err
	}
	wrapped, err := wrapper.Wrap(der)
	if err != nil {
		return nil, err
	}
	sealed, err := rsa.EncryptOAEP(sha256.New(), rand.Reader, to, transport, nil)
	return append(sealed, wrapped...), err
}
