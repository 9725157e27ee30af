package local

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/keyring"
	"github.com/concord-gateway/concord/gateway/keyring/primitive"
)

// newContents is a folder with keys of each use and a destroyed scope.
func newContents(t *testing.T) (dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "keys")
	r, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, scope := range []string{"record/ISA-1/2026-11", "record/ISA-1/2026-12", "edition"} {
		if _, err := r.Sealer(t.Context(), scope); err != nil {
			t.Fatal(err)
		}
	}
	_, hashErr := r.Hasher(t.Context(), "index/housing.concern")
	_, signErr := r.Signer(t.Context(), "log/2")
	if hashErr != nil || signErr != nil {
		t.Fatal(hashErr, signErr)
	}
	if err := r.Destroy(t.Context(), "record/ISA-1/2026-12"); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestContents(t *testing.T) {
	dir := newContents(t)
	if err := os.WriteFile(filepath.Join(dir, "new-LEFT"), []byte("left by a stop"), 0o600); err != nil {
		t.Fatal(err)
	}
	type gist struct {
		Use       primitive.Use
		Scope     string
		Destroyed bool
	}
	var got []gist
	err := contentsOf(t, dir, func(keys []primitive.Key) error {
		for _, k := range keys {
			got = append(got, gist{k.Use, k.Scope, k.Destroyed})
			if k.Destroyed != (k.Keyset == nil) {
				t.Errorf("%s: %d bytes", k.Scope, len(k.Keyset))
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []gist{
		{"seal", "edition", false}, {"hash", "index/housing.concern", false}, {"sign", "log/2", false},
		{"seal", "record/ISA-1/2026-11", false}, {"", "record/ISA-1/2026-12", true},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("contents (-want +got):\n%s", diff)
	}
}

// contentsOf reads a folder as an import does.
func contentsOf(t *testing.T, dir string, use func([]primitive.Key) error) error {
	t.Helper()
	r, err := OpenExisting(dir)
	if err != nil {
		return err
	}
	defer r.Close()
	return r.Contents(use)
}

// TestContentsZeroed leaves no key in the clear, also where use fails and where not all
// could be read.
func TestContentsZeroed(t *testing.T) {
	dir, failed := newContents(t), fault.New(fault.Conflict, "test", "It failed.")
	for name, want := range map[string]error{"done": nil, "failed": failed} {
		var kept []primitive.Key
		err := contentsOf(t, dir, func(keys []primitive.Key) error {
			for _, k := range keys {
				if !k.Destroyed && !slices.ContainsFunc(k.Keyset, func(b byte) bool { return b != 0 }) {
					t.Errorf("%s: %s is zero while it is used", name, k.Scope)
				}
			}
			kept = keys
			return want
		})
		if !errors.Is(err, want) || len(kept) == 0 {
			t.Errorf("%s: %d keys, %v", name, len(kept), err)
		}
		wantZero(t, name, kept)
	}
	// The last by name is damaged: those before it were read. contents gives them, and the
	// damaged one too, so that Contents zeroes them.
	last := filepath.Join(dir, "record%2f%49%53%41-1%2f2026-11.seal.json")
	if err := os.WriteFile(last, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := OpenExisting(dir)
	if err != nil {
		t.Fatal(err)
	}
	var part []primitive.Key
	if err := r.folder.contents(&part); err == nil || len(part) != 4 {
		t.Errorf("%d keys, %v", len(part), err)
	}
}

func wantZero(t *testing.T, name string, keys []primitive.Key) {
	t.Helper()
	for _, k := range keys {
		if slices.ContainsFunc(k.Keyset, func(b byte) bool { return b != 0 }) {
			t.Errorf("%s: %s is in memory afterwards", name, k.Scope)
		}
	}
}

// TestContentsRefused reads no folder of which something is missing or wrong.
func TestContentsRefused(t *testing.T) {
	const edition = "edition.seal.json"
	for name, change := range map[string]func(dir string) error{
		"a lost key":       func(dir string) error { return os.Remove(filepath.Join(dir, edition)) },
		"no index":         func(dir string) error { return os.Remove(filepath.Join(dir, indexName)) },
		"no folder":        os.RemoveAll,
		"a damaged key":    func(dir string) error { return os.WriteFile(filepath.Join(dir, edition), []byte("{}"), 0o600) },
		"an open key":      func(dir string) error { return os.Chmod(filepath.Join(dir, edition), 0o644) },
		"a hidden scope":   func(dir string) error { return writeNew(filepath.Join(dir, "~00.seal.json"), []byte("{}")) },
		"a name of no key": func(dir string) error { return writeNew(filepath.Join(dir, "A.destroyed"), nil) },
		"another use": func(dir string) error {
			return os.Rename(filepath.Join(dir, edition), filepath.Join(dir, "edition.hash.json"))
		},
	} {
		dir := newContents(t)
		if err := change(dir); err != nil {
			t.Fatal(err)
		}
		used := false
		err := contentsOf(t, dir, func([]primitive.Key) error { used = true; return nil })
		if !fault.Is(err, fault.Unavailable) || used {
			t.Errorf("%s: %v, used: %t", name, err, used)
		}
	}
}

// TestOpenExisting makes no folder, and writes nothing into one.
func TestOpenExisting(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "keys")
	if _, err := OpenExisting(missing); !fault.Is(err, fault.Unavailable) {
		t.Errorf("no folder: %v", err)
	}
	if _, err := os.Stat(missing); !os.IsNotExist(err) {
		t.Errorf("it was made: %v", err)
	}
	empty := t.TempDir()
	if err := os.Chmod(empty, 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenExisting(empty); !fault.Is(err, fault.Unavailable) {
		t.Errorf("an empty folder: %v", err)
	}
	if left, err := os.ReadDir(empty); err != nil || len(left) > 0 {
		t.Errorf("it has %v, %v", left, err)
	}
	r, err := OpenExisting(newContents(t))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := r.Sealer(t.Context(), keyring.EditionScope); err != nil {
		t.Error(err)
	}
}

func FuzzScopeNamed(f *testing.F) {
	for _, scope := range []string{"edition", "record/ISA-1/2026-11", "é", "\x00", "~", "%2f"} {
		f.Add(scope)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if scope, err := scopeNamed(text); err == nil && fileName(scope) != text {
			t.Errorf("%q is the scope %q, which has another name", text, scope)
		}
		if name := fileName(text); text != "" && name[0] != '~' {
			if scope, err := scopeNamed(name); err != nil || scope != text {
				t.Errorf("%q came back as %q, %v", text, scope, err)
			}
		}
	})
}
