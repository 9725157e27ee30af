package sqlite

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/concord-gateway/concord/gateway/audit"
)

// drawLog puts batches of one to twelve entries into a log and returns what can
// be searched of each entry.
func drawLog(t *testing.T, log audit.Store, draw *rand.Rand) []audit.Columns {
	t.Helper()
	one := func(of ...string) string { return of[draw.IntN(len(of))] }
	var all []audit.Columns
	for n := range int64(40) {
		b := &audit.Batch{N: n, First: int64(len(all)), Root: []byte("root"), Writer: "w", Head: []byte("head")}
		for range 1 + draw.IntN(12) {
			c := audit.Columns{
				Action: audit.Action(one("consult", "disclose", "deny")), Actor: one("ann", "bob", "Bob", ""), Agency: one("police", "housing"),
				Provider: one("housing", "health", ""), Purpose: one("soc", "life"), RequestID: fmt.Sprint("r", len(all)/3),
				Time: fmt.Sprintf("2026-11-03T10:00:%02d", int(n)+draw.IntN(6)),
			}
			text, err := audit.Canonical(audit.Entry{
				Action: c.Action, Actor: audit.Actor{Agency: c.Agency, Subject: c.Actor}, Provider: c.Provider,
				Purpose: c.Purpose, RequestID: c.RequestID, Time: c.Time, V: 1,
			})
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, c)
			b.Entries = append(b.Entries, text)
			b.Leaves, b.Private = append(b.Leaves, []byte("leaf")), append(b.Private, []byte("private"))
		}
		b.Size = int64(len(all))
		if err := log.InsertBatch(t.Context(), b); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// matching is Search by looking at every entry.
func matching(all []audit.Columns, q audit.Query) []int64 {
	found := []int64{}
	is := func(want, have string) bool { return want == "" || want == have }
	for i, c := range slices.Backward(all) {
		if is(q.Actor, c.Actor) && is(q.Agency, c.Agency) && is(string(q.Action), string(c.Action)) && is(q.Provider, c.Provider) &&
			is(q.Purpose, c.Purpose) && is(q.RequestID, c.RequestID) && c.Time >= q.From && (q.To == "" || c.Time < q.To) &&
			(q.Before <= 0 || int64(i) < q.Before) && (q.After <= 0 || int64(i) > q.After) && len(found) < q.Limit {
			found = append(found, int64(i))
		}
	}
	return found
}

// TestLogSearchDrawn asks drawn questions about a drawn log, before and after the
// search rows are made anew.
func TestLogSearchDrawn(t *testing.T) {
	draw := rand.New(rand.NewPCG(4, 4))
	log := openTemp(t).Log()
	all := drawLog(t, log, draw)
	one := func(of ...string) string { return of[draw.IntN(len(of))] }
	found := 0
	for n := range 3000 {
		if n == 1500 {
			if err := log.Reindex(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		q := audit.Query{
			Actor: one("", "", "ann", "Bob"), Agency: one("", "", "police"), Action: audit.Action(one("", "", "deny", "consult")),
			Provider: one("", "", "health"), Purpose: one("", "soc"), Limit: 1 + draw.IntN(2*len(all)),
			RequestID: one("", "", "", "", fmt.Sprint("r", draw.IntN(len(all)/3))),
		}
		if draw.IntN(2) == 0 {
			q.From = fmt.Sprintf("2026-11-03T10:00:%02d", draw.IntN(50))
		}
		if draw.IntN(2) == 0 {
			q.To = fmt.Sprintf("2026-11-03T10:00:%02d", draw.IntN(50))
		}
		if draw.IntN(4) == 0 {
			q.Before = draw.Int64N(int64(len(all)) + 9)
		}
		if draw.IntN(4) == 0 {
			q.After = draw.Int64N(int64(len(all)) + 9)
		}
		got, err := log.Search(t.Context(), q)
		if diff := cmp.Diff(matching(all, q), got); diff != "" || err != nil {
			t.Fatalf("%+v: %v (-want +got):\n%s", q, err, diff)
		}
		found += len(got)
	}
	if found < 1000 {
		t.Errorf("the questions found %d entries: too few to tell", found)
	}
}

// TestMigrateSearchRows opens a database of the first version, with batches in it
// and a search row for each entry: what could be found can be found.
func TestMigrateSearchRows(t *testing.T) {
	dir := t.TempDir()
	db := openDir(t, dir, Options{})
	all := drawLog(t, db.Log(), rand.New(rand.NewPCG(1, 1)))
	closeDB(t, db)
	alter(t, dir, `DROP TABLE audit_terms; DROP TABLE audit_spans;
		CREATE TABLE audit_entries (idx INTEGER PRIMARY KEY, time TEXT NOT NULL) STRICT;
		INSERT INTO audit_entries VALUES (0, 't');
		DROP TABLE pieces; DROP INDEX records_month;
		PRAGMA user_version = 1`)
	db = openDir(t, dir, Options{})
	for _, q := range []audit.Query{{Limit: 1000}, {Actor: "ann", Limit: 1000}, {RequestID: "r7", Limit: 1000}, {From: "2026-11-03T10:00:20", Limit: 1000}} {
		got, err := db.Log().Search(t.Context(), q)
		if diff := cmp.Diff(matching(all, q), got); diff != "" || err != nil {
			t.Errorf("%+v: %v (-want +got):\n%s", q, err, diff)
		}
	}
	var tables int
	if err := db.read.QueryRowContext(t.Context(), "SELECT count(*) FROM sqlite_schema WHERE name LIKE 'audit_entries%'").Scan(&tables); err != nil || tables != 0 {
		t.Errorf("%d of the old tables and indexes are left (%v)", tables, err)
	}
}
