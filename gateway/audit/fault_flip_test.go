package audit_test

import (
	"bytes"
	"context"
	"testing"

	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/store/storetest"
)

// flippedStore changes every batch on its way into the store.
type flippedStore struct {
	audit.Store

	change func(*audit.Batch)
}

func (s flippedStore) InsertBatch(ctx context.Context, b *audit.Batch) error {
	c := cloneBatch(b)
	s.change(c)
	return s.Store.InsertBatch(ctx, c)
}

// TestFaultFlippedOnTheWay flips one bit of every part of a batch between the
// gateway and its store: reading back finds it before anything is acknowledged,
// nothing more is signed, and Verify names the place.
func TestFaultFlippedOnTheWay(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, code string
		change     func(*audit.Batch)
	}{
		{"an entry", audit.CodeEntryHash, func(b *audit.Batch) { b.Entries[0][bytes.Index(b.Entries[0], []byte(`"subject":"`))+12] ^= 1 }},
		{"a leaf", audit.CodeEntryHash, func(b *audit.Batch) { b.Leaves[0][20] ^= 1 }},
		{"a root", audit.CodeRoot, func(b *audit.Batch) { b.Root[20] ^= 1 }},
		{"a head", audit.CodeHead, func(b *audit.Batch) { b.Head[len(b.Head)-10] ^= 1 }},
		{"the ends of the chains", audit.CodeTips, func(b *audit.Batch) { b.Tips["telford-housing"] = flipTip(b.Tips["telford-housing"]) }},
		{"the writer's name", audit.CodeWriter, func(b *audit.Batch) { b.Writer = b.Writer[:len(b.Writer)-1] + "x" }},
		{"a private part", "", func(b *audit.Batch) { b.Private[0][20] ^= 1 }}, // is bound to its entry when it is opened
		{"a salt", audit.CodeHeads, func(b *audit.Batch) {
			for k, v := range b.Salts {
				b.Salts[k] = flipHex(v)
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			l := h.open()
			mustAppend(t, l, request(0, "telford-housing"))
			if err := l.Close(t.Context()); err != nil {
				t.Fatal(err)
			}
			size := h.verify(nil).Entries
			l = h.open(func(cfg *audit.Config) { cfg.Store = flippedStore{cfg.Store, c.change} })
			refused := 0
			if c.name == "a salt" { // only publishing writes one
				l = h.open(func(cfg *audit.Config) { cfg.Store = onlyHeads{flippedStore{cfg.Store, c.change}} })
				mustAppend(t, l, request(1, "telford-housing"))
				size = l.Size()
				if err := l.Publish(t.Context()); !fault.Is(err, fault.Unavailable) {
					t.Errorf("published: %v", err)
				}
				refused++
			}
			for n := range 3 {
				if _, err := l.Append(t.Context(), request(n+2, "telford-housing")); !fault.Is(err, fault.Unavailable) {
					t.Fatalf("append: %v", err)
				}
				refused++
			}
			last, err := h.db.Log().LastBatch(t.Context())
			if err != nil || last.First != size {
				t.Errorf("more than one batch was written: %d (%v)", last.N, err)
			}
			report := h.verify(nil)
			switch c.code {
			case "":
				wantOK(t, report)
			case audit.CodeHeads:
				wantProblem(t, report, c.code, last.Size-1)
			default:
				wantProblem(t, report, c.code, size)
			}
			storetest.Tally(t, "bit flipped on the way in: "+c.name, "sqlite", refused, "refused")
		})
	}
}

// onlyHeads lets batches without salts pass by the store within.
type onlyHeads struct{ flippedStore }

func (s onlyHeads) InsertBatch(ctx context.Context, b *audit.Batch) error {
	if len(b.Salts) == 0 {
		return s.Store.InsertBatch(ctx, b)
	}
	return s.flippedStore.InsertBatch(ctx, b)
}
