package audit_test

import (
	"bytes"
	"context"
	"iter"
	"slices"
	"testing"

	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/fault"
)

// verifySince verifies only what follows a checkpoint.
func verifySince(t *testing.T, source audit.Source, since []byte, keys ...string) audit.Report {
	t.Helper()
	report, err := audit.Verify(t.Context(), source, audit.VerifyOptions{Keys: keys, Since: since, Incremental: true})
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// TestVerifyIncremental goes on from each checkpoint of a log that was handed
// over to new keys in between, on the store and on an export, and comes to the
// end that the full verification comes to.
func TestVerifyIncremental(t *testing.T) {
	h := newHouse(t)
	checkpoints := rotated(t, h)
	full := verifyKeys(t, audit.StoreSource(h.db.Log()), nil, h.vkeyOf(1))
	wantOK(t, full)
	for n, since := range checkpoints {
		for name, source := range map[string]audit.Source{
			"store": audit.StoreSource(h.db.Log()), "export": audit.ReadExport(bytes.NewReader(export(t, h))),
		} {
			r := verifySince(t, source, since, h.vkeyOf(1))
			wantOK(t, r)
			if r.Root != full.Root || r.Size != full.Size || r.From == 0 || r.From+r.Entries != full.Entries {
				t.Errorf("%s, checkpoint %d: %+v, want the end of %+v", name, n, r, full)
			}
		}
	}
}

// TestInvariant04Incremental damages what follows the checkpoint, and the tree
// before it: both are found.
func TestInvariant04Incremental(t *testing.T) {
	h := newHouse(t)
	checkpoints := rotated(t, h)
	since := checkpoints[1]
	clean := batchesOf(t, h.db.Log())
	start := verifySince(t, audit.StoreSource(h.db.Log()), since, h.vkeyOf(1)).From
	for name, change := range map[string]func([]*audit.Batch) ([]*audit.Batch, int64){
		"an entry behind": func(all []*audit.Batch) ([]*audit.Batch, int64) {
			b := all[len(all)-2]
			b.Entries[0] = bytes.Replace(b.Entries[0], []byte(`"v":1`), []byte(`"v":2`), 1)
			return all, b.First
		},
		"a leaf before": func(all []*audit.Batch) ([]*audit.Batch, int64) {
			all[1].Leaves[0][0] ^= 1
			return all, 0
		},
		"a batch less behind": func(all []*audit.Batch) ([]*audit.Batch, int64) {
			return append(all[:len(all)-3], all[len(all)-2:]...), -1
		},
		"cut off behind": func(all []*audit.Batch) ([]*audit.Batch, int64) { return all[:len(all)-1], all[len(all)-1].First },
		"cut off before": func(all []*audit.Batch) ([]*audit.Batch, int64) { return all[:2], 0 },
	} {
		t.Run(name, func(t *testing.T) {
			batches, index := change(cloneBatches(clean))
			store := rewritten(t, h, batches, true)
			for source, s := range map[string]audit.Source{
				"store": audit.StoreSource(store), "export": audit.ReadExport(bytes.NewReader(exportOf(t, store))),
			} {
				report := verifySince(t, s, since, h.vkeyOf(1))
				if report.OK || index >= 0 && *report.FirstBad != index {
					t.Errorf("%s: %+v", source, report)
				}
				if name == "an entry behind" && *report.FirstBad < start {
					t.Errorf("%s: %+v", source, report)
				}
			}
		})
	}
}

func TestVerifyIncrementalOptions(t *testing.T) {
	h, l, batches := victim(t)
	since, err := l.Checkpoint(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		source audit.Source
		since  []byte
	}{
		"no checkpoint":   {audit.StoreSource(h.db.Log()), nil},
		"no note":         {audit.StoreSource(h.db.Log()), []byte("x")},
		"cannot go on":    {sliceSource(batches), since},
		"nothing but key": {audit.StoreSource(h.db.Log()), []byte("\n\n")},
	} {
		_, err := audit.Verify(t.Context(), c.source, audit.VerifyOptions{Keys: []string{h.vkey()}, Since: c.since, Incremental: true})
		if !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	forged := bytes.Replace(since, []byte("\n20\n"), []byte("\n19\n"), 1) // where a batch ends, but not signed
	wantProblem(t, verifySince(t, audit.StoreSource(h.db.Log()), forged, h.vkey()), audit.CodeCheckpoint, 0)
}

// cloneBatches copies what a test may change.
func cloneBatches(batches []*audit.Batch) []*audit.Batch {
	clones := make([]*audit.Batch, len(batches))
	for i, b := range batches {
		c := *b
		c.Entries, c.Leaves = cloneParts(b.Entries), cloneParts(b.Leaves)
		clones[i] = &c
	}
	return clones
}

func cloneParts(parts [][]byte) [][]byte {
	clones := make([][]byte, len(parts))
	for i := range parts {
		clones[i] = bytes.Clone(parts[i])
	}
	return clones
}

func exportOf(t *testing.T, store audit.Store) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := audit.WriteExport(t.Context(), &out, store); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// usesOf yields the entries of a provider, oldest first, with their proofs as far
// as they are published.
func usesOf(ctx context.Context, t *testing.T, l *audit.Log, provider string) iter.Seq2[audit.Evidence, error] {
	t.Helper()
	found, err := l.Search(ctx, audit.Query{Provider: provider, Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	return func(yield func(audit.Evidence, error) bool) {
		for _, use := range slices.Backward(found) {
			e, err := l.Evidence(ctx, use.Index)
			if fault.Is(err, fault.Conflict) {
				_, raw, readErr := l.Entry(ctx, use.Index)
				e, err = audit.Evidence{Index: use.Index, Entry: raw}, readErr
			}
			if !yield(e, err) {
				return
			}
		}
	}
}
