// Package keyringtest is the conformance suite of keyrings: every sentence of the
// port (package keyring) that can be tested from outside has a test here, which each
// adapter must pass.
package keyringtest

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ed25519"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/keyring"
)

// Open opens a keyring over the keys of one place, as another process would. The
// place sees to it that it is closed.
type Open func() keyring.Keyring

// The scopes that the suite uses: of Concord's own kinds, since an adapter may allow
// no others. Destroyed may be destroyed.
var (
	destroyed = keyring.RecordScope("ISA-TEST-001", "2026-11")
	kept      = keyring.RecordScope("ISA-TEST-001", "2026-12")
	indexed   = keyring.IndexScope("housing.concern")
)

// Run runs the suite, on a new place for each test.
func Run(t *testing.T, newPlace func(t *testing.T) Open) {
	for name, test := range map[string]func(*testing.T, Open){
		"sealer": testSealer, "hasher": testHasher, "signer": testSigner, "scopes": testScopes,
		"invalid scope": testInvalidScope, "cancelled": testCancelled, "closed": testClosed,
		"destroy": testDestroy, "destroy what never was": testDestroyWhatNeverWas,
		"existing": testExisting, "race": testRace, "destroy race": testDestroyRace,
	} {
		t.Run(name, func(t *testing.T) { test(t, newPlace(t)) })
	}
}

func must[T any](t *testing.T, value T, err error) T {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return value
}

func sealerOf(t *testing.T, r keyring.Keyring, scope string) keyring.Sealer {
	t.Helper()
	s, err := r.Sealer(t.Context(), scope)
	return must(t, s, err)
}

func hasherOf(t *testing.T, r keyring.Keyring, scope string) keyring.Hasher {
	t.Helper()
	h, err := r.Hasher(t.Context(), scope)
	return must(t, h, err)
}

func signerOf(t *testing.T, r keyring.Keyring, name string) crypto.Signer {
	t.Helper()
	s, err := r.Signer(t.Context(), name)
	return must(t, s, err)
}

func seal(t *testing.T, s keyring.Sealer, plaintext string) []byte {
	t.Helper()
	sealed, err := s.Seal([]byte(plaintext), []byte("place"))
	return must(t, sealed, err)
}

func wantKind(t *testing.T, err error, kind fault.Kind) {
	t.Helper()
	if !fault.Is(err, kind) {
		t.Errorf("error is %v, want a fault of kind %q", err, kind)
	}
}

func wantAbsent(t *testing.T, err error) {
	t.Helper()
	if !fault.Is(err, fault.Unavailable) || !errors.Is(err, keyring.ErrAbsent) {
		t.Errorf("error is %v, want Unavailable: %v", err, keyring.ErrAbsent)
	}
}

func testSealer(t *testing.T, open Open) {
	r := open()
	s := sealerOf(t, r, kept)
	sealed := seal(t, s, "content")
	if bytes.Contains(sealed, []byte("content")) || bytes.Equal(sealed, seal(t, s, "content")) {
		t.Error("sealing hides nothing, or is the same twice")
	}
	for _, ring := range []keyring.Keyring{r, open()} {
		got, err := sealerOf(t, ring, kept).Open(sealed, []byte("place"))
		if err != nil || string(got) != "content" {
			t.Errorf("opened %q, %v", got, err)
		}
	}
	other := sealerOf(t, r, destroyed)
	for at := range sealed {
		bad := bytes.Clone(sealed)
		bad[at] ^= 1
		got, err := s.Open(bad, []byte("place"))
		if !fault.Is(err, fault.Internal) || got != nil {
			t.Fatalf("byte %d changed: opened %q, %v", at, got, err)
		}
	}
	for name, open := range map[string]func() ([]byte, error){
		"other place": func() ([]byte, error) { return s.Open(sealed, []byte("elsewhere")) },
		"other scope": func() ([]byte, error) { return other.Open(sealed, []byte("place")) },
		"cut":         func() ([]byte, error) { return s.Open(sealed[:len(sealed)-1], []byte("place")) },
		"nothing":     func() ([]byte, error) { return s.Open(nil, []byte("place")) },
	} {
		got, err := open()
		if !fault.Is(err, fault.Internal) || got != nil {
			t.Errorf("%s: opened %q, %v", name, got, err)
		}
	}
}

func testHasher(t *testing.T, open Open) {
	r, again := open(), open()
	seen := make(map[[32]byte]string)
	for _, parts := range [][]string{{}, {""}, {"", ""}, {"ab"}, {"a", "b"}, {"b", "a"}, {"ab", ""}, {"", "ab"}} {
		got := hasherOf(t, r, indexed).Hash(parts...)
		if other, ok := seen[got]; ok {
			t.Errorf("%q and %s have the same hash", parts, other)
		}
		seen[got] = fmt.Sprintf("%q", parts)
		if hasherOf(t, again, indexed).Hash(parts...) != got {
			t.Errorf("hash of %q differs after opening again", parts)
		}
		if hasherOf(t, r, kept).Hash(parts...) == got {
			t.Errorf("hash of %q is the same in another scope", parts)
		}
	}
}

func testSigner(t *testing.T, open Open) {
	r := open()
	s := signerOf(t, r, "log")
	public, ok := s.Public().(ed25519.PublicKey)
	if !ok {
		t.Fatalf("the public key is a %T", s.Public())
	}
	signature, err := s.Sign(nil, []byte("message"), crypto.Hash(0))
	if err != nil || !ed25519.Verify(public, []byte("message"), signature) {
		t.Errorf("signature %x, %v", signature, err)
	}
	if again := signerOf(t, open(), "log"); !public.Equal(again.Public()) {
		t.Error("the key differs after opening again")
	}
	if other := signerOf(t, r, "log/2"); public.Equal(other.Public()) {
		t.Error("two names have the same key")
	}
	if _, err := s.Sign(nil, make([]byte, crypto.SHA256.Size()), crypto.SHA256); err == nil {
		t.Error("a digest was signed as if it were a message")
	}
}

// testScopes takes scopes that a careless adapter would take for one, or not at all.
func testScopes(t *testing.T, open Open) {
	r := open()
	seen := map[[32]byte]string{}
	for _, id := range []string{
		"ISA-1", "isa-1", "ISA_1", "ISA/1", "ISA.1", "ISA%1", "ISA 1", "ISA-1/", "../ISA-1", "-", "é", "\x00",
		string(bytes.Repeat([]byte("long-"), 100)), string(bytes.Repeat([]byte("long-"), 101)),
	} {
		for _, month := range []string{"2026-11", "2026-1", "-"} {
			scope := keyring.RecordScope(id, month)
			h := hasherOf(t, r, scope).Hash("x")
			if other, ok := seen[h]; ok {
				t.Errorf("%q and %q have the same key", scope, other)
			}
			seen[h] = scope
		}
	}
}

func testInvalidScope(t *testing.T, open Open) {
	r := open()
	_, err := r.Sealer(t.Context(), "")
	wantKind(t, err, fault.Invalid)
	_, err = r.Hasher(t.Context(), "")
	wantKind(t, err, fault.Invalid)
	_, err = r.Signer(t.Context(), "")
	wantKind(t, err, fault.Invalid)
	wantKind(t, r.Destroy(t.Context(), ""), fault.Invalid)
}

func testCancelled(t *testing.T, open Open) {
	r := open()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := r.Sealer(ctx, kept)
	wantKind(t, err, fault.Unavailable)
	sealerOf(t, r, kept)
}

func testClosed(t *testing.T, open Open) {
	r := open()
	s := sealerOf(t, r, kept)
	sealed := seal(t, s, "content")
	must(t, 0, r.Close())
	_, err := s.Open(sealed, []byte("place"))
	wantKind(t, err, fault.Unavailable)
	_, err = s.Seal(nil, nil)
	wantKind(t, err, fault.Unavailable)
	_, err = r.Sealer(t.Context(), kept)
	wantKind(t, err, fault.Unavailable)
	_, err = r.Hasher(t.Context(), kept)
	wantKind(t, err, fault.Unavailable)
	_, err = r.Signer(t.Context(), "log")
	wantKind(t, err, fault.Unavailable)
	if got, err := sealerOf(t, open(), kept).Open(sealed, []byte("place")); err != nil || string(got) != "content" {
		t.Errorf("opened %q, %v after opening again", got, err)
	}
}

func testDestroy(t *testing.T, open Open) {
	r := open()
	s := sealerOf(t, r, destroyed)
	hasherOf(t, r, destroyed)
	other := seal(t, sealerOf(t, r, kept), "kept")
	sealed := seal(t, s, "content")
	for range 2 {
		must(t, 0, r.Destroy(t.Context(), destroyed))
	}
	_, err := s.Open(sealed, []byte("place"))
	wantKind(t, err, fault.NotFound)
	_, err = s.Seal(nil, nil)
	wantKind(t, err, fault.NotFound)
	for _, ring := range []keyring.Keyring{r, open()} {
		_, err = ring.Sealer(t.Context(), destroyed)
		wantKind(t, err, fault.NotFound)
		_, err = ring.Hasher(t.Context(), destroyed)
		wantKind(t, err, fault.NotFound)
		if got, err := sealerOf(t, ring, kept).Open(other, []byte("place")); err != nil || string(got) != "kept" {
			t.Errorf("another scope: opened %q, %v", got, err)
		}
	}
}

func testDestroyWhatNeverWas(t *testing.T, open Open) {
	r := open()
	must(t, 0, r.Destroy(t.Context(), destroyed))
	_, err := open().Sealer(t.Context(), destroyed)
	wantKind(t, err, fault.NotFound)
}

// testExisting asks for keys without the right to make any: those that are there are
// handed out, and asking for others leaves nothing behind.
func testExisting(t *testing.T, open Open) {
	r := open()
	sealed := seal(t, sealerOf(t, r, kept), "content")
	hash, public := hasherOf(t, r, kept).Hash("x"), signerOf(t, r, "log").Public()
	must(t, 0, r.Destroy(t.Context(), destroyed))
	for _, reader := range []keyring.Keyring{r.Existing(), open().Existing(), open().Existing().Existing()} {
		if got, err := sealerOf(t, reader, kept).Open(sealed, []byte("place")); err != nil || string(got) != "content" {
			t.Errorf("opened %q, %v", got, err)
		}
		if hasherOf(t, reader, kept).Hash("x") != hash {
			t.Error("the hash is another")
		}
		if !public.(ed25519.PublicKey).Equal(signerOf(t, reader, "log").Public()) {
			t.Error("the signing key is another")
		}
		for range 2 { // had the first made a key, the second would get it
			_, err := reader.Sealer(t.Context(), indexed)
			wantAbsent(t, err)
			_, err = reader.Hasher(t.Context(), indexed)
			wantAbsent(t, err)
			_, err = reader.Signer(t.Context(), "log/2")
			wantAbsent(t, err)
		}
		_, err := reader.Sealer(t.Context(), destroyed)
		wantKind(t, err, fault.NotFound)
		wantKind(t, reader.Destroy(t.Context(), kept), fault.Forbidden)
	}
	made := hasherOf(t, r, indexed).Hash("x")
	reader := open().Existing()
	if hasherOf(t, reader, indexed).Hash("x") != made {
		t.Error("a key that was made since is not found")
	}
	must(t, 0, reader.Close())
	_, err := reader.Sealer(t.Context(), kept)
	wantKind(t, err, fault.Unavailable)
}

// testRace lets keyrings over one place make the same keys at once: all end with the
// same.
func testRace(t *testing.T, open Open) {
	const rings, scopes = 4, 3
	var wg sync.WaitGroup
	hashes := make([][scopes][32]byte, rings)
	for i := range rings {
		r := open()
		for s := range scopes {
			wg.Go(func() {
				h, err := r.Hasher(t.Context(), keyring.IndexScope(fmt.Sprint("d", s)))
				if err != nil {
					t.Error(err)
					return
				}
				hashes[i][s] = h.Hash("x")
			})
		}
	}
	wg.Wait()
	for i := range hashes {
		if hashes[i] != hashes[0] {
			t.Errorf("keyring %d has other keys than keyring 0", i)
		}
	}
}

// testDestroyRace destroys a scope while another keyring makes its keys: afterwards
// nobody gets any, whoever was first.
func testDestroyRace(t *testing.T, open Open) {
	maker, destroyer := open(), open()
	for n := range 5 {
		scope := keyring.RecordScope("ISA-RACE-001", fmt.Sprint(n))
		var wg sync.WaitGroup
		wg.Go(func() {
			if _, err := maker.Sealer(t.Context(), scope); err != nil && !fault.Is(err, fault.NotFound) {
				t.Error(err)
			}
		})
		wg.Go(func() {
			if err := destroyer.Destroy(t.Context(), scope); err != nil {
				t.Error(err)
			}
		})
		wg.Wait()
		_, err := open().Sealer(t.Context(), scope)
		wantKind(t, err, fault.NotFound)
	}
}
