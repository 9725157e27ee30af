package gateway_test

import (
	"context"
	"net/http"
	"runtime"
	"runtime/debug"
	"sync/atomic"
	"testing"

	"github.com/concord-gateway/concord/gateway"
	"github.com/concord-gateway/concord/gateway/spool"
)

// TestBadLongLine streams a line of 100 MB between two good rows: it is refused alone,
// and memory stays small. It runs by itself, or it would measure the other tests.
func TestBadLongLine(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(100)) // the bound is for a heap that is collected as usual
	var heap heapMeter
	h := newHouse(t)
	h.options = func(o *gateway.Options) {
		o.Store = func(s gateway.Store) gateway.Store { return meteredStore{s, &heap} }
	}
	h.restart()
	path := submissionsPath("housing.concern", "ISA-TH-WMP-001")
	var said []string
	for format, megabytes := range map[string]int64{asCSV: 100, asNDJSON: 20, asJSON: 20} {
		heap.begin()
		// The client of the contract would hold the body in memory.
		r := h.post(h.srv.Client(), path, longLine(t, format, megabytes), "Content-Type", format)
		grown := heap.grown()
		var got submission
		r.want(http.StatusCreated, &got)
		said = append(said, string(r.body))
		if got.Received != 3 || got.Rejected != 1 || len(got.Errors) != 1 || got.Errors[0].Row != 2 || got.Errors[0].Code != "row-too-large" {
			t.Errorf("%s: %s", format, r.body)
		}
		if heap.looks.Load() < megabytes { // a piece has at most 1 MiB
			t.Errorf("%s: the heap was looked at %d times", format, heap.looks.Load())
		}
		t.Logf("%s: %d MB sent, the heap grew by %d MB at most", format, megabytes, grown>>20)
		if grown > 64<<20 {
			t.Errorf("%s: the heap grew by %d MB", format, grown>>20)
		}
	}
	if n := h.stored().records; n != 2 {
		t.Errorf("%d records, want 2", n)
	}
	h.silent(said)
}

// heapMeter measures how far the heap grows between looks.
type heapMeter struct{ first, most, looks atomic.Int64 }

func (m *heapMeter) begin() {
	runtime.GC()
	m.most.Store(0)
	m.looks.Store(0)
	m.look()
	m.first.Store(m.most.Load())
}

func (m *heapMeter) look() {
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	m.looks.Add(1)
	m.most.Store(max(m.most.Load(), int64(s.HeapAlloc))) // one request at a time
}

func (m *heapMeter) grown() int64 {
	m.look()
	return m.most.Load() - m.first.Load()
}

// meteredStore looks at the heap whenever a piece of a body is put or read.
type meteredStore struct {
	gateway.Store

	heap *heapMeter
}

func (s meteredStore) Spool() spool.Store { return meteredSpool{s.Store.Spool(), s.heap} }

type meteredSpool struct {
	spool.Store

	heap *heapMeter
}

func (s meteredSpool) Insert(ctx context.Context, p spool.Piece) error {
	s.heap.look()
	return s.Store.Insert(ctx, p)
}

func (s meteredSpool) Get(ctx context.Context, kind, id string, n int64) (spool.Piece, error) {
	s.heap.look()
	return s.Store.Get(ctx, kind, id, n)
}
