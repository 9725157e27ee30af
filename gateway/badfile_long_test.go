package gateway_test

import (
	"net/http"
	"runtime"
	"runtime/debug"
	"testing"
	"time"
)

// TestBadLongLine streams a line of 100 MB between two good rows: it is refused alone,
// and memory stays small. It runs by itself, or it would measure the other tests.
func TestBadLongLine(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(100)) // the bound is for a heap that is collected as usual
	if testing.Short() {
		t.Skip("100 MB through the spool")
	}
	h := newHouse(t)
	path := submissionsPath("housing.concern", "ISA-TH-WMP-001")
	var said []string
	for format, megabytes := range map[string]int64{asCSV: 100, asNDJSON: 20, asJSON: 20} {
		watch := watchHeap()
		// The client of the contract would hold the body in memory.
		r := h.post(h.srv.Client(), path, longLine(t, format, megabytes), "Content-Type", format)
		grown := watch()
		var got submission
		r.want(http.StatusCreated, &got)
		said = append(said, string(r.body))
		if got.Received != 3 || got.Rejected != 1 || len(got.Errors) != 1 || got.Errors[0].Row != 2 || got.Errors[0].Code != "row-too-large" {
			t.Errorf("%s: %s", format, r.body)
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

// watchHeap measures how far the heap grows until the function that it returns is
// called.
func watchHeap() func() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	first, most := m.HeapAlloc, m.HeapAlloc
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
				runtime.ReadMemStats(&m)
				most = max(most, m.HeapAlloc)
			}
		}
	}()
	return func() uint64 {
		close(stop)
		<-done
		return most - first
	}
}
