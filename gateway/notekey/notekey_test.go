package notekey_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"github.com/concord-gateway/concord/gateway/notekey"
)

func pair(tb testing.TB, name string) (signerKey, verifierKey string) {
	tb.Helper()
	signerKey, verifierKey, err := note.GenerateKey(rand.Reader, name)
	if err != nil {
		tb.Fatal(err)
	}
	return signerKey, verifierKey
}

func TestKeys(t *testing.T) {
	t.Parallel()
	// Base64 may hold a plus sign, which is what parts are divided by.
	for range 64 {
		signerKey, verifierKey := pair(t, "telford-housing/dpo")
		name, private, err := notekey.Signer("\n" + signerKey + " \n")
		if err != nil {
			t.Fatal(err)
		}
		verifier, public, err := notekey.Verifier(verifierKey + "\n")
		if err != nil {
			t.Fatal(err)
		}
		if name != "telford-housing/dpo" || verifier != name || !public.Equal(private.Public()) {
			t.Fatalf("the halves of a key of %q and %q are not a pair", name, verifier)
		}
		if !ed25519.Verify(public, []byte("text"), ed25519.Sign(private, []byte("text"))) {
			t.Fatal("the key does not verify what it signed")
		}
	}
}

func TestKeysRefused(t *testing.T) {
	t.Parallel()
	signerKey, verifierKey := pair(t, "a/b")
	for name, key := range map[string]string{
		"nothing":       "",
		"other name":    strings.Replace(signerKey, "a/b", "a/c", 1),
		"cut":           signerKey[:len(signerKey)-4],
		"a public half": verifierKey,
		"no name":       strings.Replace(signerKey, "a/b", "", 1),
	} {
		if got, private, err := notekey.Signer(key); err == nil || got != "" || private != nil {
			t.Errorf("signer, %s: %q, %v", name, got, err)
		} else if len(key) > 60 && strings.Contains(err.Error(), key[len(key)-40:]) {
			t.Errorf("signer, %s: the error holds the key", name)
		}
	}
	for name, key := range map[string]string{
		"nothing":        "",
		"other name":     strings.Replace(verifierKey, "a/b", "a/c", 1),
		"cut":            verifierKey[:len(verifierKey)-4],
		"a private half": signerKey,
		"other type":     strings.Replace(verifierKey, "+A", "+B", 1),
	} {
		if got, public, err := notekey.Verifier(key); err == nil || got != "" || public != nil {
			t.Errorf("verifier, %s: %q, %v", name, got, err)
		}
	}
}

func FuzzKeys(f *testing.F) {
	signerKey, verifierKey := pair(f, "a/b")
	f.Add(signerKey)
	f.Add(verifierKey)
	f.Add("PRIVATE+KEY+++")
	f.Fuzz(func(t *testing.T, key string) {
		if name, private, err := notekey.Signer(key); (err == nil) != (len(private) == ed25519.PrivateKeySize) || (err == nil) != (name != "") {
			t.Fatalf("%q with %v", name, err)
		}
		if name, public, err := notekey.Verifier(key); (err == nil) != (len(public) == ed25519.PublicKeySize) || (err == nil) != (name != "") {
			t.Fatalf("%q with %v", name, err)
		}
	})
}
