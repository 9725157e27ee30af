package storetest

import (
	"context"
	"sync"

	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/fault"
)

// Hostility is what a hostile store does to one call of InsertBatch.
type Hostility string

// The hostilities.
const (
	// Obedient does what it is told.
	Obedient Hostility = ""
	// Failed stores nothing and says that the outcome is unknown.
	Failed Hostility = "failed"
	// Persisted stores the batch and says that the outcome is unknown.
	Persisted Hostility = "failed but persisted"
	// Retried stores the batch twice, as a driver that retries by itself does,
	// and answers what the second time said.
	Retried Hostility = "spurious retry"
	// Unread stores the batch and says so, but cannot be read until the next
	// insert.
	Unread Hostility = "stored but not readable"
)

// HostileLog is a real store that does to each call of InsertBatch what plan
// says, given the number of the call from 0.
type HostileLog struct {
	audit.Store

	plan func(call int) Hostility

	mu     sync.Mutex // guards calls and unread
	calls  int
	unread bool
}

// NewHostileLog wraps a store.
func NewHostileLog(store audit.Store, plan func(call int) Hostility) *HostileLog {
	return &HostileLog{Store: store, plan: plan}
}

// Calls returns how many calls of InsertBatch there were.
func (h *HostileLog) Calls() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.calls
}

// InsertBatch implements audit.Store.
func (h *HostileLog) InsertBatch(ctx context.Context, b *audit.Batch) error {
	h.mu.Lock()
	what := h.plan(h.calls)
	h.calls++
	h.unread = what == Unread
	h.mu.Unlock()
	unknown := fault.New(fault.Unavailable, "storetest.HostileLog", "the outcome is unknown")
	switch what {
	case Failed:
		return unknown
	case Persisted:
		if err := h.Store.InsertBatch(ctx, b); err != nil {
			return err
		}
		return unknown
	case Retried:
		if err := h.Store.InsertBatch(ctx, b); err != nil {
			return err
		}
		return h.Store.InsertBatch(ctx, b)
	default:
		return h.Store.InsertBatch(ctx, b)
	}
}

// Batch implements audit.Store.
func (h *HostileLog) Batch(ctx context.Context, n int64) (*audit.Batch, error) {
	h.mu.Lock()
	unread := h.unread
	h.mu.Unlock()
	if unread {
		return nil, fault.New(fault.Unavailable, "storetest.HostileLog", "the store cannot be read")
	}
	return h.Store.Batch(ctx, n)
}
