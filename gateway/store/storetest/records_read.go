package storetest

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/concord-gateway/concord/gateway/record"
)

// recordsInForce inserts versions out of order and with gaps: the highest is
// in force, whenever it came, and only its indexes match.
func recordsInForce(t *testing.T, s record.Store) {
	three := rec("a", 3, ref("i", 3), ref("i", "kept"))
	insert(t, s, rec("a", 1, ref("i", 1), ref("i", "kept")))
	insert(t, s, three, rec("b", 1, ref("i", 1)))
	insert(t, s, rec("a", 2, ref("i", 2), ref("i", "kept")))
	wantRecords(t, find(t, s, ref("i", 2)))
	wantRecords(t, find(t, s, ref("i", 1)), rec("b", 1, ref("i", 1)))
	wantRecords(t, find(t, s, ref("i", 3)), three)
	wantRecords(t, find(t, s, ref("i", "kept")), three)
	wantCount(t, s, record.Filter{}, 2)
	stamps, err := s.Stamps(t.Context(), []record.Key{three.Key})
	must(t, err)
	if got := stamps[three.Key]; got.Version != 3 || got.Digest != three.Digest {
		t.Errorf("the stamp is of version %d", got.Version)
	}
	for _, r := range scan(t, s, record.Filter{}) {
		if r.Key == three.Key {
			wantRecords(t, []record.Record{r}, three)
		}
	}
	ten := rec("a", 10) // not the text "10", which sorts before "3"
	insert(t, s, ten)
	wantRecords(t, find(t, s, ref("i", "kept")))
}

func recordsFind(t *testing.T, s record.Store) {
	one, two := ref("i", 1), ref("i", 2)
	var want, noise []record.Record
	for i := range 20 {
		want = append(want, rec(fmt.Sprint("both", i), 1, one, two, ref("own", i)))
		noise = append(noise, rec(fmt.Sprint("none", i), 1, ref("other", i)),
			in(rec(fmt.Sprint(i), 1, one), "q", "d"), in(rec(fmt.Sprint(i), 1, two), "p", "e"))
	}
	insert(t, s, append(noise, want...)...)
	slices.SortFunc(want, inOrder)
	wantRecords(t, find(t, s, one, two, one, ref("own", 3), ref("absent")), want...)
	wantRecords(t, find(t, s, two), want...)
}

// recordsFindWhole has indexes that differ from the one asked for in one byte
// each.
func recordsFindWhole(t *testing.T, s record.Store) {
	wanted := ref("i")
	insert(t, s, rec("it", 1, wanted))
	for at := range wanted {
		near := wanted
		near[at] ^= 0x80
		insert(t, s, rec(fmt.Sprint(at), 1, near))
	}
	wantRecords(t, find(t, s, wanted), rec("it", 1, wanted))
}

// recordsFindMany asks for more indexes at once than a statement takes
// parameters in common engines.
func recordsFindMany(t *testing.T, s record.Store) {
	const n = 1100
	var want []record.Record
	indexes := []record.Ref{ref("common")}
	for i := range n {
		indexes = append(indexes, ref("i", i))
		if i%11 == 0 {
			want = append(want, rec(fmt.Sprint(i), 1, ref("i", i), ref("i", n-1-i), ref("common")))
		}
	}
	insert(t, s, want...)
	slices.SortFunc(want, inOrder)
	wantRecords(t, find(t, s, indexes...), want...)
}

// inOrder is the order of a scan.
func inOrder(a, b record.Record) int {
	return cmp.Or(cmp.Compare(a.Provider, b.Provider), cmp.Compare(a.Dataset, b.Dataset),
		slices.Compare(a.Source[:], b.Source[:]))
}

func recordsScan(t *testing.T, s record.Store) {
	var all []record.Record
	for _, provider := range []string{"p", "P", "pp", "a", "\u00e9"} {
		for _, dataset := range []string{"d", "D", "d.x"} {
			for i := range 3 {
				all = append(all, in(rec(fmt.Sprint(i), 1), provider, dataset))
			}
		}
	}
	insert(t, s, all...)
	for _, f := range []record.Filter{
		{}, {Provider: "p"}, {Dataset: "d"}, {Provider: "P", Dataset: "D"},
		{Provider: "none"}, {Dataset: "none"}, {Provider: "p", Dataset: "none"},
	} {
		t.Run(fmt.Sprintf("%+v", f), func(t *testing.T) { wantScan(t, s, f, all) })
	}
	var big []record.Record
	for i := range 1300 { // more than any engine would hold in one page
		big = append(big, in(rec(fmt.Sprint(i), 1), "big", "d"))
	}
	insert(t, s, big...)
	all = append(all, big...)
	for _, f := range []record.Filter{{}, {Provider: "big"}} {
		t.Run(fmt.Sprintf("pages of %+v", f), func(t *testing.T) { wantScan(t, s, f, all) })
	}
}

// wantScan holds what a filter finds against all there is.
func wantScan(t *testing.T, s record.Store, f record.Filter, all []record.Record) {
	t.Helper()
	var want []record.Record
	for _, r := range all {
		if (f.Provider == "" || f.Provider == r.Provider) && (f.Dataset == "" || f.Dataset == r.Dataset) {
			want = append(want, r)
		}
	}
	slices.SortFunc(want, inOrder)
	wantRecords(t, scan(t, s, f), want...)
	wantCount(t, s, f, int64(len(want)))
}

func recordsScanStops(t *testing.T, s record.Store) {
	for i := range 10 {
		insert(t, s, rec(fmt.Sprint(i), 1))
	}
	calls := 0
	err := s.Scan(t.Context(), record.Filter{}, func(*record.Record) error {
		if calls++; calls == 4 {
			return fmt.Errorf("at four: %w", errStop)
		}
		return nil
	})
	if !errors.Is(err, errStop) || calls != 4 {
		t.Errorf("error is %v after %d calls, want that of the fourth call", err, calls)
	}
}

// recordsScanShares reads, writes and scans from within a scan, deeper than a
// pool of connections would bear.
func recordsScanShares(t *testing.T, s record.Store) {
	insert(t, s, rec("a", 1, ref("i", 1)))
	var nest func(depth int) error
	nest = func(depth int) error {
		return s.Scan(t.Context(), record.Filter{}, func(r *record.Record) error {
			if r.Version != 1 {
				return nil
			}
			if depth > 0 {
				return nest(depth - 1)
			}
			wantRecords(t, find(t, s, ref("i", 1)), rec("a", 1, ref("i", 1)))
			insert(t, s, rec("a", 2))
			return nil
		})
	}
	must(t, nest(20))
	wantCount(t, s, record.Filter{}, 1)
}
