package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/event"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/record"
	"github.com/concord-gateway/concord/gateway/spool"
	"github.com/concord-gateway/concord/gateway/store/storetest"
)

func TestConformance(t *testing.T) {
	storetest.Run(t, storetest.Stores{
		Records: func(t *testing.T) record.Store { return openTemp(t).Records() },
		Events:  func(t *testing.T) event.Store { return openTemp(t).Events() },
		Log:     func(t *testing.T) audit.Store { return openTemp(t).Log() },
		Spool:   func(t *testing.T) spool.Store { return openTemp(t).Spool() },
	})
}

func TestDurabilitySettings(t *testing.T) {
	db := openTemp(t)
	for pragma, want := range map[string]string{
		"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1", "recursive_triggers": "1",
		"secure_delete": "1", "trusted_schema": "0", "temp_store": "2", "busy_timeout": "5000",
	} {
		var got string
		err := db.write.QueryRowContext(t.Context(), "PRAGMA "+pragma).Scan(&got)
		if err != nil || got != want {
			t.Errorf("%s is %q (%v), want %q", pragma, got, err, want)
		}
	}
}

// TestEventsAreImmutable tries every statement that could change a row, on a
// connection that may write.
func TestEventsAreImmutable(t *testing.T) {
	db := openTemp(t)
	addEvent(t.Context(), t, db, 0)
	for _, query := range []string{
		"UPDATE events SET body = x'00'",
		"UPDATE events SET n = 1",
		"UPDATE OR REPLACE events SET n = 1",
		"DELETE FROM events",
		"INSERT OR REPLACE INTO events (kind, id, n, body) VALUES ('k', 'a', 0, x'00')",
		"REPLACE INTO events (kind, id, n, body) VALUES ('k', 'a', 0, x'00')",
		"INSERT INTO events (kind, id, n, body) VALUES ('k', 'a', 0, x'00') ON CONFLICT DO UPDATE SET body = x'00'",
		"PRAGMA recursive_triggers = 0; INSERT OR REPLACE INTO events (kind, id, n, body) VALUES ('k', 'a', 0, x'00')",
	} {
		_, err := db.write.ExecContext(t.Context(), query)
		if err := failure("test", err); !fault.Is(err, fault.Conflict) {
			t.Errorf("%s: %v, want a conflict", query, err)
		}
	}
	got, err := db.Events().Stream(t.Context(), "k", "a")
	if diff := cmp.Diff([]event.Event{{Kind: "k", ID: "a", Body: []byte("x")}}, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

// TestFullDisk limits the file to the size that it has: the store says that it
// is unavailable, keeps nothing of the batch, and goes on when there is room.
func TestFullDisk(t *testing.T) {
	db := openTemp(t)
	addEvent(t.Context(), t, db, 0)
	limit := func(query string) {
		if _, err := db.write.ExecContext(t.Context(), query); err != nil {
			t.Fatal(err)
		}
	}
	limit("PRAGMA max_page_count = 1") // SQLite takes the present size instead
	batch := make([]record.Record, 100)
	for i := range batch {
		batch[i] = record.Record{Key: record.Key{Provider: "p", Dataset: "d", Source: record.Ref{byte(i)}}, Version: 1}
		batch[i].Body = make([]byte, 2000)
	}
	_, err := db.Records().Insert(t.Context(), batch)
	wantKind(t, err, fault.Unavailable)
	count, err := db.Records().Count(t.Context(), record.Filter{})
	if err != nil || count != 0 {
		t.Errorf("%d records (%v) of a batch that failed", count, err)
	}
	limit("PRAGMA max_page_count = 1000000")
	taken, err := db.Records().Insert(t.Context(), batch)
	if err != nil || len(taken) != 0 {
		t.Errorf("with room again: %v, %v", taken, err)
	}
}

// TestLockedByAnother has another process hold the write lock: writes and the
// readiness check say so, reads go on.
func TestLockedByAnother(t *testing.T) {
	dir := t.TempDir()
	other := openDir(t, dir, Options{})
	db := openDir(t, dir, Options{patience: time.Millisecond})
	addEvent(t.Context(), t, db, 0)
	if err := db.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	err := other.update(t.Context(), "test", func(context.Context, *sql.Tx) error {
		wantKind(t, db.Ping(t.Context()), fault.Unavailable)
		wantKind(t, db.Events().Insert(t.Context(), event.Event{Kind: "k", ID: "a", N: 1}), fault.Unavailable)
		wantEvents(t, db, 1)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	addEvent(t.Context(), t, db, 1)
}

func TestClosed(t *testing.T) {
	db := openDir(t, t.TempDir(), Options{})
	closeDB(t, db)
	wantKind(t, db.Ping(t.Context()), fault.Unavailable)
	wantKind(t, db.Events().Insert(t.Context(), event.Event{Kind: "k", ID: "a"}), fault.Unavailable)
	_, err := db.Records().Count(t.Context(), record.Filter{})
	wantKind(t, err, fault.Unavailable)
}

func TestFailureKinds(t *testing.T) {
	db := openTemp(t)
	known := fault.New(fault.Limited, "x", "y")
	if err := failure("op", known); !errors.Is(err, known) {
		t.Errorf("a fault became %v", err)
	}
	if err := failure("op", nil); err != nil {
		t.Errorf("no error became %v", err)
	}
	wantKind(t, failure("op", sql.ErrNoRows), fault.NotFound)
	wantKind(t, failure("op", context.DeadlineExceeded), fault.Unavailable)
	wantKind(t, failure("op", errors.New("disk on fire")), fault.Unavailable)
	for query, kind := range map[string]fault.Kind{
		"SELECT nonsense": fault.Internal,
		"INSERT INTO events (kind, id, n, body) VALUES ('k', 'a', -1, x'')":                      fault.Internal,
		"INSERT INTO events (kind, id, n, body) VALUES ('k', 'a', 'text', x'')":                  fault.Internal,
		"INSERT INTO events (kind, id, n, body) VALUES ('k', 'a', 0, zeroblob(2000000000))":      fault.TooLarge,
		"INSERT INTO events (kind, id, n, body) VALUES ('k', 'a', 0, x''), ('k', 'a', 0, x'00')": fault.Conflict,
	} {
		_, err := db.write.ExecContext(t.Context(), query)
		if err := failure("op", err); !fault.Is(err, kind) {
			t.Errorf("%s: %v, want %q", query, err, kind)
		}
	}
}

// TestPlans holds every query of the hot roads to its index.
func TestPlans(t *testing.T) {
	db := openTemp(t)
	for name, query := range map[string]string{
		"find":        findRecords(4),
		"page":        pageRecords,
		"stamps":      stampsOf(4),
		"next group":  nextGroup,
		"count":       countRecords,
		"last events": listEvents,
		"next month":  nextMonth,
		"due":         dueRecords,
		"prunable":    prunable,
		"piece":       getPiece,
		"last piece":  lastPiece,
		"deletion":    deletePieces,
		"expiry":      expirePieces,
	} {
		rows, err := db.read.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+query, make([]any, strings.Count(query, "?"))...)
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		for rows.Next() {
			var id, parent, unused int
			var step string
			if err := rows.Scan(&id, &parent, &unused, &step); err != nil {
				t.Fatal(err)
			}
			t.Logf("%s: %s", name, step)
			if strings.HasPrefix(step, "SCAN") && !strings.HasPrefix(step, "SCAN i") && !strings.HasPrefix(step, "SCAN last") {
				t.Errorf("%s: %s", name, step)
			}
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
	}
}
