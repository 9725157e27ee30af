package audit_test

import (
	"database/sql"
	"fmt"
	"maps"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/store/sqlite"
	"github.com/concord-gateway/concord/gateway/store/storetest"
)

// administrator has every right in a database and no key.
type administrator interface {
	// rewrite makes the database hold these batches and no others, by changing,
	// deleting and inserting rows as they lie there, whatever guards them.
	rewrite(t *testing.T, batches []*audit.Batch)
}

// engine is a kind of store with its administrator.
type engine struct {
	name string
	// open returns a new, empty store, closed with the test.
	open func(t *testing.T) (storetest.Engine, administrator)
}

// engines are all the stores.
func engines() []engine {
	return []engine{{name: "sqlite", open: openSQLite}, {name: "mongo", open: openMongo}}
}

func openSQLite(t *testing.T) (storetest.Engine, administrator) {
	t.Helper()
	dir := t.TempDir() + "/data"
	db, err := sqlite.Open(t.Context(), dir, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db, &sqliteAdministrator{dir: dir}
}

type sqliteAdministrator struct{ dir string }

// connect opens a connection of the administrator's own and takes the triggers
// away that refuse changes.
func (a *sqliteAdministrator) connect(t *testing.T) *sql.DB {
	t.Helper()
	raw, err := sql.Open("sqlite", filepath.Join(a.dir, sqlite.FileName))
	if err != nil {
		t.Fatal(err)
	}
	raw.SetMaxOpenConns(1) // what is attached is attached to one connection
	for _, what := range []string{"update", "delete", "replace"} {
		if _, err := raw.ExecContext(t.Context(), "DROP TRIGGER IF EXISTS audit_batches_no_"+what); err != nil {
			t.Fatal(err)
		}
	}
	return raw
}

// rewrite implements administrator. The rows are made by a store of its own, in
// which nothing is checked, and copied over as they are.
func (a *sqliteAdministrator) rewrite(t *testing.T, batches []*audit.Batch) {
	t.Helper()
	scratch := t.TempDir() + "/scratch"
	db, err := sqlite.Open(t.Context(), scratch, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range batches {
		if err := db.Log().InsertBatch(t.Context(), b); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	raw := a.connect(t)
	defer func() { _ = raw.Close() }()
	changed := int64(0)
	for i, statement := range []string{
		fmt.Sprintf("ATTACH '%s' AS other", filepath.Join(scratch, sqlite.FileName)),
		"DELETE FROM main.audit_batches WHERE n NOT IN (SELECT n FROM other.audit_batches)",
		`UPDATE main.audit_batches SET first = o.first, size = o.size, body = o.body FROM other.audit_batches o
			WHERE o.n = main.audit_batches.n AND (o.first, o.size, o.body) IS NOT (main.audit_batches.first, main.audit_batches.size, main.audit_batches.body)`,
		"INSERT INTO main.audit_batches SELECT * FROM other.audit_batches WHERE n NOT IN (SELECT n FROM main.audit_batches)",
	} {
		result, err := raw.ExecContext(t.Context(), statement)
		if err != nil {
			t.Fatalf("%v in %s", err, statement)
		}
		if n, err := result.RowsAffected(); err == nil && i > 0 {
			changed += n
		}
	}
	if changed == 0 {
		t.Fatal("nothing was changed in the database")
	}
}

// copyInto fills a store with the batches and the checkpoint of a house.
func copyInto(t *testing.T, h *house, store audit.Store, batches []*audit.Batch) {
	t.Helper()
	for _, b := range batches {
		if err := store.InsertBatch(t.Context(), b); err != nil {
			t.Fatal(err)
		}
	}
	size, n, err := h.db.Log().LastCheckpoint(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := store.InsertCheckpoint(t.Context(), size, n); err != nil {
		t.Fatal(err)
	}
}

// deepCopy returns batches that share nothing with those given.
func deepCopy(batches []*audit.Batch) []*audit.Batch {
	out := make([]*audit.Batch, len(batches))
	for i, b := range batches {
		out[i] = cloneBatch(b)
	}
	return out
}

func cloneBatch(b *audit.Batch) *audit.Batch {
	c := *b
	c.Entries, c.Private, c.Leaves = cloneAll(b.Entries), cloneAll(b.Private), cloneAll(b.Leaves)
	c.Root, c.Head = cloneAll([][]byte{b.Root})[0], cloneAll([][]byte{b.Head})[0]
	c.Tips, c.Salts = maps.Clone(b.Tips), maps.Clone(b.Salts)
	return &c
}

func cloneAll(in [][]byte) [][]byte {
	out := make([][]byte, len(in))
	for i := range in {
		out[i] = append([]byte(nil), in[i]...)
	}
	return out
}

// TestFaultTamper has the administrator do each tampering in the database itself,
// on every store. Each is found, with its code and its index; the untouched log
// verifies.
func TestFaultTamper(t *testing.T) {
	t.Parallel()
	h, l, batches := victim(t)
	for _, e := range engines() {
		for _, c := range append(tamperings(), moreTamperings()...) {
			t.Run(e.name+"/"+c.name, func(t *testing.T) { // one after the other: they share the log's session key
				db, admin := e.open(t)
				store := db.Log()
				copyInto(t, h, store, batches)
				wantOK(t, verify(t, audit.StoreSource(store), h.vkey(), nil))
				changed := c.change(t, l, deepCopy(batches))
				if reflect.DeepEqual(changed, batches) {
					t.Fatal("nothing was changed")
				}
				admin.rewrite(t, changed)
				report := verify(t, audit.StoreSource(store), h.vkey(), nil)
				wantProblem(t, report, c.code, c.index)
				storetest.Tally(t, "tamper: "+c.name, e.name, 1, fmt.Sprintf("named: %s at %d", c.code, c.index))
			})
		}
	}
}
