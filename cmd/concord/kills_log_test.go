//go:build unix

package main

import (
	"encoding/hex"
	"testing"

	"github.com/concord-gateway/concord/gateway/audit"
)

// logged is a log as it was read back.
type logged struct {
	entries []place
	// first is where the entries of each request begin, count how many there are
	// without another's between.
	first, count map[string]int64
	// again are requests of which there are entries in two places.
	again map[string]bool
	// chains counts the entries of each provider.
	chains  map[string]int64
	writers map[string]bool
}

// place is one entry, and the batch in which it stands.
type place struct {
	action   audit.Action
	request  string
	leaf     string
	batch    int64
	head     string
	provider string
}

// readLog reads a log, whose indexes must be dense.
func readLog(t *testing.T, source audit.Source) *logged {
	t.Helper()
	l := &logged{
		first: map[string]int64{}, count: map[string]int64{}, again: map[string]bool{},
		chains: map[string]int64{}, writers: map[string]bool{},
	}
	for b, err := range source.Batches(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if b.First != int64(len(l.entries)) {
			t.Fatalf("batch %d begins with entry %d, after %d entries", b.N, b.First, len(l.entries))
		}
		l.writers[b.Writer] = true
		for i, raw := range b.Entries {
			c, err := audit.ColumnsOf(raw)
			if err != nil {
				t.Fatal(err)
			}
			l.add(place{c.Action, c.RequestID, hex.EncodeToString(b.Leaves[i]), b.N, string(b.Head), c.Provider})
		}
	}
	return l
}

func (l *logged) add(p place) {
	index := int64(len(l.entries))
	l.entries = append(l.entries, p)
	if p.provider != "" {
		l.chains[p.provider]++
	}
	first, there := l.first[p.request]
	switch {
	case !there:
		l.first[p.request], l.count[p.request] = index, 1
	case index == first+l.count[p.request] && p.action != audit.Consult:
		l.count[p.request]++
	default:
		l.again[p.request] = true
	}
}

// holds compares answers with the log: what each says is logged stands there,
// together, and once.
func (l *logged) holds(t *testing.T, answers []answered) {
	t.Helper()
	seen := map[int64]bool{}
	for _, a := range answers {
		if seen[a.Index] {
			t.Errorf("two answers have entry %d", a.Index)
		}
		seen[a.Index] = true
		if a.Index < 0 || a.Index >= int64(len(l.entries)) {
			t.Errorf("entry %d of request %s is not in the log", a.Index, a.RequestID)
			continue
		}
		p := l.entries[a.Index]
		if p.request != a.RequestID || l.first[a.RequestID] != a.Index || l.again[a.RequestID] {
			t.Errorf("request %s was answered with entry %d, which is of %s; again: %v", a.RequestID, a.Index, p.request, l.again[a.RequestID])
		}
		if r := a.Receipt; r != nil && (p.leaf != r.EntryHash || p.batch != r.Batch || p.head != r.Head || l.count[a.RequestID] != int64(r.Count)) {
			t.Errorf("entry %d is %+v (%d entries), the receipt says %+v", a.Index, p, l.count[a.RequestID], r)
		}
	}
	for request := range l.again {
		if p := l.entries[l.first[request]]; p.action == audit.Consult {
			t.Errorf("the profile %s is in the log twice", request)
		}
	}
}
