package audit_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/store/storetest"
)

// hostilities are all that a hostile store does.
func hostilities() []storetest.Hostility {
	return []storetest.Hostility{storetest.Failed, storetest.Persisted, storetest.Retried, storetest.Unread}
}

// TestInvariant01HostileStore lets the store do every hostile thing at every
// insert, one, two and three times in a row. Whatever it does: what Append
// acknowledged is in the log once, what it refused at most once, and the log
// verifies and can be gone on with.
func TestInvariant01HostileStore(t *testing.T) {
	t.Parallel()
	for _, what := range hostilities() {
		for at := range 6 {
			for times := 1; times <= 3; times++ {
				t.Run(fmt.Sprintf("%s/at=%d/times=%d", strings.ReplaceAll(string(what), " ", "-"), at, times), func(t *testing.T) {
					t.Parallel()
					hostileRun(t, newHouse(t), 1, 6, func(call int) storetest.Hostility {
						if call >= at && call < at+times {
							return what
						}
						return storetest.Obedient
					})
					storetest.Tally(t, "hostile store: "+string(what), "sqlite", times, "verified")
				})
			}
		}
	}
}

// TestInvariant01HostileGateways is the same at random, with several writers on
// two gateways.
func TestInvariant01HostileGateways(t *testing.T) {
	t.Parallel()
	for seed := range uint64(16) {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(seed, 0))
			plan := make([]storetest.Hostility, 24)
			for i := range plan {
				what := append(hostilities(), storetest.Obedient)
				plan[i] = what[random.IntN(len(what))]
			}
			hostileRun(t, newHouse(t), 1+int(seed%2), 6, func(call int) storetest.Hostility {
				if call >= len(plan) {
					return storetest.Obedient
				}
				return plan[call]
			})
		})
	}
}

// hostileRun appends through hostile stores and checks what came of it.
func hostileRun(t *testing.T, h *house, gateways, requests int, plan func(int) storetest.Hostility) {
	t.Helper()
	const writers = 3
	var mu sync.Mutex
	acknowledged := map[string]audit.Receipt{}
	refused := map[string]bool{}
	var wg sync.WaitGroup
	logs := make([]*audit.Log, gateways)
	for g := range logs {
		db := h.openDB()
		cfg := h.config()
		cfg.Store = storetest.NewHostileLog(db.Log(), plan)
		l, err := audit.Open(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		logs[g] = l
		for w := range writers {
			wg.Go(func() {
				for i := range requests {
					r := request((g*writers+w)*requests+i, "telford-housing")
					receipt, err := l.Append(context.Background(), r)
					mu.Lock()
					if err == nil {
						acknowledged[r.ID] = receipt
					} else {
						refused[r.ID] = true
						if !fault.Is(err, fault.Unavailable) {
							t.Errorf("append: %v", err)
						}
					}
					mu.Unlock()
				}
			})
		}
	}
	wg.Wait()
	for _, l := range logs {
		_ = l.Close(context.Background()) // may find the store unwilling
	}
	checkHistory(t, h, acknowledged, refused)
	after := h.open()
	mustAppend(t, after, request(1_000_000, "telford-housing"))
	wantOK(t, h.verify(nil))
}

// checkHistory reads the whole log of the house.
func checkHistory(t *testing.T, h *house, acknowledged map[string]audit.Receipt, refused map[string]bool) {
	t.Helper()
	report := h.verify(nil)
	wantOK(t, report)
	times := map[string]int{}
	for b, err := range audit.StoreSource(h.log()).Batches(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		for i, raw := range b.Entries {
			c, err := audit.ColumnsOf(raw)
			if err != nil {
				t.Fatal(err)
			}
			if c.Action == audit.Consult {
				times[c.RequestID]++
			}
			if r, ok := acknowledged[c.RequestID]; ok && c.Action == audit.Consult && r.First != b.First+int64(i) {
				t.Errorf("%s was acknowledged at %d and is at %d", c.RequestID, r.First, b.First+int64(i))
			}
		}
	}
	for id := range acknowledged {
		if times[id] != 1 {
			t.Errorf("%s was acknowledged and is in the log %d times", id, times[id])
		}
	}
	for id := range refused {
		if times[id] > 1 {
			t.Errorf("%s was refused and is in the log %d times", id, times[id])
		}
	}
}

// TestInvariant01DurableWhenAcknowledged looks through another connection, at
// the moment when Append returns.
func TestInvariant01DurableWhenAcknowledged(t *testing.T) {
	h := newHouse(t)
	l := h.open()
	other := h.openDB().Log()
	for n := range 20 {
		receipt := mustAppend(t, l, request(n))
		b, err := other.Batch(t.Context(), receipt.Batch)
		if err != nil || string(b.Head) != receipt.Head {
			t.Fatalf("batch %d is not in the store: %v", receipt.Batch, err)
		}
	}
}

// TestStoreDown: every caller is refused while the store is down, and the log
// goes on by itself when it is back.
func TestStoreDown(t *testing.T) {
	h := newHouse(t)
	var mu sync.Mutex
	down := false
	set := func(d bool) { mu.Lock(); defer mu.Unlock(); down = d }
	l := h.open(func(c *audit.Config) {
		c.Store = storetest.NewHostileLog(c.Store, func(int) storetest.Hostility {
			mu.Lock()
			defer mu.Unlock()
			if down {
				return storetest.Failed
			}
			return storetest.Obedient
		})
	})
	mustAppend(t, l, request(0))
	set(true)
	for n := range 5 {
		if _, err := l.Append(t.Context(), request(n+1)); !fault.Is(err, fault.Unavailable) {
			t.Fatalf("append while the store is down: %v", err)
		}
	}
	set(false)
	mustAppend(t, l, request(6))
	wantOK(t, h.verify(nil))
}

// lyingStore gives batches back changed.
type lyingStore struct {
	audit.Store

	change func(*audit.Batch)
}

func (s lyingStore) Batch(ctx context.Context, n int64) (*audit.Batch, error) {
	b, err := s.Store.Batch(ctx, n)
	if err == nil {
		s.change(b)
	}
	return b, err
}

// TestReadBack: a batch that reads back differently is never acknowledged, and
// no further head is signed.
func TestReadBack(t *testing.T) {
	for name, change := range map[string]func(*audit.Batch){
		"entry":   func(b *audit.Batch) { b.Entries[0][10] ^= 1 },
		"private": func(b *audit.Batch) { b.Private[0][10] ^= 1 },
		"head":    func(b *audit.Batch) { b.Head[5] ^= 1 },
		"root":    func(b *audit.Batch) { b.Root[5] ^= 1 },
		"size":    func(b *audit.Batch) { b.Size++ },
		"missing": func(b *audit.Batch) { b.Entries = b.Entries[1:] },
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			l := h.open(func(c *audit.Config) { c.Store = lyingStore{c.Store, change} })
			for n := range 3 {
				if _, err := l.Append(t.Context(), request(n)); !fault.Is(err, fault.Unavailable) {
					t.Fatalf("append: %v", err)
				}
			}
			last, err := h.db.Log().LastBatch(t.Context())
			if err != nil || last.N != 0 {
				t.Errorf("the log went on to batch %d (%v)", last.N, err)
			}
		})
	}
}

// TestStrangersBatch: a batch that no gateway signed takes the next number. The
// log does not build on it.
func TestStrangersBatch(t *testing.T) {
	h := newHouse(t)
	l := h.open()
	mustAppend(t, l, request(0))
	forged, err := h.db.Log().Batch(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	forged.N, forged.First, forged.Size = 1, forged.Size, 2*forged.Size
	if err := h.db.Log().InsertBatch(t.Context(), forged); err != nil {
		t.Fatal(err)
	}
	for n := range 2 {
		if _, err := l.Append(t.Context(), request(n+1)); !fault.Is(err, fault.Unavailable) {
			t.Errorf("append behind a forged batch: %v", err)
		}
	}
	if report := h.verify(nil); report.OK {
		t.Error("the forged batch verifies")
	}
}

// TestGateways has several gateways append to one store: one dense history, and
// every gateway knows all of it in the end.
func TestGateways(t *testing.T) {
	h := newHouse(t)
	const gateways, writers, each = 3, 4, 15
	acknowledged := map[string]audit.Receipt{}
	var mu sync.Mutex
	var wg sync.WaitGroup
	logs := make([]*audit.Log, gateways)
	for g := range logs {
		logs[g] = h.open(func(c *audit.Config) { c.Store = h.openDB().Log() })
		for w := range writers {
			wg.Go(func() {
				for i := range each {
					r := request((g*writers+w)*each+i, "telford-housing", "mercia-health")
					receipt, err := logs[g].Append(t.Context(), r)
					if err != nil {
						t.Error(err)
						return
					}
					mu.Lock()
					acknowledged[r.ID] = receipt
					mu.Unlock()
				}
			})
		}
	}
	wg.Wait()
	checkHistory(t, h, acknowledged, nil)
	report := h.verify(nil)
	if want := int64(gateways*writers*each*3 + gateways); report.Entries != want {
		t.Errorf("%d entries, want %d", report.Entries, want)
	}
	for n, l := range logs {
		receipt := mustAppend(t, l, request(10_000+n))
		if receipt.First != report.Entries+int64(n) {
			t.Errorf("gateway %d appends at %d", n, receipt.First)
		}
	}
	// Only one publishes; the others prove by its checkpoint.
	if err := logs[gateways-1].Publish(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, l := range logs {
		if _, err := l.Proof(t.Context(), report.Entries); err != nil {
			t.Error(err)
		}
		if err := l.Publish(t.Context()); err != nil {
			t.Error(err)
		}
	}
	wantOK(t, h.verify(nil))
}
