package vault

import (
	"context"
	"crypto/sha256"
	"errors"
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

	// print is the SHA-256 of the keyset that was here once, of which there may be no
	// other. The fetch under way owns it, of which there is one.
	print *[sha256.Size]byte

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

// fetch is a key that is being fetched, or made where there is none and mayMake is
// set. held and err are set when done is closed.
type fetch struct {
	mayMake bool

	done chan struct{}
	held *held
	err  error
}

// get returns what the entry holds, and fetches it first where it must.
func (e *entry) get(ctx context.Context, mayMake bool) (*held, error) {
	if h := e.good(); h != nil {
		if h.gone != nil {
			return nil, h.gone
		}
		return h, nil
	}
	if err := ctx.Err(); err != nil {
		return nil, fault.Wrap(fault.Unavailable, "vault.Ring", "the key was not asked for in time", err)
	}
	for {
		f := e.start(mayMake)
		select {
		case <-f.done:
			if mayMake && !f.mayMake && errors.Is(f.err, errAbsent) {
				continue // it was the fetch of somebody who may not make any
			}
			return f.held, f.err
		case <-ctx.Done():
			return nil, unavailable("vault.Ring", &refusal{reason: slow, cause: ctx.Err()})
		}
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
		e.start(false)
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
func (e *entry) start(mayMake bool) *fetch {
	r := e.ring
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.fetch != nil {
		return e.fetch
	}
	f := &fetch{mayMake: mayMake, done: make(chan struct{})}
	r.mu.RLock() // with it no work begins while Close waits for the end of all
	defer r.mu.RUnlock()
	if r.closed {
		f.err = errClosed()
		close(f.done)
		return f
	}
	e.fetch = f
	r.work.Go(func() {
		f.held, f.err = e.load(r.life, mayMake)
		e.mu.Lock()
		e.fetch = nil
		e.retry = r.conn.opt.Clock().Add(pause)
		e.mu.Unlock()
		close(f.done)
	})
	return f
}

// load fetches the key and holds it.
func (e *entry) load(ctx context.Context, mayMake bool) (*held, error) {
	// The time counts from before Vault was asked: what it said was true then.
	asked := e.ring.conn.opt.Clock()
	h, err := e.ask(ctx, mayMake)
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

// ask asks Vault for the keyset. What was here once is not made again, and nothing else
// is taken in its place.
func (e *entry) ask(ctx context.Context, mayMake bool) (*held, error) {
	raw, err := e.ring.obtain(ctx, e.slot, mayMake && e.print == nil)
	if err != nil {
		return nil, err
	}
	defer clear(raw)
	sum := sha256.Sum256(raw)
	if e.print != nil && *e.print != sum {
		return nil, errChanged
	}
	h := new(held)
	if e.slot.use == primitive.Sealing {
		h.sealer, err = primitive.ParseSealer(raw)
	} else {
		h.hasher, err = primitive.ParseHasher(raw)
	}
	if err != nil {
		return nil, err
	}
	e.print = &sum
	return h, nil
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
			s.entry.start(false)
		}
		return nil, fault.New(fault.Unavailable, "vault.Sealer", "the key's time in memory is over and Vault has not given it again")
	case h.gone != nil:
		return nil, h.gone
	default:
		return h, nil
	}
}
