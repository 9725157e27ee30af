package storetest

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/concord-gateway/concord/gateway/record"
)

// recordsModel does random things to the store and to a map, and compares
// what both answer after each. Every run has a provider of its own.
func recordsModel(t *testing.T, s record.Store) {
	runs := 0
	rapid.Check(t, func(t *rapid.T) {
		runs++
		m := &model{store: s, provider: fmt.Sprint("provider ", runs), held: make(map[record.Key]map[int64]record.Record)}
		for range rapid.IntRange(1, 12).Draw(t, "steps") {
			rapid.SampledFrom([]func(*rapid.T){m.insert, m.insert, m.withdraw, m.prune}).Draw(t, "step")(t)
			m.check(t)
		}
		m.clear(t)
	})
}

// model is what a store should hold.
type model struct {
	store    record.Store
	provider string
	held     map[record.Key]map[int64]record.Record
}

func (m *model) key(t *rapid.T) record.Key {
	return record.Key{Provider: m.provider, Dataset: "d", Source: ref("source", rapid.IntRange(0, 5).Draw(t, "source"))}
}

// index draws one of few blind indexes, so that records share them.
func index(t *rapid.T) record.Ref { return ref("index", rapid.IntRange(0, 7).Draw(t, "index")) }

func (m *model) insert(t *rapid.T) {
	var batch []record.Record
	var want []int
	for i := range rapid.IntRange(1, 6).Draw(t, "records") {
		r := rec("", rapid.Int64Range(1, 4).Draw(t, "version"))
		r.Key = m.key(t)
		r.Indexes = rapid.SliceOfN(rapid.Custom(index), 0, 4).Draw(t, "indexes")
		r.Body = rapid.SliceOfN(rapid.Byte(), 0, 8).Draw(t, "body")
		r.Expires = m.time(t)
		batch = append(batch, r)
		if m.held[r.Key] == nil {
			m.held[r.Key] = make(map[int64]record.Record)
		}
		if _, taken := m.held[r.Key][r.Version]; taken {
			want = append(want, i)
			continue
		}
		m.held[r.Key][r.Version] = r
	}
	taken, err := m.store.Insert(t.Context(), batch)
	if err != nil || !slices.Equal(taken, want) {
		t.Fatalf("taken are %v (%v), want %v", taken, err, want)
	}
}

func (m *model) withdraw(t *rapid.T) {
	key := m.key(t)
	had, err := m.store.Withdraw(t.Context(), []record.Key{key})
	if err != nil || (len(had) == 1) != (len(m.held[key]) > 0) {
		t.Fatalf("withdrawn are %v (%v); there were %d versions", had, err, len(m.held[key]))
	}
	delete(m.held, key)
}

// time draws one of few times.
func (*model) time(t *rapid.T) time.Time {
	return over().Add(time.Duration(rapid.IntRange(0, 4).Draw(t, "time")) * time.Microsecond)
}

// prune removes some of what is due, the whole record where it is in force.
func (m *model) prune(t *rapid.T) {
	at := m.time(t)
	var due []record.Due
	if err := m.store.Due(t.Context(), month(), at, func(d *record.Due) error {
		due = append(due, *d)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	over, gone := 0, 0
	for _, versions := range m.held {
		for _, r := range versions {
			if !r.Expires.After(at) {
				over++
			}
		}
	}
	if len(due) != over {
		t.Fatalf("%d versions are due, want %d", len(due), over)
	}
	for _, d := range due {
		versions := m.held[d.Key]
		if diff := cmp.Diff(versions[d.Version], d.Record, same()); diff != "" || d.Expires.After(at) {
			t.Fatalf("due at %v (-want +got):\n%s", at, diff)
		}
		if d.InForce != (d.Version == slices.Max(slices.Collect(maps.Keys(versions)))) {
			t.Fatalf("version %d is in force: %v", d.Version, d.InForce)
		}
	}
	due = due[:rapid.IntRange(0, len(due)).Draw(t, "some")]
	for _, d := range due {
		before := len(m.held[d.Key])
		maps.DeleteFunc(m.held[d.Key], func(v int64, _ record.Record) bool { return v == d.Version || v < d.Version && d.InForce })
		gone += before - len(m.held[d.Key])
	}
	if n, err := m.store.Prune(t.Context(), at, due); err != nil || n != gone {
		t.Fatalf("%d versions are pruned (%v), want %d", n, err, gone)
	}
}

// clear withdraws everything that is left, and with it what would slow down the
// runs that follow where every look-up is a scan.
func (m *model) clear(t *rapid.T) {
	var keys, want []record.Key
	for source := range 6 {
		key := record.Key{Provider: m.provider, Dataset: "d", Source: ref("source", source)}
		keys = append(keys, key)
		if len(m.held[key]) > 0 {
			want = append(want, key)
		}
	}
	had, err := m.store.Withdraw(t.Context(), keys)
	for _, list := range [][]record.Key{want, had} {
		slices.SortFunc(list, func(a, b record.Key) int { return bytes.Compare(a.Source[:], b.Source[:]) })
	}
	if diff := cmp.Diff(want, had); err != nil || diff != "" {
		t.Fatalf("withdrawn in the end (%v; -want +got):\n%s", err, diff)
	}
	clear(m.held)
	m.check(t)
}

// inForce is the highest version of every key that matches, in order.
func (m *model) inForce(match func(record.Record) bool) (want []record.Record) {
	for _, versions := range m.held {
		if len(versions) == 0 {
			continue
		}
		if r := versions[slices.Max(slices.Collect(maps.Keys(versions)))]; match(r) {
			want = append(want, r)
		}
	}
	slices.SortFunc(want, func(a, b record.Record) int { return bytes.Compare(a.Source[:], b.Source[:]) })
	return want
}

func (m *model) check(t *rapid.T) {
	all := m.inForce(func(record.Record) bool { return true })
	filter := record.Filter{Provider: m.provider}
	var scanned []record.Record
	if err := m.store.Scan(t.Context(), filter, func(r *record.Record) error {
		scanned = append(scanned, *r)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(all, scanned, same()); diff != "" {
		t.Fatalf("scan (-want +got):\n%s", diff)
	}
	count, err := m.store.Count(t.Context(), filter)
	if err != nil || count != int64(len(all)) {
		t.Fatalf("count is %d (%v), want %d", count, err, len(all))
	}
	wanted := []record.Ref{index(t), index(t)}
	found, err := m.store.Find(t.Context(), m.provider, "d", wanted)
	if err != nil {
		t.Fatal(err)
	}
	matching := m.inForce(func(r record.Record) bool {
		return slices.ContainsFunc(r.Indexes, func(i record.Ref) bool { return slices.Contains(wanted, i) })
	})
	if diff := cmp.Diff(matching, found, same()); diff != "" {
		t.Fatalf("find (-want +got):\n%s", diff)
	}
}
