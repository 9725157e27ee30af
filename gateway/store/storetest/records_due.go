package storetest

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/concord-gateway/concord/gateway/record"
)

// over is when the versions of these cases expire.
func over() time.Time { return time.Date(2027, 11, 3, 9, 30, 15, 123456000, time.UTC) }

// under is a record sealed under a month of an agreement that expires at a time.
func under(r record.Record, agreement, month string, expires time.Time) record.Record {
	r.Agreement, r.KeyMonth, r.Expires = agreement, month, expires
	return r
}

func wantMonths(t *testing.T, s record.Store, want ...record.Month) {
	t.Helper()
	got, err := s.Months(t.Context())
	must(t, err)
	if len(want)+len(got) == 0 {
		return
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("months (-want +got):\n%s", diff)
	}
}

// recordsMonths has names that a store might fold or order otherwise, versions that
// are not in force, and one that is sealed under nothing.
func recordsMonths(t *testing.T, s record.Store) {
	wantMonths(t, s)
	var want []record.Month
	for i, agreement := range []string{"ISA", "ISA-1", "ISA-10", "ISA-2", "isa-1", "\u00e4"} {
		for j, month := range []string{"2026-09", "2026-10", "2027-01"} {
			want = append(want, record.Month{Agreement: agreement, KeyMonth: month})
			for k := range 3 {
				insert(t, s, under(rec(fmt.Sprint(i, k), int64(3-j)), agreement, month, over()))
			}
		}
	}
	insert(t, s, under(rec("none", 1), "", "", over()), under(rec("none", 2), "", "2026-09", over()), under(rec("none", 3), "ISA", "", over()))
	wantMonths(t, s, want...)
}

// month is that of most cases.
func month() record.Month { return record.Month{Agreement: "ISA-1", KeyMonth: "2026-11"} }

// due returns the versions of that month that are due.
func due(t *testing.T, s record.Store, at time.Time) (all []record.Due) {
	t.Helper()
	must(t, s.Due(t.Context(), month(), at, func(d *record.Due) error {
		all = append(all, *d)
		return nil
	}))
	return all
}

func dueOf(r record.Record, inForce bool) record.Due { return record.Due{Record: r, InForce: inForce} }

func wantDue(t *testing.T, got []record.Due, want ...record.Due) {
	t.Helper()
	if len(want)+len(got) == 0 {
		return
	}
	if diff := cmp.Diff(want, got, same()); diff != "" {
		t.Errorf("due (-want +got):\n%s", diff)
	}
}

// recordsDue expires to the microsecond, and only under the month asked for.
func recordsDue(t *testing.T, s record.Store) {
	old, replaced, next := rec("old", 1, ref("i", 1), ref("i", 2)), rec("a", 1), rec("a", 2)
	old.Expires, replaced.Expires, next.Expires = over().Add(-time.Hour), over().Add(-time.Second), over()
	next.Submission = "sub-2"
	later := rec("later", 1)
	later.Expires = over().Add(time.Microsecond)
	insert(t, s, later, next, replaced, old,
		under(rec("b", 1), "ISA-1", "2026-12", over()), under(rec("c", 1), "ISA-2", "2026-11", over()),
		under(rec("d", 1), "isa-1", "2026-11", over()))
	wantDue(t, due(t, s, over().Add(-2*time.Hour)))
	wantDue(t, due(t, s, over().Add(-time.Microsecond)), dueOf(old, true), dueOf(replaced, false))
	wantDue(t, due(t, s, over().In(time.FixedZone("", 3600))), dueOf(old, true), dueOf(replaced, false), dueOf(next, true))
	insert(t, s, under(rec("old", 2), "ISA-9", "2027-01", later.Expires)) // replaced under another month
	wantDue(t, due(t, s, over().Add(-time.Minute)), dueOf(old, false))
}

func recordsDueStops(t *testing.T, s record.Store) {
	for i := range 10 {
		insert(t, s, rec(fmt.Sprint(i), 1))
	}
	calls := 0
	err := s.Due(t.Context(), month(), over(), func(*record.Due) error {
		if calls++; calls == 4 {
			return fmt.Errorf("at four: %w", errStop)
		}
		return nil
	})
	if !errors.Is(err, errStop) || calls != 4 {
		t.Errorf("error is %v after %d calls, want that of the fourth call", err, calls)
	}
}

// prune removes versions and compares how many are gone.
func prune(t *testing.T, s record.Store, want int, due ...record.Due) {
	t.Helper()
	got, err := s.Prune(t.Context(), over(), due)
	must(t, err)
	if got != want {
		t.Errorf("%d versions were pruned, want %d", got, want)
	}
}

// recordsPrune removes versions that are replaced alone, and those in force with
// what is before them, whatever it says of its own expiry.
func recordsPrune(t *testing.T, s record.Store) {
	idx := ref("i", "shared")
	a1, a2, a3 := rec("a", 1, idx, ref("i", "a1")), rec("a", 2, idx), rec("a", 3, idx)
	b1, b2 := rec("b", 1, idx, ref("i", "b1")), rec("b", 2, idx, ref("i", "b2"))
	b1.Expires, a3.Expires = over().AddDate(9, 0, 0), over().AddDate(9, 0, 0)
	others := []record.Record{in(rec("a", 1, idx), "q", "d"), in(rec("b", 2, idx), "p", "e")}
	insert(t, s, append(others, a1, a2, a3, b1, b2)...)
	prune(t, s, 0)
	prune(t, s, 1, dueOf(a2, false))
	wantRecords(t, find(t, s, ref("i", "a1"))) // a1 is there, and not in force
	prune(t, s, 3, dueOf(a1, false), dueOf(a2, false), dueOf(b2, true))
	wantRecords(t, find(t, s, idx, ref("i", "a1"), ref("i", "b1"), ref("i", "b2")), a3)
	wantCount(t, s, record.Filter{}, 3)
	if got := due(t, s, over().AddDate(8, 0, 0)); len(got) != 2 {
		t.Errorf("%d versions are due, want those of the others", len(got))
	}
	prune(t, s, 0, dueOf(a1, false), dueOf(b2, true))
	again := rec("b", 1, ref("i", "again"))
	insert(t, s, again)
	wantRecords(t, find(t, s, ref("i", "b1"), ref("i", "again")), again)
}

// recordsPruneInForce asks for versions that are not what they were taken for: the
// store looks for itself.
func recordsPruneInForce(t *testing.T, s record.Store) {
	a1, a2, a3 := rec("a", 1), rec("a", 2), rec("a", 3)
	insert(t, s, a1, a2)
	stale := due(t, s, over())
	insert(t, s, a3) // a correction after the store was asked
	prune(t, s, 2, stale...)
	wantRecords(t, scan(t, s, record.Filter{}), a3)

	b1, b2 := rec("b", 1), rec("b", 2)
	b2.Expires = over().Add(time.Microsecond)
	insert(t, s, b1, b2)
	prune(t, s, 0, dueOf(b2, true), dueOf(b2, false)) // not over
	prune(t, s, 2, dueOf(a3, false), dueOf(b1, true)) // in force after all, and replaced after all
	wantRecords(t, scan(t, s, record.Filter{}), b2)
}

// recordsPruneOthers withdraws what was due and submits it again, under the same
// numbers: the new versions stay.
func recordsPruneOthers(t *testing.T, s record.Store) {
	insert(t, s, rec("a", 1), rec("a", 2), rec("b", 1), rec("b", 2))
	stale := due(t, s, over())
	_, err := s.Withdraw(t.Context(), []record.Key{rec("a", 1).Key, rec("b", 1).Key})
	must(t, err)
	prune(t, s, 0, stale...)
	a1, a2, b1 := rec("a", 1), rec("a", 2), rec("b", 1)
	a1.Submission, a2.Submission, b1.Expires = "sub-2", "sub-2", over().Add(time.Hour)
	insert(t, s, a1, a2, b1)
	prune(t, s, 0, stale...)
	if got := scan(t, s, record.Filter{}); len(got) != 2 {
		t.Errorf("%d records are left, want 2", len(got))
	}
}

// recordsPruneAll goes through more versions than any engine takes at once, of which
// many expire at the same time. Each is given once; what is pruned meanwhile is gone, and
// what is passed over stays.
func recordsPruneAll(t *testing.T, s record.Store) {
	const n, passed = 1400, "passed over"
	var all []record.Record
	kept := 0
	for i := range n {
		r := rec(fmt.Sprint(i/2), int64(1+i%2), ref("i", i))
		r.Expires = over().Add(-time.Duration(i%3) * time.Hour)
		switch i % 10 {
		case 9:
			r.Expires = over().Add(time.Second) // in force: the earlier one is due alone
			kept++
		case 6, 7:
			r.Area = passed
			kept++
		}
		all = append(all, r)
	}
	insert(t, s, all...)
	left, last := n, time.Time{}
	seen := map[record.Ref]bool{}
	var some []record.Due
	prune := func() {
		gone, err := s.Prune(t.Context(), over(), some)
		must(t, err)
		left, some = left-gone, some[:0]
	}
	must(t, s.Due(t.Context(), month(), over(), func(d *record.Due) error {
		if seen[d.Digest] || d.Expires.Before(last) || d.Expires.After(over()) {
			t.Fatalf("given twice, or not in order: %+v", d)
		}
		seen[d.Digest], last = true, d.Expires
		if d.Area != passed {
			some = append(some, *d)
		}
		if len(some) == 300 {
			prune()
		}
		return nil
	}))
	prune()
	if left != kept {
		t.Errorf("%d versions are left, want %d", left, kept)
	}
}
