package audit_test

import (
	"encoding/hex"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/concord-gateway/concord/gateway/audit"
)

func verifyReceipt(t *testing.T, source audit.Source, r audit.Receipt, key string) audit.Report {
	t.Helper()
	report, err := audit.Verify(t.Context(), source, audit.VerifyOptions{Keys: []string{key}, Receipt: &r})
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// TestVerifyReceipt: a receipt is a promise, which the log keeps at once and
// publishes later.
func TestVerifyReceipt(t *testing.T) {
	h := newHouse(t)
	l := h.open()
	mustAppend(t, l, request(0, "telford-housing"))
	receipt := mustAppend(t, l, request(1, "telford-housing"))
	for _, published := range []bool{false, true} {
		report := verifyReceipt(t, audit.StoreSource(h.db.Log()), receipt, h.vkey())
		wantOK(t, report)
		if got := report.Receipt; !got.Kept || got.Published != published || got.Index != receipt.First || got.Head != got.LogHead {
			t.Errorf("%+v", got)
		}
		if err := l.Publish(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// TestInvariant04Receipt: a gateway that gives a receipt and publishes another
// log is caught with both of its signatures.
func TestInvariant04Receipt(t *testing.T) {
	h, l, batches := victim(t)
	other := newHouse(t)
	mustAppend(t, other.open(), request(1))
	foreign := mustAppend(t, other.open(), request(1, "telford-housing"))
	entry := batches[3]
	kept := audit.Receipt{
		First: entry.First + 1, Count: 1, Batch: 3, EntryHash: hexOf(entry.Leaves[1]),
		Proof: proofOf(t, batches[:4], entry.First+1), Head: string(entry.Head),
	}
	wantOK(t, verifyReceipt(t, sliceSource(batches), kept, h.vkey()))
	t.Run("the log is another", func(t *testing.T) {
		changed := cloneBatches(batches)
		editActor(changed[3], 0)
		audit.Rehash(changed)
		resign(t, l, changed, now)
		report := verifyReceipt(t, sliceSource(changed), kept, h.vkey())
		wantProblem(t, report, audit.CodeReceipt, kept.First)
		if r := report.Receipt; r.Kept || r.Head != kept.Head || r.LogHead != string(changed[3].Head) {
			t.Errorf("%+v", r)
		}
	})
	t.Run("the log ends before it", func(t *testing.T) {
		report := verifyReceipt(t, sliceSource(batches[:3]), kept, h.vkey())
		wantProblem(t, report, audit.CodeReceipt, 10)
	})
	t.Run("the log is empty", func(t *testing.T) {
		report := verifyReceipt(t, sliceSource(nil), kept, h.vkey())
		wantProblem(t, report, audit.CodeReceipt, 0)
	})
	for name, change := range map[string]func(*audit.Receipt){
		"of another log":    func(r *audit.Receipt) { *r = foreign },
		"another hash":      func(r *audit.Receipt) { r.EntryHash = hexOf(entry.Leaves[0]) },
		"another place":     func(r *audit.Receipt) { r.First++ },
		"another batch":     func(r *audit.Receipt) { r.Batch++ },
		"another head":      func(r *audit.Receipt) { r.Head = string(batches[2].Head) },
		"no head":           func(r *audit.Receipt) { r.Head = "" },
		"a place below 0":   func(r *audit.Receipt) { r.First = -1 },
		"a hash that is no": func(r *audit.Receipt) { r.EntryHash = "zz" },
	} {
		t.Run(name, func(t *testing.T) {
			r := kept
			change(&r)
			if report := verifyReceipt(t, sliceSource(batches), r, h.vkey()); report.OK || report.Receipt.Kept {
				t.Errorf("%+v", report)
			}
		})
	}
}

// proofOf is the proof of an entry in the tree of some batches.
func proofOf(t *testing.T, batches []*audit.Batch, index int64) []string {
	t.Helper()
	var stored []tlog.Hash
	reader := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		hashes := make([]tlog.Hash, len(indexes))
		for i, at := range indexes {
			hashes[i] = stored[at]
		}
		return hashes, nil
	})
	size := int64(0)
	for _, b := range batches {
		for _, leaf := range b.Leaves {
			hashes, err := tlog.StoredHashes(size, leaf, reader)
			if err != nil {
				t.Fatal(err)
			}
			stored = append(stored, hashes...)
			size++
		}
	}
	proof, err := tlog.ProveRecord(size, index, reader)
	if err != nil {
		t.Fatal(err)
	}
	encoded := make([]string, len(proof))
	for i, h := range proof {
		encoded[i] = h.String()
	}
	return encoded
}

func hexOf(b []byte) string { return hex.EncodeToString(b) }
