package linkage_test

import (
	"context"
	"encoding/binary"
	"path/filepath"
	"slices"
	"testing"

	"github.com/concord-gateway/concord/gateway/dataset"
	"github.com/concord-gateway/concord/gateway/keyring"
	"github.com/concord-gateway/concord/gateway/keyring/local"
	"github.com/concord-gateway/concord/gateway/linkage"
	"github.com/concord-gateway/concord/gateway/record"
)

func openRing(t testing.TB) *local.Ring {
	t.Helper()
	ring, err := local.Open(filepath.Join(t.TempDir(), "keys"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := ring.Close(); err != nil {
			t.Error(err)
		}
	})
	return ring
}

// ids are the identifiers of one record, one value of each type.
type ids map[dataset.IdentifierType]string

// entry is one record in plain text.
type entry struct {
	group   linkage.Group
	source  string
	ids     []dataset.Identifier
	several bool
	barred  bool // a row condition of the decision is not met
}

// person is an entry about one person.
func person(g linkage.Group, source string, of ids) entry {
	e := entry{group: g, source: source}
	for t, v := range of {
		e.ids = append(e.ids, dataset.Identifier{Type: t, Value: v})
	}
	return e
}

// world is a store of records that are found by blind index only.
type world struct {
	ring    keyring.Keyring
	records map[record.Ref][]linkage.Candidate
	calls   []call
	fail    error // what Candidates answers, if set
}

// call is one look-up: which group, and by how many indexes.
type call struct {
	group   linkage.Group
	indexes int
}

// newWorld files the entries under their real blind indexes.
func newWorld(ring keyring.Keyring, entries []entry) (*world, error) {
	w := &world{ring: ring, records: map[record.Ref][]linkage.Candidate{}}
	for n, e := range entries {
		if e.barred {
			continue
		}
		h, err := w.Hasher(context.Background(), e.group.Dataset)
		if err != nil {
			return nil, err
		}
		c := linkage.Candidate{Row: &dataset.Row{SourceID: e.source, Identifiers: e.ids}, Several: e.several}
		c.Record.Provider, c.Record.Dataset = e.group.Provider, e.group.Dataset
		binary.BigEndian.PutUint64(c.Record.Source[:], uint64(n))
		for _, ref := range linkage.Indexes(h, e.group.Dataset, e.ids) {
			w.records[ref] = append(w.records[ref], c)
		}
	}
	return w, nil
}

func (w *world) Hasher(ctx context.Context, name string) (keyring.Hasher, error) {
	return w.ring.Hasher(ctx, keyring.IndexScope(name))
}

func (w *world) Candidates(_ context.Context, g linkage.Group, indexes []record.Ref) ([]linkage.Candidate, error) {
	w.calls = append(w.calls, call{g, len(indexes)})
	if w.fail != nil {
		return nil, w.fail
	}
	var out []linkage.Candidate
	seen := map[record.Key]bool{}
	for _, ref := range indexes {
		for _, c := range w.records[ref] {
			if c.Group() == g && !seen[c.Record.Key] {
				seen[c.Record.Key] = true
				out = append(out, c)
			}
		}
	}
	return out, nil
}

// sources returns what a result found, as provider/dataset/source.
func sources(r linkage.Result) []string {
	var out []string
	for _, c := range r.Candidates {
		out = append(out, c.Record.Provider+"/"+c.Record.Dataset+"/"+c.Row.SourceID)
	}
	return out
}

func subject(t testing.TB, in ids) linkage.Subject {
	t.Helper()
	s, err := linkage.NewSubject(in)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func groupsOf(entries []entry) []linkage.Group {
	var out []linkage.Group
	for _, e := range entries {
		if !slices.Contains(out, e.group) {
			out = append(out, e.group)
		}
	}
	return out
}
