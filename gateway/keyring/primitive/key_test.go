package primitive

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"testing"

	kwp "github.com/tink-crypto/tink-go/v2/kwp/subtle"
)

// TestWrapSigner unwraps what was wrapped, as its receiver does: the same key, another
// wrapping each time, and nothing of it in the clear.
func TestWrapSigner(t *testing.T) {
	to, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := New(Signing)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ParseSigner(raw)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for range 2 {
		wrapped, err := WrapSigner(raw, &to.PublicKey)
		if err != nil {
			t.Fatal(err)
		}
		seen[string(wrapped)] = true
		transport, err := rsa.DecryptOAEP(sha256.New(), nil, to, wrapped[:to.Size()], nil)
		if err != nil {
			t.Fatal(err)
		}
		unwrapper, err := kwp.NewKWP(transport)
		if err != nil {
			t.Fatal(err)
		}
		der, err := unwrapper.Unwrap(wrapped[to.Size():])
		if err != nil {
			t.Fatal(err)
		}
		key, err := x509.ParsePKCS8PrivateKey(der)
		if got, ok := key.(ed25519.PrivateKey); err != nil || !ok || !got.Equal(*signer.key) {
			t.Errorf("another key: %v", err)
		}
	}
	if len(seen) != 2 {
		t.Error("wrapped the same twice")
	}
	sealing, err := New(Sealing)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := WrapSigner(sealing, &to.PublicKey); err == nil {
		t.Error("a key for sealing was wrapped as one for signing")
	}
	for use, wrong := range map[Use][]byte{Sealing: raw, Hashing: sealing, Signing: sealing} {
		if err := (&Key{Use: use, Scope: "x", Keyset: wrong}).Check(); err == nil {
			t.Errorf("a key of another use was taken for one to %s", use)
		}
	}
}
