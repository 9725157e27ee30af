package local

import (
	"bytes"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/insecuresecretdataaccess"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/secretdata"

	"github.com/concord-gateway/concord/gateway/fault"
)

// secretOf returns the secret bytes of a key file.
func secretOf(t *testing.T, raw []byte) []byte {
	t.Helper()
	handle, err := insecurecleartextkeyset.Read(keyset.NewJSONReader(bytes.NewReader(raw)))
	if err != nil {
		t.Fatal(err)
	}
	primary, err := handle.Primary()
	if err != nil {
		t.Fatal(err)
	}
	var secret secretdata.Bytes
	switch k := primary.Key().(type) {
	case interface{ KeyBytes() secretdata.Bytes }:
		secret = k.KeyBytes()
	case interface{ PrivateKeyBytes() secretdata.Bytes }:
		secret = k.PrivateKeyBytes()
	default:
		t.Fatalf("the file holds a %T", k)
	}
	return secret.Data(insecuresecretdataaccess.Token{})
}

func chmod(t *testing.T, path string, mode fs.FileMode) {
	t.Helper()
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

// wantRemedy fails the test unless the error names the file and what to do.
func wantRemedy(t *testing.T, err error, remedy string) {
	t.Helper()
	wantKind(t, err, fault.Unavailable)
	if !strings.Contains(err.Error(), remedy) {
		t.Errorf("no %q in %q", remedy, err)
	}
	var f *fault.Error
	if errors.As(err, &f) && strings.Contains(f.Message, string(filepath.Separator)) {
		t.Errorf("the caller is shown a path: %q", f.Message)
	}
}

func TestFilesArePrivate(t *testing.T) {
	r, dir := openRing(t)
	sealerOf(t, r, "a")
	hasherOf(t, r, "a")
	signerOf(t, r, "a")
	if err := r.Destroy(t.Context(), "b"); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(dir)
	if err != nil || info.Mode().Perm() != folderMode {
		t.Errorf("folder: %v, %v", info, err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 5 {
		t.Fatalf("the folder holds %v (%v), want four files and the index", entries, err)
	}
	for _, e := range entries {
		if info, err := e.Info(); err != nil || info.Mode() != fileMode {
			t.Errorf("%s: %v, %v", e.Name(), info.Mode(), err)
		}
	}
}

func TestWiderPermissionsAreRefused(t *testing.T) {
	for _, mode := range []fs.FileMode{0o701, 0o710, 0o704, 0o750, 0o755, 0o777} {
		_, dir := openRing(t)
		chmod(t, dir, mode)
		_, err := Open(dir)
		wantRemedy(t, err, "chmod 0700 "+dir)
	}
	for _, mode := range []fs.FileMode{0o601, 0o604, 0o640, 0o644, 0o666, 0o700} {
		r, dir := openRing(t)
		sealerOf(t, r, "x")
		path := filepath.Join(dir, "x.seal.json")
		chmod(t, path, mode)
		_, err := Open(dir)
		wantRemedy(t, err, "chmod 0600 "+path)
	}
}

// TestWidenedWhileOpen widens a key's file after the folder was opened and
// before the key is read.
func TestWidenedWhileOpen(t *testing.T) {
	maker, dir := openRing(t)
	sealerOf(t, maker, "x")
	r := reopen(t, dir)
	path := filepath.Join(dir, "x.seal.json")
	chmod(t, path, 0o640)
	_, err := r.Sealer(t.Context(), "x")
	wantRemedy(t, err, "chmod 0600 "+path)
	chmod(t, path, fileMode)
	sealerOf(t, r, "x")
}

func TestLinksAreRefused(t *testing.T) {
	maker, elsewhere := openRing(t)
	sealerOf(t, maker, "x")
	link := func(from, to string) {
		if err := os.Symlink(from, to); err != nil {
			t.Fatal(err)
		}
	}
	t.Run("folder", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "keys")
		link(elsewhere, path)
		_, err := Open(path)
		wantRemedy(t, err, path)
	})
	t.Run("file", func(t *testing.T) {
		r, dir := openRing(t)
		path := filepath.Join(dir, "x.seal.json")
		link(filepath.Join(elsewhere, "x.seal.json"), path)
		_, err := r.Sealer(t.Context(), "x")
		wantRemedy(t, err, path)
		_, err = Open(dir)
		wantRemedy(t, err, path)
	})
	t.Run("dangling", func(t *testing.T) {
		r, dir := openRing(t)
		path := filepath.Join(dir, "x.seal.json")
		link(filepath.Join(elsewhere, "nothing"), path)
		_, err := r.Sealer(t.Context(), "x")
		wantRemedy(t, err, path)
	})
	t.Run("a file for a folder", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "keys")
		if err := os.WriteFile(path, nil, fileMode); err != nil {
			t.Fatal(err)
		}
		_, err := Open(path)
		wantKind(t, err, fault.Unavailable)
	})
}

// TestDamagedKeys mangles a key's file in several ways: the key cannot be had,
// no other is made in its place, and no error shows any of it.
func TestDamagedKeys(t *testing.T) {
	for name, mangle := range map[string]func(raw []byte, folder map[use][]byte) []byte{
		"empty":    func([]byte, map[use][]byte) []byte { return nil },
		"cut":      func(raw []byte, _ map[use][]byte) []byte { return raw[:len(raw)/2] },
		"not JSON": func(raw []byte, _ map[use][]byte) []byte { return append([]byte("x"), raw...) },
		"no keys":  func([]byte, map[use][]byte) []byte { return []byte(`{"primaryKeyId":1,"key":[]}`) },
		"disabled": func(raw []byte, _ map[use][]byte) []byte {
			return bytes.ReplaceAll(raw, []byte("ENABLED"), []byte("DISABLED"))
		},
		"overwritten": func(raw []byte, _ map[use][]byte) []byte { return make([]byte, len(raw)) },
		"for hashing": func(_ []byte, all map[use][]byte) []byte { return all[hashing] },
		"for signing": func(_ []byte, all map[use][]byte) []byte { return all[signing] },
		"for sealing": func(_ []byte, all map[use][]byte) []byte { return all[sealing] },
		"unknown type": func(raw []byte, _ map[use][]byte) []byte {
			return bytes.ReplaceAll(raw, []byte("google.crypto.tink."), []byte("google.crypto.zink."))
		},
	} {
		t.Run(name, func(t *testing.T) { damaged(t, mangle) })
	}
}

func damaged(t *testing.T, mangle func([]byte, map[use][]byte) []byte) {
	t.Helper()
	maker, dir := openRing(t)
	sealerOf(t, maker, "x")
	hasherOf(t, maker, "x")
	signerOf(t, maker, "x")
	all := make(map[use][]byte)
	for _, u := range []use{sealing, hashing, signing} {
		raw, err := readKey(maker.folder.keyPath(slot{u, "x"}))
		if err != nil {
			t.Fatal(err)
		}
		all[u] = raw
	}
	for u, raw := range all {
		bad := mangle(raw, all)
		if bytes.Equal(bad, raw) {
			continue // the right key for this use
		}
		path := maker.folder.keyPath(slot{u, "x"})
		if err := os.WriteFile(path, bad, fileMode); err != nil {
			t.Fatal(err)
		}
		_, err := reopen(t, dir).load(t.Context(), slot{u, "x"})
		wantKind(t, err, fault.Unavailable)
		for value := range strings.SplitSeq(string(raw), `"`) {
			if len(value) > 40 && strings.Contains(err.Error(), value) { // the key itself is the longest
				t.Errorf("the error shows the key: %v", err)
			}
		}
		if now, err := os.ReadFile(path); err != nil || !bytes.Equal(now, bad) {
			t.Errorf("the damaged file was changed: %v", err)
		}
	}
}

// TestRace lets rings that share a folder, as processes would, make the same
// keys at once: all end with the same.
func TestRace(t *testing.T) {
	const rings, scopes = 6, 5
	dir := filepath.Join(t.TempDir(), "keys")
	var wg sync.WaitGroup
	hashes := make([][scopes][32]byte, rings)
	for i := range rings {
		r := reopen(t, dir)
		for s := range scopes {
			wg.Go(func() {
				h, err := r.Hasher(t.Context(), strings.Repeat("s", s+1))
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
			t.Errorf("ring %d has other keys than ring 0", i)
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != scopes+1 {
		t.Errorf("the folder holds %v (%v), want %d keys and the index", entries, err, scopes)
	}
}

func TestDestroy(t *testing.T) {
	r, dir := openRing(t)
	s, scope := sealerOf(t, r, "record/ISA-1/2026-11"), "record/ISA-1/2026-11"
	hasherOf(t, r, scope)
	kept := seal(t, sealerOf(t, r, "record/ISA-1/2026-12"), "kept")
	sealed := seal(t, s, "content")
	// A hard link shows what becomes of the bytes.
	witness := filepath.Join(t.TempDir(), "witness")
	if err := os.Link(r.folder.keyPath(slot{sealing, scope}), witness); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := r.Destroy(t.Context(), scope); err != nil {
			t.Fatal(err)
		}
	}
	if raw, err := os.ReadFile(witness); err != nil || len(raw) == 0 || len(bytes.Trim(raw, "\x00")) != 0 {
		t.Errorf("the key's bytes are still %q (%v)", raw, err)
	}
	_, err := s.Open(sealed, []byte("place"))
	wantKind(t, err, fault.NotFound)
	_, err = s.Seal(nil, nil)
	wantKind(t, err, fault.NotFound)
	for _, ring := range []*Ring{r, reopen(t, dir)} {
		_, err = ring.Sealer(t.Context(), scope)
		wantKind(t, err, fault.NotFound)
		_, err = ring.Hasher(t.Context(), scope)
		wantKind(t, err, fault.NotFound)
		if got, err := sealerOf(t, ring, "record/ISA-1/2026-12").Open(kept, []byte("place")); err != nil || string(got) != "kept" {
			t.Errorf("another scope: opened %q, %v", got, err)
		}
	}
}

// TestDestroyRace destroys a scope while other rings make its keys: afterwards
// there is no key file, whoever was first.
func TestDestroyRace(t *testing.T) {
	for range 20 {
		maker, dir := openRing(t)
		destroyer := reopen(t, dir)
		var wg sync.WaitGroup
		wg.Go(func() {
			if _, err := maker.Sealer(t.Context(), "x"); err != nil && !fault.Is(err, fault.NotFound) {
				t.Error(err)
			}
		})
		wg.Go(func() {
			if err := destroyer.Destroy(t.Context(), "x"); err != nil {
				t.Error(err)
			}
		})
		wg.Wait()
		entries, err := os.ReadDir(dir)
		if err != nil || len(entries) != 2 || entries[0].Name() != indexName || entries[1].Name() != "x.destroyed" {
			t.Fatalf("the folder holds %v (%v), want the index and the tombstone", entries, err)
		}
	}
}

// scopeOf undoes fileName for names that are not hashed.
func scopeOf(name string) (string, error) {
	var b strings.Builder
	for i := 0; i < len(name); i++ {
		if name[i] != '%' {
			b.WriteByte(name[i])
			continue
		}
		raw, err := hex.DecodeString(name[i+1 : i+3])
		if err != nil {
			return "", err
		}
		b.Write(raw)
		i += 2
	}
	return b.String(), nil
}

func FuzzFileName(f *testing.F) {
	for _, scope := range []string{
		"record/ISA-1/2026-11", "", ".", "..", "../../etc/passwd", "/", "a\\b", "nul\x00", "CON", "a.seal.json", "~",
		"%2f", "\u00e4", "\xff", strings.Repeat("long/", 100), strings.Repeat("x", longest), strings.Repeat("x", longest+1),
	} {
		f.Add(scope)
	}
	f.Fuzz(func(t *testing.T, scope string) {
		name := fileName(scope)
		if scope != "" && filepath.Base(name) != name || len(name) > longest || strings.ContainsAny(name, "./\\\x00") ||
			name != strings.ToLower(name) {
			t.Fatalf("%q becomes the unsafe name %q", scope, name)
		}
		if strings.HasPrefix(name, "~") {
			if len(scope) <= longest/3 {
				t.Fatalf("%q is hashed without need", scope)
			}
			return
		}
		back, err := scopeOf(name)
		if err != nil || back != scope {
			t.Fatalf("%q becomes %q, which is %q (%v)", scope, name, back, err)
		}
	})
}
