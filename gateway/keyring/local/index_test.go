package local

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/concord-gateway/concord/gateway/fault"
)

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}

// TestLostKeyIsNotMadeAgain removes key files of each use: no ring makes
// another key, the error names the file, and the file put back is the remedy.
func TestLostKeyIsNotMadeAgain(t *testing.T) {
	for _, s := range []slot{{sealing, "record/ISA-1/2026-11"}, {hashing, "index/d"}, {signing, "log"}} {
		t.Run(string(s.use), func(t *testing.T) {
			maker, dir := openRing(t)
			other := reopen(t, dir) // has read the index before the key was made
			if _, err := maker.load(t.Context(), s); err != nil {
				t.Fatal(err)
			}
			path := maker.folder.keyPath(s)
			raw, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			remove(t, path)
			for _, r := range []*Ring{other, reopen(t, dir)} {
				_, err := r.load(t.Context(), s)
				wantRemedy(t, err, path)
				if _, err := os.Lstat(path); err == nil {
					t.Fatal("a new key took the place of the lost one")
				}
			}
			if err := os.WriteFile(path, raw, fileMode); err != nil {
				t.Fatal(err)
			}
			if _, err := other.load(t.Context(), s); err != nil {
				t.Errorf("put back: %v", err)
			}
		})
	}
}

// TestLostIndex removes the index: the folder is not used until it is back.
func TestLostIndex(t *testing.T) {
	maker, dir := openRing(t)
	path := filepath.Join(dir, indexName)
	sealerOf(t, maker, "x")
	remove(t, path)
	_, err := Open(dir)
	wantRemedy(t, err, path)
	_, err = maker.Sealer(t.Context(), "y")
	wantRemedy(t, err, path)
	if _, err := os.Lstat(path); err == nil {
		t.Error("the index was made again")
	}
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	_, err = Open(dir)
	wantRemedy(t, err, "chmod 0600 "+path)
}

// TestLostIndexOfTombstones does the same where nothing but a tombstone is left.
func TestLostIndexOfTombstones(t *testing.T) {
	r, dir := openRing(t)
	if err := r.Destroy(t.Context(), "x"); err != nil {
		t.Fatal(err)
	}
	remove(t, filepath.Join(dir, indexName))
	_, err := Open(dir)
	wantRemedy(t, err, indexName)
}

// TestCrashes leaves what a crash leaves between the steps of making a key: a
// key that is not in the index yet, and half a line of the index. Neither stands
// in the way, and the key that is found is in the index from then on.
func TestCrashes(t *testing.T) {
	maker, dir := openRing(t)
	path := filepath.Join(dir, indexName)
	sealed := seal(t, sealerOf(t, maker, "x"), "content")
	if err := os.WriteFile(path, []byte("\nx.se"), fileMode); err != nil {
		t.Fatal(err)
	}
	r := reopen(t, dir)
	if got, err := sealerOf(t, r, "x").Open(sealed, []byte("place")); err != nil || string(got) != "content" {
		t.Fatalf("opened %q, %v", got, err)
	}
	sealerOf(t, r, "y")
	for _, scope := range []string{"x", "y"} {
		path := r.folder.keyPath(slot{sealing, scope})
		remove(t, path)
		_, err := reopen(t, dir).Sealer(t.Context(), scope)
		wantRemedy(t, err, path)
	}
}

// TestDestroyedIsNotLost has a destroyed scope answer as before, whatever the
// index says.
func TestDestroyedIsNotLost(t *testing.T) {
	r, dir := openRing(t)
	sealerOf(t, r, "x")
	if err := r.Destroy(t.Context(), "x"); err != nil {
		t.Fatal(err)
	}
	_, err := reopen(t, dir).Sealer(t.Context(), "x")
	wantKind(t, err, fault.NotFound)
}
