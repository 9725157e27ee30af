//go:build unix

package main

import (
	"bytes"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/concord-gateway/concord/gateway"
	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/store/mongo"
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

// openLog opens the log that the gateways have left.
func openLog(t *testing.T, uri, database string) audit.Store {
	t.Helper()
	db, err := mongo.Open(t.Context(), mongo.Options{URI: uri, Database: database})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db.Log()
}

// wantLog verifies the log, from the store and from an export, and holds every
// answer against it. It returns how many sessions wrote it.
func wantLog(t *testing.T, store audit.Store, dir string, all *crowd) (audit.Report, int) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(dir, gateway.KeyFile))
	if err != nil {
		t.Fatal(err)
	}
	opts := audit.VerifyOptions{Keys: strings.Fields(string(raw))}
	report, err := audit.Verify(t.Context(), audit.StoreSource(store), opts)
	if err != nil || !report.OK {
		t.Fatalf("the log does not verify: %+v, %v", report.Problems, err)
	}
	if report.Checkpoint != report.Size {
		t.Errorf("the published checkpoint has %d of %d entries", report.Checkpoint, report.Size)
	}
	var export bytes.Buffer
	if err := audit.WriteExport(t.Context(), &export, store); err != nil {
		t.Fatal(err)
	}
	for _, a := range all.sample(5) {
		opts.Receipt = a.Receipt
		r, err := audit.Verify(t.Context(), audit.ReadExport(bytes.NewReader(export.Bytes())), opts)
		if err != nil || !r.OK || !r.Receipt.Kept || !r.Receipt.Published || r.Root != report.Root {
			t.Errorf("receipt %+v: %+v, %v", a.Receipt, r, err)
		}
	}
	logged := readLog(t, audit.ReadExport(&export))
	if last := logged.entries[len(logged.entries)-1]; last.action != audit.Heads {
		t.Errorf("the log ends with %s", last.action)
	}
	for provider, n := range logged.chains {
		if report.Providers[provider] != n {
			t.Errorf("%s has a chain of %d entries, and %d in the log", provider, report.Providers[provider], n)
		}
	}
	logged.holds(t, all.answers)
	return report, len(logged.writers)
}
