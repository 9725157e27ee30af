package sqlite

import (
	"context"
	"database/sql"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/concord-gateway/concord/gateway/event"
	"github.com/concord-gateway/concord/gateway/fault"
)

// openTemp opens a fresh database for one test.
func openTemp(tb testing.TB) *DB {
	tb.Helper()
	return openDir(tb, tb.TempDir(), Options{})
}

// openDir opens the database of a folder until the test ends. Test folders
// are made wider than Open takes.
func openDir(tb testing.TB, dir string, opts Options) *DB {
	tb.Helper()
	chmod(tb, dir, folderMode)
	db, err := Open(tb.Context(), dir, opts)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { closeDB(tb, db) })
	return db
}

func closeDB(tb testing.TB, db *DB) {
	tb.Helper()
	if err := db.Close(); err != nil {
		tb.Error(err)
	}
}

func chmod(tb testing.TB, path string, mode fs.FileMode) {
	tb.Helper()
	if err := os.Chmod(path, mode); err != nil {
		tb.Fatal(err)
	}
}

func wantKind(t *testing.T, err error, kind fault.Kind) {
	t.Helper()
	if !fault.Is(err, kind) {
		t.Fatalf("error is %v, want a fault of kind %q", err, kind)
	}
}

// insertEvent adds row n of one thing.
func addEvent(ctx context.Context, t *testing.T, db *DB, n int64) {
	t.Helper()
	if err := db.Events().Insert(ctx, event.Event{Kind: "k", ID: "a", N: n, Body: []byte("x")}); err != nil {
		t.Fatal(err)
	}
}

func wantEvents(t *testing.T, db *DB, want int) {
	t.Helper()
	got, err := db.Events().Stream(t.Context(), "k", "a")
	if err != nil || len(got) != want {
		t.Fatalf("%d events (%v), want %d", len(got), err, want)
	}
}

func TestOpenMakesPrivateFiles(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "deep", "a folder?&#%20")
	db, err := Open(t.Context(), dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer closeDB(t, db)
	addEvent(t.Context(), t, db, 0)
	info, err := os.Stat(dir)
	if err != nil || info.Mode().Perm() != folderMode {
		t.Errorf("folder: %v, %v", info, err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 3 {
		t.Fatalf("the folder holds %v (%v), want the database and its two side files", entries, err)
	}
	for _, e := range entries {
		if info, err := e.Info(); err != nil || info.Mode().Perm() != fileMode {
			t.Errorf("%s: %v, %v", e.Name(), info, err)
		}
	}
}

func TestOpenRefusesWiderPermissions(t *testing.T) {
	for _, mode := range []fs.FileMode{0o701, 0o710, 0o750, 0o755, 0o777, 0o740} {
		dir := t.TempDir()
		chmod(t, dir, mode)
		_, err := Open(t.Context(), dir, Options{})
		wantKind(t, err, fault.Forbidden)
		if !strings.Contains(err.Error(), "chmod 0700 "+dir) {
			t.Errorf("no remedy in %q", err)
		}
	}
	for _, mode := range []fs.FileMode{0o601, 0o640, 0o644, 0o660, 0o700} {
		dir := t.TempDir()
		closeDB(t, openDir(t, dir, Options{}))
		chmod(t, filepath.Join(dir, FileName), mode)
		_, err := Open(t.Context(), dir, Options{})
		wantKind(t, err, fault.Forbidden)
		if !strings.Contains(err.Error(), "chmod 0600 "+filepath.Join(dir, FileName)) {
			t.Errorf("no remedy in %q", err)
		}
	}
}

func TestOpenRefusesLinkedFile(t *testing.T) {
	elsewhere, dir := t.TempDir(), t.TempDir()
	closeDB(t, openDir(t, elsewhere, Options{}))
	chmod(t, dir, folderMode)
	if err := os.Symlink(filepath.Join(elsewhere, FileName), filepath.Join(dir, FileName)); err != nil {
		t.Fatal(err)
	}
	_, err := Open(t.Context(), dir, Options{})
	wantKind(t, err, fault.Forbidden)
}

func TestOpenKeepsWhatWasThere(t *testing.T) {
	dir := t.TempDir()
	for n := range 3 {
		db := openDir(t, dir, Options{})
		addEvent(t.Context(), t, db, int64(n))
		wantEvents(t, db, n+1)
		closeDB(t, db)
	}
}

// TestOpenTogether lets several processes' worth of handles make and use one
// folder at once.
func TestOpenTogether(t *testing.T) {
	dir := t.TempDir()
	chmod(t, dir, folderMode)
	var wg sync.WaitGroup
	for n := range 6 {
		wg.Go(func() {
			db, err := Open(t.Context(), dir, Options{})
			if err != nil {
				t.Error(err)
				return
			}
			defer closeDB(t, db)
			if err := db.Events().Insert(t.Context(), event.Event{Kind: "k", ID: "a", N: int64(n)}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	wantEvents(t, openDir(t, dir, Options{}), 6)
}

// alter runs SQL on a closed database, as another program would.
func alter(t *testing.T, dir, query string) {
	t.Helper()
	pool, err := sql.Open("sqlite", "file:"+filepath.Join(dir, FileName))
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	if _, err := pool.ExecContext(t.Context(), query); err != nil {
		t.Fatal(err)
	}
}

func TestOpenRefusesWhatItDoesNotKnow(t *testing.T) {
	for name, query := range map[string]string{
		"newer":         "PRAGMA user_version = 99",
		"other program": "PRAGMA application_id = 7",
		"no mark":       "PRAGMA application_id = 0",
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			db := openDir(t, dir, Options{})
			addEvent(t.Context(), t, db, 0)
			closeDB(t, db)
			alter(t, dir, query)
			for _, opts := range []Options{{}, {ReadOnly: true}} {
				_, err := Open(t.Context(), dir, opts)
				wantKind(t, err, fault.Conflict)
			}
		})
	}
	t.Run("damaged", func(t *testing.T) {
		dir := t.TempDir()
		chmod(t, dir, folderMode)
		if err := os.WriteFile(filepath.Join(dir, FileName), []byte(strings.Repeat("no database ", 1000)), fileMode); err != nil {
			t.Fatal(err)
		}
		_, err := Open(t.Context(), dir, Options{})
		wantKind(t, err, fault.Unavailable)
	})
}

// folderState is the size, time and mode of every file of a folder.
func folderState(t *testing.T, dir string) map[string]string {
	t.Helper()
	state := make(map[string]string)
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		state[e.Name()] = info.Mode().String() + " " + info.ModTime().Format(time.RFC3339Nano) + " " +
			time.Duration(info.Size()).String()
	}
	return state
}

func TestReadOnlyLeavesTheFolderAlone(t *testing.T) {
	dir := t.TempDir()
	db := openDir(t, dir, Options{})
	addEvent(t.Context(), t, db, 0)
	closeDB(t, db)
	chmod(t, filepath.Join(dir, FileName), 0o444) // as on a disc
	chmod(t, dir, 0o555)
	before := folderState(t, dir)
	db, err := Open(t.Context(), dir, Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	wantEvents(t, db, 1)
	if err := db.Ping(t.Context()); err != nil {
		t.Error(err)
	}
	wantKind(t, db.Events().Insert(t.Context(), event.Event{Kind: "k", ID: "a", N: 1}), fault.Unavailable)
	_, err = db.read.ExecContext(t.Context(), "DELETE FROM records")
	if err == nil {
		t.Error("the read pool writes")
	}
	if diff := cmp.Diff(before, folderState(t, dir)); diff != "" {
		t.Errorf("while open (-before +now):\n%s", diff)
	}
	closeDB(t, db)
	if diff := cmp.Diff(before, folderState(t, dir)); diff != "" {
		t.Errorf("after (-before +now):\n%s", diff)
	}
	chmod(t, dir, folderMode) // so that it can be removed
}

func TestReadOnlyMakesNothing(t *testing.T) {
	parent := t.TempDir()
	for _, dir := range []string{parent, filepath.Join(parent, "absent")} {
		_, err := Open(t.Context(), dir, Options{ReadOnly: true})
		wantKind(t, err, fault.NotFound)
	}
	if state := folderState(t, parent); len(state) != 0 {
		t.Errorf("made %v", state)
	}
}

// TestReadOnlyBesideAServer reads what a running server has acknowledged, and
// goes on seeing what it adds.
func TestReadOnlyBesideAServer(t *testing.T) {
	dir := t.TempDir()
	server := openDir(t, dir, Options{})
	addEvent(t.Context(), t, server, 0)
	reader := openDir(t, dir, Options{ReadOnly: true})
	wantEvents(t, reader, 1)
	addEvent(t.Context(), t, server, 1)
	wantEvents(t, reader, 2)
}

// TestReadOnlyAfterACrash reads a copy of the files of a server that never
// closed them.
func TestReadOnlyAfterACrash(t *testing.T) {
	dir, copied := t.TempDir(), t.TempDir()
	server := openDir(t, dir, Options{})
	addEvent(t.Context(), t, server, 0)
	if err := os.CopyFS(copied, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(filepath.Join(copied, FileName+"-wal")); err != nil || info.Size() == 0 {
		t.Fatalf("the copy has no write-ahead log: %v, %v", info, err)
	}
	before := folderState(t, copied)
	wantEvents(t, openDir(t, copied, Options{ReadOnly: true}), 1)
	after := folderState(t, copied)
	for _, name := range []string{FileName, FileName + "-wal"} {
		if before[name] != after[name] {
			t.Errorf("%s was %s and is %s", name, before[name], after[name])
		}
	}
}
