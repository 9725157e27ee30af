package sqlite

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/fault"
)

// smallBatch is batch n of one entry.
func smallBatch(n int64) *audit.Batch {
	return &audit.Batch{
		N: n, First: n, Size: n + 1, Root: []byte("root"), Writer: "w", Head: []byte("head"), Tips: map[string]audit.Tip{},
		Entries: [][]byte{[]byte(`{"action":"consult","request_id":"r","time":"t","v":1}`)},
		Leaves:  [][]byte{[]byte("leaf")}, Private: [][]byte{[]byte("private")},
	}
}

// TestInvariant04LogIsImmutable tries every statement that could change what is
// in the log, on a connection that may write.
func TestInvariant04LogIsImmutable(t *testing.T) {
	db := openTemp(t)
	log := db.Log()
	for _, err := range []error{
		log.InsertBatch(t.Context(), smallBatch(0)),
		log.InsertTile(t.Context(), 0, 0, []byte("tile")),
		log.InsertCheckpoint(t.Context(), 1, []byte("note")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for table, c := range map[string]struct{ column, columns, values string }{
		"audit_batches":     {"body", "n, first, size, body", "0, 0, 1, x'00'"},
		"audit_tiles":       {"data", "level, n, data", "0, 0, x'00'"},
		"audit_checkpoints": {"note", "size, note", "1, x'00'"},
	} {
		into := fmt.Sprintf("INTO %s (%s) VALUES (%s)", table, c.columns, c.values)
		for _, query := range []string{
			fmt.Sprintf("UPDATE %s SET %s = x'00'", table, c.column),
			fmt.Sprintf("UPDATE OR REPLACE %s SET %s = x'00'", table, c.column),
			"DELETE FROM " + table,
			"INSERT OR REPLACE " + into,
			"REPLACE " + into,
			"INSERT " + into + fmt.Sprintf(" ON CONFLICT DO UPDATE SET %s = x'00'", c.column),
			"PRAGMA recursive_triggers = 0; INSERT OR REPLACE " + into,
		} {
			_, err := db.write.ExecContext(t.Context(), query)
			if err := failure("test", err); !fault.Is(err, fault.Conflict) {
				t.Errorf("%s: %v, want a conflict", query, err)
			}
		}
	}
	got, err := log.Batch(t.Context(), 0)
	if diff := cmp.Diff(smallBatch(0), got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

// TestLogFullDisk has no room for a batch: the store says so, and keeps neither
// the batch nor its search rows.
func TestLogFullDisk(t *testing.T) {
	db := openTemp(t)
	log := db.Log()
	if _, err := db.write.ExecContext(t.Context(), "PRAGMA max_page_count = 1"); err != nil {
		t.Fatal(err)
	}
	big := smallBatch(0)
	big.Private[0] = make([]byte, 1<<20)
	wantKind(t, log.InsertBatch(t.Context(), big), fault.Unavailable)
	if _, err := db.write.ExecContext(t.Context(), "PRAGMA max_page_count = 100000"); err != nil {
		t.Fatal(err)
	}
	_, err := log.LastBatch(t.Context())
	wantKind(t, err, fault.NotFound)
	if err := log.InsertBatch(t.Context(), big); err != nil {
		t.Errorf("with room again: %v", err)
	}
}

func TestLogReadOnly(t *testing.T) {
	dir := t.TempDir()
	db := openDir(t, dir, Options{})
	if err := db.Log().InsertBatch(t.Context(), smallBatch(0)); err != nil {
		t.Fatal(err)
	}
	read := openDir(t, dir, Options{ReadOnly: true}).Log()
	if _, err := read.LastBatch(t.Context()); err != nil {
		t.Error(err)
	}
	wantKind(t, read.InsertBatch(t.Context(), smallBatch(1)), fault.Unavailable)
	wantKind(t, read.Reindex(t.Context()), fault.Unavailable)
}

// TestLogPlans holds the searches to their indexes: what leads is looked up, and
// what follows is looked up for each batch. Nothing is sorted but the batches of
// a range of times.
func TestLogPlans(t *testing.T) {
	db := openTemp(t)
	term, follows := "SEARCH t0 USING PRIMARY KEY (term=?)", "SEARCH s USING INTEGER PRIMARY KEY (rowid=?)"
	spans, sorted := "SEARCH s USING INDEX audit_spans_latest (latest>?)", "USE TEMP B-TREE FOR ORDER BY"
	for _, c := range []struct {
		q    audit.Query
		want []string
	}{
		{audit.Query{}, []string{"SCAN s"}},
		{audit.Query{RequestID: "r"}, []string{term, follows}},
		{audit.Query{Actor: "a"}, []string{term, follows}},
		{audit.Query{Provider: "p"}, []string{term, follows}},
		{audit.Query{Action: audit.Consult}, []string{term, follows}},
		{audit.Query{Actor: "a", Action: audit.Consult}, []string{term, "SEARCH t1 USING PRIMARY KEY (term=? AND n=?)", follows}},
		{audit.Query{Actor: "a", From: "t"}, []string{term, follows}},
		{audit.Query{From: "t"}, []string{spans, sorted}},
		{audit.Query{Action: audit.Consult, From: "t", To: "u"}, []string{spans, "SEARCH t0 USING PRIMARY KEY (term=? AND n=?)", sorted}},
	} {
		terms, _ := termsOf(c.q)
		query, args := searchSQL(c.q, terms)
		if diff := cmp.Diff(c.want, planOf(t, db, query, args)); diff != "" {
			t.Errorf("%+v (-want +got):\n%s", c.q, diff)
		}
	}
	if diff := cmp.Diff([]string{"SEARCH audit_batches USING INDEX audit_batches_first (first<?)"}, planOf(t, db, batchFrom, []any{1})); diff != "" {
		t.Errorf("a batch by one of its entries (-want +got):\n%s", diff)
	}
}

// planOf returns the steps of a query, without those of its subqueries.
func planOf(t *testing.T, db *DB, query string, args []any) []string {
	t.Helper()
	rows, err := db.read.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+query, args...)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var steps []string
	for rows.Next() {
		var id, parent, unused int
		var step string
		if err := rows.Scan(&id, &parent, &unused, &step); err != nil {
			t.Fatal(err)
		}
		if parent == 0 && !strings.Contains(step, "SUBQUERY") {
			steps = append(steps, step)
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return steps
}

// FuzzDecodeBatch: no body makes the decoder panic, and what it accepts encodes
// to a body that decodes to the same.
func FuzzDecodeBatch(f *testing.F) {
	body, err := audit.MarshalBatch(smallBatch(0))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(body)
	f.Add([]byte{})
	f.Add([]byte{2, 0, 0, 0, 2, '{', '}', 0xff, 0xff, 0xff, 0xff, 0x0f})
	f.Fuzz(func(t *testing.T, body []byte) {
		b := &audit.Batch{}
		if audit.UnmarshalBatch(b, bytes.Clone(body)) != nil || len(b.Entries) == 0 {
			return
		}
		b.Size = int64(len(b.Entries))
		again, err := audit.MarshalBatch(b)
		if err != nil {
			t.Fatal(err)
		}
		back := &audit.Batch{Size: b.Size}
		if err := audit.UnmarshalBatch(back, again); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(b, back); diff != "" {
			t.Error(diff)
		}
	})
}
