package local

import (
	"bytes"
	"crypto"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/keyring"
)

// openRing opens a fresh folder and returns its path.
func openRing(tb testing.TB) (*Ring, string) {
	tb.Helper()
	dir := filepath.Join(tb.TempDir(), "keys")
	return reopen(tb, dir), dir
}

func reopen(tb testing.TB, dir string) *Ring {
	tb.Helper()
	r, err := Open(dir)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := r.Close(); err != nil {
			tb.Error(err)
		}
	})
	return r
}

func wantKind(t *testing.T, err error, kind fault.Kind) {
	t.Helper()
	if !fault.Is(err, kind) {
		t.Fatalf("error is %v, want a fault of kind %q", err, kind)
	}
}

func sealerOf(t *testing.T, r *Ring, scope string) keyring.Sealer {
	t.Helper()
	s, err := r.Sealer(t.Context(), scope)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func hasherOf(t *testing.T, r *Ring, scope string) keyring.Hasher {
	t.Helper()
	h, err := r.Hasher(t.Context(), scope)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func signerOf(t *testing.T, r *Ring, name string) crypto.Signer {
	t.Helper()
	s, err := r.Signer(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func seal(t *testing.T, s keyring.Sealer, plaintext string) []byte {
	t.Helper()
	sealed, err := s.Seal([]byte(plaintext), []byte("place"))
	if err != nil {
		t.Fatal(err)
	}
	return sealed
}

// TestHasher computes the hash by the definition in package keyring, with the
// key out of the file.
func TestHasher(t *testing.T) {
	r, dir := openRing(t)
	h := hasherOf(t, r, "index/d")
	raw, err := readKey(r.folder.keyPath(slot{hashing, "index/d"}))
	if err != nil {
		t.Fatal(err)
	}
	key := secretOf(t, raw)
	if len(key) != sha256.Size {
		t.Fatalf("the key has %d bytes", len(key))
	}
	seen := make(map[[32]byte]string)
	for _, parts := range [][]string{{}, {""}, {"", ""}, {"ab"}, {"a", "b"}, {"b", "a"}, {"ab", ""}, {"", "ab"}} {
		mac := hmac.New(sha256.New, key)
		for _, p := range parts {
			mac.Write(binary.BigEndian.AppendUint64(nil, uint64(len(p))))
			mac.Write([]byte(p))
		}
		got := h.Hash(parts...)
		if !bytes.Equal(got[:], mac.Sum(nil)) {
			t.Errorf("hash of %q is not the HMAC of its parts", parts)
		}
		if other, ok := seen[got]; ok {
			t.Errorf("%q and %s have the same hash", parts, other)
		}
		seen[got] = fmt.Sprintf("%q", parts)
		if again := hasherOf(t, reopen(t, dir), "index/d").Hash(parts...); again != got {
			t.Errorf("hash of %q differs after opening again", parts)
		}
		if other := hasherOf(t, r, "index/e").Hash(parts...); other == got {
			t.Errorf("hash of %q is the same in another scope", parts)
		}
	}
}

// TestKeysOfAScopeAreIndependent looks at the secrets of one scope's keys.
func TestKeysOfAScopeAreIndependent(t *testing.T) {
	r, _ := openRing(t)
	sealerOf(t, r, "x")
	hasherOf(t, r, "x")
	signerOf(t, r, "x")
	var secrets [][]byte
	for _, u := range []use{sealing, hashing, signing} {
		raw, err := readKey(r.folder.keyPath(slot{u, "x"}))
		if err != nil {
			t.Fatal(err)
		}
		for _, other := range secrets {
			if bytes.Contains(raw, other) {
				t.Errorf("the key for %s is in another file", u)
			}
		}
		secrets = append(secrets, bytes.TrimSpace(raw))
	}
}

// TestPrimitivesDoNotPrintKeys formats every primitive in the ways a careless
// log line would.
func TestPrimitivesDoNotPrintKeys(t *testing.T) {
	r, _ := openRing(t)
	sealerOf(t, r, "x")
	hasherOf(t, r, "x")
	signerOf(t, r, "x")
	printed := fmt.Sprintf("%v %+v %#v", r, r, r)
	for s, p := range r.held {
		printed += fmt.Sprintf("%v %+v %#v %x", p, p, p, p)
		raw, err := readKey(r.folder.keyPath(s))
		if err != nil {
			t.Fatal(err)
		}
		for _, format := range []string{"%v", "%x", "%#v", "%s"} {
			if secret := fmt.Sprintf(format, secretOf(t, raw)); strings.Contains(printed, secret) {
				t.Errorf("the key for %s is printed", s.use)
			}
		}
	}
}

func BenchmarkSealer(b *testing.B) {
	r, _ := openRing(b)
	for i := range 100 {
		if _, err := r.Sealer(b.Context(), fmt.Sprint("record/ISA-1/", i)); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		if _, err := r.Sealer(b.Context(), "record/ISA-1/42"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkOpen1KiB(b *testing.B) {
	r, _ := openRing(b)
	s, err := r.Sealer(b.Context(), "x")
	if err != nil {
		b.Fatal(err)
	}
	sealed, err := s.Seal(make([]byte, 1024), []byte("place"))
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := s.Open(sealed, []byte("place")); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkHash(b *testing.B) {
	r, _ := openRing(b)
	h, err := r.Hasher(b.Context(), "x")
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		h.Hash("nhs_number", "9990000018")
	}
}
