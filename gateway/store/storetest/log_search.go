package storetest

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/concord-gateway/concord/gateway/audit"
)

func wantFound(t *testing.T, s audit.Store, q audit.Query, want ...int64) {
	t.Helper()
	got, err := s.Search(t.Context(), q)
	must(t, err)
	if diff := cmp.Diff(want, got, emptyLists[int64]()); diff != "" {
		t.Errorf("search %+v (-want +got):\n%s", q, diff)
	}
}

// logSearched are entries of which no two agree in everything.
func logSearched(t *testing.T, s audit.Store) {
	t.Helper()
	const at = "2026-11-03T10:00:00.000000Z"
	must(t, s.InsertBatch(t.Context(), logBatch(t, 0, 0,
		logEntry{audit.Consult, "ann", "police", "", "soc", "r1", at},
		logEntry{audit.Disclose, "ann", "police", "housing", "soc", "r1", at},
		logEntry{audit.Deny, "ann", "police", "health", "soc", "r1", at},
	)))
	must(t, s.InsertBatch(t.Context(), logBatch(t, 1, 3,
		logEntry{audit.Consult, "bob", "police", "", "life", "r2", at},
		logEntry{audit.Disclose, "bob", "police", "housing", "life", "r2", at},
		logEntry{audit.Collect, "ann", "housing", "housing", "", "r3", at},
	)))
}

func logSearch(t *testing.T, s audit.Store) {
	logSearched(t, s)
	wantFound(t, s, audit.Query{}, 5, 4, 3, 2, 1, 0)
	wantFound(t, s, audit.Query{Actor: "ann"}, 5, 2, 1, 0)
	wantFound(t, s, audit.Query{Actor: "ann", Agency: "police"}, 2, 1, 0)
	wantFound(t, s, audit.Query{Agency: "housing"}, 5)
	wantFound(t, s, audit.Query{Action: audit.Disclose}, 4, 1)
	wantFound(t, s, audit.Query{Provider: "housing"}, 5, 4, 1)
	wantFound(t, s, audit.Query{Purpose: "life"}, 4, 3)
	wantFound(t, s, audit.Query{RequestID: "r1"}, 2, 1, 0)
	wantFound(t, s, audit.Query{RequestID: "r1", Action: audit.Deny, Actor: "ann", Agency: "police", Provider: "health", Purpose: "soc"}, 2)
	wantFound(t, s, audit.Query{RequestID: "r1", Actor: "bob"})
}

func logSearchPages(t *testing.T, s audit.Store) {
	must(t, s.InsertBatch(t.Context(), logBatch(t, 0, 0, consults(250)...)))
	var seen int64 = 250
	for before, pages := int64(0), 0; ; pages++ {
		found, err := s.Search(t.Context(), audit.Query{Before: before, Action: audit.Consult})
		must(t, err)
		if len(found) == 0 {
			break
		}
		if want := []int{100, 100, 50}[pages]; len(found) != want {
			t.Errorf("page %d has %d entries, want %d", pages, len(found), want)
		}
		for _, index := range found {
			if seen--; index != seen {
				t.Fatalf("found %d, want %d", index, seen)
			}
		}
		before = found[len(found)-1]
		if before == 0 {
			break
		}
	}
	if seen != 0 {
		t.Errorf("%d entries were not found", seen)
	}
	wantFound(t, s, audit.Query{Limit: 2}, 249, 248)
	wantFound(t, s, audit.Query{Limit: 2, Before: 2}, 1, 0)
	wantFound(t, s, audit.Query{After: 247}, 249, 248)
	wantFound(t, s, audit.Query{After: 245, Before: 248, Action: audit.Consult}, 247, 246)
	wantFound(t, s, audit.Query{After: 249})
}

// logSearchExact has actors that a store might fold together.
func logSearchExact(t *testing.T, s audit.Store) {
	names := []string{"ann", "Ann", "\u00e4nn", "a\u0308nn", "ann ", "an%", "a_n", "\U0001f512", "a\"b\\c", "a\u2028b"}
	entries := make([]logEntry, len(names))
	for i, name := range names {
		entries[i] = logEntry{action: audit.Consult, actor: name, agency: name, request: name, purpose: name, provider: name, time: "2026"}
	}
	must(t, s.InsertBatch(t.Context(), logBatch(t, 0, 0, entries...)))
	for i, name := range names {
		for _, q := range []audit.Query{{Actor: name}, {Agency: name}, {RequestID: name}, {Purpose: name}, {Provider: name}} {
			wantFound(t, s, q, int64(i))
		}
	}
}

func logSearchTimes(t *testing.T, s audit.Store) {
	at := func(micros int) string { return fmt.Sprintf("2026-11-03T10:00:00.%06dZ", micros) }
	entries := consults(5)
	for i := range entries {
		entries[i].time = at(i)
	}
	entries[4].time = at(1) // clocks are not in step
	must(t, s.InsertBatch(t.Context(), logBatch(t, 0, 0, entries...)))
	wantFound(t, s, audit.Query{From: at(1), To: at(3)}, 4, 2, 1)
	wantFound(t, s, audit.Query{From: at(3)}, 3)
	wantFound(t, s, audit.Query{To: at(1)}, 0)
	wantFound(t, s, audit.Query{From: at(4)})
	wantFound(t, s, audit.Query{From: at(1), Action: audit.Consult, Limit: 2}, 4, 3)
}

func logReindex(t *testing.T, s audit.Store) {
	logSearched(t, s)
	must(t, s.Reindex(t.Context()))
	wantFound(t, s, audit.Query{Actor: "ann"}, 5, 2, 1, 0)
	must(t, s.InsertBatch(t.Context(), logBatch(t, 2, 6, consults(1)...)))
	must(t, s.Reindex(t.Context()))
	wantFound(t, s, audit.Query{}, 6, 5, 4, 3, 2, 1, 0)
}
