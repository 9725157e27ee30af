package vault

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/keyring/primitive"
)

// entry is the key of one slot, for as long as the ring lives: what it holds comes
// and goes.
type entry struct {
	ring *Ring
	slot slot

	// held is what is in memory, or nil.
	held atomic.Pointer[held]

	mu    sync.Mutex // covers fetch and retry
	fetch *fetch
	// retry is when a key that is still good may be asked for again.
	retry time.Time
}

// held is a key in memory, or the reason why there will be none any more.
type held struct {
	sealer *primitive.Sealer
	hasher *primitive.Hasher
	// renew is when it is fetched again beside the work, until when it is forgotten.
	renew, until time.Time
	gone         *fault.Error
}

// fetch is a key that is being fetched. held and err are set when done is closed.
type fetch struct {
	done chan struct{}
	held *held
	err  error
}

// get returns what the entry holds, and fetches it first where it must.
func (e *entry) get(ctx context.Context) (*held, error) {
	if h := e.good(); h != nil {
		if h.gone != nil {
			return nil, h.gone
		}
		return h, nil
	}
	if err := ctx.Err(); err != nil {
		return nil, fault.Wrap(fault.Unavailable, "vault.Ring", "the key was not asked for in time", err)
	}
	f := e.start()
	select {
	case <-f.done:
		return f.held, f.err
	case <-ctx.Done():
		return nil, unavailable("vault.Ring", &refusal{reason: slow, cause: ctx.Err()})
	}
}

// good returns what is held if it may be used, and has it fetched again in time.
func (e *entry) good() *held {
	h := e.held.Load()
	if h == nil || h.gone != nil {
		return h
	}
	now := e.ring.conn.opt.Clock()
	if !now.Before(h.until) {
		return nil
	}
	if !now.Before(h.renew) && e.due(now) {
		e.start()
	}
	return h
}

// due reports whether a key that is still good is to be fetched now; after a try
// there is a pause.
func (e *entry) due(now time.Time) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.fetch == nil && !now.Before(e.retry)
}

// start fetches the key beside the caller, once at a time.
func (e *entry) start() *fetch {
	r := e.ring
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.fetch != nil {
		return e.fetch
	}
	f := &fetch{done: make(chan struct{})}
	r.mu.RLock() // with it no work begins while Close waits for the end of all
	defer r.mu.RUnlock()
	if r.closed {
		f.err = errClosed()
		close(f.done)
		return f
	}
	e.fetch = f
	r.work.Go(func() {
		f.held, f.err = e.load(r.life)
		e.mu.Lock()
		e.fetch = nil
		e.retry = r.conn.opt.Clock().Add(pause)
		e.mu.Unlock()
		close(f.done)
	})
	return f
}

// load fetches the key and holds it.
func (e *entry) load(ctx context.Context) (*held, error) {
	// The time counts from before Vault was asked: what it said was true then.
	asked := e.ring.conn.opt.Clock()
	h, err := e.ask(ctx)
	if err != nil {
		f := unavailable("vault.Ring", err)
		if f.Kind == fault.NotFound {
			e.drop(f)
		}
		return nil, f
	}
	cache := e.ring.conn.opt.Cache
	h.renew, h.until = asked.Add(cache/2), asked.Add(cache)
	for {
		before := e.held.Load()
		if before != nil && before.gone != nil { // destroyed or closed meanwhile
			return nil, before.gone
		}
		if e.held.CompareAndSwap(before, h) {
			return h, nil
		}
	}
}

func (e *entry) ask(ctx context.Context) (*held, error) {
	raw, err := e.ring.obtain(ctx, e.slot)
	if err != nil {
		return nil, err
	}
	defer clear(raw)
	h := new(held)
	if e.slot.use == primitive.Sealing {
		h.sealer, err = primitive.ParseSealer(raw)
	} else {
		h.hasher, err = primitive.ParseHasher(raw)
	}
	return h, err
}

// drop forgets the key for good.
func (e *entry) drop(why *fault.Error) {
	for {
		before := e.held.Load()
		if before != nil && before.gone != nil {
			return
		}
		if e.held.CompareAndSwap(before, &held{gone: why}) {
			return
		}
	}
}

// expire forgets the key if its time is over.
func (e *entry) expire(now time.Time) {
	if h := e.held.Load(); h != nil && h.gone == nil && !now.Before(h.until) {
		e.held.CompareAndSwap(h, nil)
	}
}

// sealer is a sealing primitive that goes by what its entry holds.
type sealer struct{ entry *entry }

func (s sealer) Seal(plaintext, associated []byte) ([]byte, error) {
	h, err := s.key()
	if err != nil {
		return nil, err
	}
	return h.sealer.Seal(plaintext, associated)
}

func (s sealer) Open(ciphertext, associated []byte) ([]byte, error) {
	h, err := s.key()
	if err != nil {
		return nil, err
	}
	return h.sealer.Open(ciphertext, associated)
}

// key returns the key without waiting for Vault: a sealer has no time to give.
func (s sealer) key() (*held, error) {
	h := s.entry.good()
	switch {
	case h == nil:
		if s.entry.due(s.entry.ring.conn.opt.Clock()) {
			s.entry.start()
		}
		return nil, fault.New(fault.Unavailable, "vault.Sealer", "the key's time in memory is over and Vault has not given it again")
	case h.gone != nil:
		return nil, h.gone
	default:
		return h, nil
	}
}
