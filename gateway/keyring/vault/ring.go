package vault

import (
	"context"
	"crypto"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/keyring"
	"github.com/concord-gateway/concord/gateway/keyring/primitive"
)

// Ring is the keys in a Vault. It implements keyring.Keyring.
type Ring struct {
	*state

	// mayMake is whether keys are made and destroyed.
	mayMake bool
}

// state is what a ring shares with those that Existing returns.
type state struct {
	conn *conn

	// life ends when the ring closes; work counts what runs beside its callers.
	life context.Context //nolint:containedctx // the ring's own
	end  context.CancelFunc
	work sync.WaitGroup

	// mu covers what follows, and is never held while Vault is asked.
	mu      sync.RWMutex
	entries map[slot]*entry
	signers map[string]*signer
	closed  bool
}

var _ keyring.Keyring = (*Ring)(nil)

// Open logs in to Vault and keeps the token alive until Close. It answers a fault
// of kind Unavailable, with the reason in words, when that cannot be done.
func Open(ctx context.Context, o Options) (*Ring, error) {
	const op = "vault.Open"
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Cache <= 0 || o.Timeout <= 0 {
		return nil, fault.New(fault.Invalid, op, "the keyring needs a bound for its memory and one for its calls")
	}
	c, err := newConn(o)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, op, "Vault cannot be asked", err)
	}
	within, cancel := context.WithTimeout(ctx, o.Timeout)
	defer cancel()
	first, err := c.login(within)
	if err != nil {
		return nil, unavailable(op, err)
	}
	r := &Ring{state: &state{conn: c, entries: make(map[slot]*entry), signers: make(map[string]*signer)}, mayMake: true}
	r.life, r.end = context.WithCancel(context.WithoutCancel(ctx))
	r.work.Go(func() { c.keep(r.life, first) })
	r.work.Go(r.forget)
	return r, nil
}

// Existing returns the same keys for whoever may not make any.
func (r *Ring) Existing() keyring.Keyring { return &Ring{state: r.state} }

// Sealer returns the sealing primitive of scope. It answers Unavailable when the
// key has been in memory for Options.Cache and Vault does not give it again.
func (r *Ring) Sealer(ctx context.Context, scope string) (keyring.Sealer, error) {
	e, _, err := r.take(ctx, slot{primitive.Sealing, scope})
	if err != nil {
		return nil, err
	}
	return sealer{e}, nil
}

// Hasher returns the keyed hash of scope.
func (r *Ring) Hasher(ctx context.Context, scope string) (keyring.Hasher, error) {
	_, h, err := r.take(ctx, slot{primitive.Hashing, scope})
	if err != nil {
		return nil, err
	}
	return h.hasher, nil
}

// take returns the entry of a slot and what it holds.
func (r *Ring) take(ctx context.Context, s slot) (*entry, *held, error) {
	if s.scope == "" {
		return nil, nil, errScope()
	}
	e, err := r.entry(s)
	if err != nil {
		return nil, nil, err
	}
	h, err := e.get(ctx, r.mayMake)
	return e, h, err
}

// entry returns the entry of a slot.
func (r *Ring) entry(s slot) (*entry, error) {
	r.mu.RLock()
	e, closed := r.entries[s], r.closed
	r.mu.RUnlock()
	if closed {
		return nil, errClosed()
	}
	if e != nil {
		return e, nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil, errClosed()
	}
	if e = r.entries[s]; e == nil {
		e = &entry{ring: r, slot: s}
		r.entries[s] = e
	}
	return e, nil
}

// Destroy erases the keys of scope for good. Sealers that were handed out answer
// NotFound from then on, here at once and in other gateways within Options.Cache.
func (r *Ring) Destroy(ctx context.Context, scope string) error {
	const op = "vault.Ring.Destroy"
	if !r.mayMake {
		return fault.New(fault.Forbidden, op, "keys that are only read are not destroyed")
	}
	if scope == "" {
		return errScope()
	}
	r.mu.RLock()
	closed := r.closed
	r.mu.RUnlock()
	if closed {
		return errClosed()
	}
	if _, err := r.insert(ctx, r.tombstonePath(scope), map[string]any{scopeField: scope}); err != nil {
		return unavailable(op, err)
	}
	for _, use := range []primitive.Use{primitive.Sealing, primitive.Hashing} {
		e, err := r.entry(slot{use, scope})
		if err != nil {
			return err
		}
		e.drop(errGone())
	}
	if err := r.erase(ctx, keyName(scope)); err != nil {
		return unavailable(op, err)
	}
	return nil
}

// forget drops keys whose time is over from memory, used or not.
func (r *Ring) forget() {
	ticker := time.NewTicker(min(r.conn.opt.Cache, time.Minute))
	defer ticker.Stop()
	for {
		select {
		case <-r.life.Done():
			return
		case <-ticker.C:
			r.sweep()
		}
	}
}

func (r *Ring) sweep() {
	now := r.conn.opt.Clock()
	r.mu.RLock()
	defer r.mu.RUnlock()
	for _, e := range r.entries {
		e.expire(now)
	}
}

// Close forgets every key held in memory and revokes the token. The ring answers
// Unavailable afterwards.
func (r *Ring) Close() error {
	r.mu.Lock()
	already := r.closed
	r.closed = true
	for _, e := range r.entries {
		e.drop(errClosed())
	}
	r.mu.Unlock()
	if already {
		return nil
	}
	r.end()
	r.work.Wait()
	r.conn.bye()
	return nil
}

func errClosed() *fault.Error {
	return fault.New(fault.Unavailable, "vault.Ring", "the keyring is closed")
}

func errScope() *fault.Error { return fault.New(fault.Invalid, "vault.Ring", "a key needs a scope") }

func errGone() *fault.Error {
	return fault.Wrap(fault.NotFound, "vault.Ring", "the key was destroyed", errDestroyed)
}

// unavailable says why a key cannot be had. What a scope's own state forbids is no
// matter of Vault's.
func unavailable(op string, err error) *fault.Error {
	if errors.Is(err, errDestroyed) {
		return errGone()
	}
	message := "a key cannot be had"
	if errors.Is(err, errAbsent) {
		message = "a key is not there, and none is made in its place"
	}
	if r, ok := errors.AsType[*refusal](err); ok {
		message += ": " + string(r.reason)
	}
	return fault.Wrap(fault.Unavailable, op, message, err)
}

// Signer returns the Ed25519 signing key called name, which stays in Vault. Its
// public key is an ed25519.PublicKey.
func (r *Ring) Signer(ctx context.Context, name string) (crypto.Signer, error) {
	if name == "" {
		return nil, errScope()
	}
	r.mu.RLock()
	s, closed := r.signers[name], r.closed
	r.mu.RUnlock()
	if closed {
		return nil, errClosed()
	}
	if s != nil {
		return s, nil
	}
	s, err := r.signer(ctx, name, r.mayMake)
	if err != nil {
		return nil, unavailable("vault.Ring.Signer", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.signers[name] = s
	return s, nil
}
