package audit_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/fault"
)

// TestFullQueue blocks the sequencer in the store: what waits is bounded, and
// whoever comes then is told to come again.
func TestFullQueue(t *testing.T) {
	h := newHouse(t)
	gate := &gatedStore{Store: h.db.Log(), reached: make(chan struct{}, 8), open: make(chan struct{})}
	l := h.open(func(c *audit.Config) { c.Store, c.Queue = gate, 2 })
	results := make(chan error, 8)
	send := func(n int) {
		go func() {
			_, err := l.Append(context.Background(), request(n))
			results <- err
		}()
	}
	send(0)
	<-gate.reached // the sequencer is in the store; two more fit into the queue
	for n := range 6 {
		send(n + 1)
	}
	for range 4 { // of seven, one is being written and two wait
		err := <-results
		var f *fault.Error
		if !errors.As(err, &f) || f.Kind != fault.Unavailable || f.RetryAfter <= 0 {
			t.Errorf("with a full queue: %v", err)
		}
	}
	close(gate.open)
	for range 3 {
		if err := <-results; err != nil {
			t.Errorf("what had waited: %v", err)
		}
	}
	wantOK(t, h.verify(nil))
}

// gatedStore lets inserts through once open is closed.
type gatedStore struct {
	audit.Store

	reached chan struct{}
	open    chan struct{}
}

func (s *gatedStore) InsertBatch(ctx context.Context, b *audit.Batch) error {
	s.reached <- struct{}{}
	<-s.open
	return s.Store.InsertBatch(ctx, b)
}

// TestCallerGivesUp: the caller gets an error at once, and the log goes on.
func TestCallerGivesUp(t *testing.T) {
	h := newHouse(t)
	gate := &gatedStore{Store: h.db.Log(), reached: make(chan struct{}, 8), open: make(chan struct{})}
	l := h.open(func(c *audit.Config) { c.Store = gate })
	ctx, cancel := context.WithCancel(t.Context())
	result := make(chan error)
	go func() {
		_, err := l.Append(ctx, request(0))
		result <- err
	}()
	<-gate.reached
	cancel()
	if err := <-result; !fault.Is(err, fault.Unavailable) || !errors.Is(err, context.Canceled) {
		t.Errorf("after giving up: %v", err)
	}
	close(gate.open)
	if _, err := l.Append(ctx, request(1)); !fault.Is(err, fault.Unavailable) {
		t.Errorf("with a context that is over: %v", err)
	}
	mustAppend(t, l, request(2))
	wantOK(t, h.verify(nil))
}

func TestClosedLog(t *testing.T) {
	h := newHouse(t)
	l := h.open()
	mustAppend(t, l, request(0))
	for range 2 {
		if err := l.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := l.Append(t.Context(), request(1)); !fault.Is(err, fault.Unavailable) {
		t.Errorf("append to a closed log: %v", err)
	}
	if report := h.verify(nil); !report.OK || report.Checkpoint != 3 {
		t.Errorf("closing did not publish: %+v", report)
	}
}

// TestSessionRenewal lets a day pass: the session key is replaced, introduced
// before it signs, and the log verifies across.
func TestSessionRenewal(t *testing.T) {
	h := newHouse(t)
	var mu sync.Mutex
	clock := now
	l := h.open(func(c *audit.Config) {
		c.Clock = func() time.Time {
			mu.Lock()
			defer mu.Unlock()
			return clock
		}
	})
	for day := range 3 {
		mu.Lock()
		clock = now.Add(time.Duration(day) * 24 * time.Hour)
		mu.Unlock()
		mustAppend(t, l, request(2*day))
		mustAppend(t, l, request(2*day+1))
	}
	found, err := l.Search(t.Context(), audit.Query{Action: audit.Admin})
	if err != nil || len(found) != 3 {
		t.Errorf("%d sessions were introduced, want 3 (%v)", len(found), err)
	}
	report := h.verify(nil)
	wantOK(t, report)
	if report.Entries != 9 {
		t.Errorf("%d entries", report.Entries)
	}
}
