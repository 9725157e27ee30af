// Package local keeps Concord's keys in a folder of the machine it runs on.
//
// Each key is one Tink keyset, in JSON and in the clear, in a file of its own:
// AES-256-GCM to seal, HMAC-SHA-256 to hash, Ed25519 to sign. What protects
// them is the file system: the folder must be open to its owner alone (0700),
// each file too (0600), none may be a link; anything wider is refused, when
// the folder is opened and again when a key is read. Whoever can read the
// folder can read everything: keep it on another disk than the data and its
// backups, or use a key server.
//
// A key is made on first use, and is durable before it is handed out. Several
// processes may share a folder: whoever comes second gets the key of the first.
// The file "index" names every key that was ever made: a key that is in it, but
// whose file is gone, is lost and not made again, which would hide everything
// under the lost one without a word. Such a key answers Unavailable, and names
// the file to put back.
// Destroying a scope first leaves a tombstone, so that its keys are never made
// again, then overwrites and removes them. A copying or journalling file system
// may keep older blocks, and another process that holds a key in memory keeps
// it until it ends.
package local

import (
	"context"
	"crypto"
	"errors"
	"maps"
	"sync"

	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/keyring"
	"github.com/concord-gateway/concord/gateway/keyring/primitive"
)

// use is what a key is for, and the end of its file's name.
type use = primitive.Use

const (
	sealing = primitive.Sealing
	hashing = primitive.Hashing
	signing = primitive.Signing
)

// slot names a key.
type slot struct {
	use   use
	scope string
}

// Ring is an open folder of keys. It implements keyring.Keyring.
type Ring struct {
	*state

	// mayMake is whether keys are made and destroyed.
	mayMake bool
}

// state is what a ring shares with those that Existing returns.
type state struct {
	folder *folder

	// making is held while files are read or made, so that a key is read once.
	making sync.Mutex

	// mu covers held and closed, and is never held while a file is touched.
	mu     sync.RWMutex
	held   map[slot]any // a primitive
	closed bool
}

var _ keyring.Keyring = (*Ring)(nil)

// Open opens the folder of keys dir, and makes it if it is not there. It
// answers a fault of kind Unavailable, naming the file and the remedy, when
// the folder or a key in it is open to others than its owner.
func Open(dir string) (*Ring, error) { return open(dir, true) }

// OpenExisting opens a folder of keys that is there, for reading: it writes nothing.
// Otherwise it is Open followed by Existing.
func OpenExisting(dir string) (*Ring, error) { return open(dir, false) }

func open(dir string, mayMake bool) (*Ring, error) {
	f, err := openFolder(dir, mayMake)
	if err != nil {
		return nil, fault.Wrap(fault.Unavailable, "local.Open", "the key folder cannot be used", err)
	}
	return &Ring{state: &state{folder: f, held: make(map[slot]any)}, mayMake: mayMake}, nil
}

// Existing returns the same keys for whoever may not make any.
func (r *Ring) Existing() keyring.Keyring { return &Ring{state: r.state} }

// Sealer returns the sealing primitive of scope.
func (r *Ring) Sealer(ctx context.Context, scope string) (keyring.Sealer, error) {
	return take[*primitive.Sealer](ctx, r, slot{sealing, scope})
}

// Hasher returns the keyed hash of scope.
func (r *Ring) Hasher(ctx context.Context, scope string) (keyring.Hasher, error) {
	return take[*primitive.Hasher](ctx, r, slot{hashing, scope})
}

// Signer returns the Ed25519 signing key called name. Its public key is an
// ed25519.PublicKey.
func (r *Ring) Signer(ctx context.Context, name string) (crypto.Signer, error) {
	return take[*primitive.Signer](ctx, r, slot{signing, name})
}

// take returns the primitive of a slot, from memory if it is held there.
func take[P any](ctx context.Context, r *Ring, s slot) (P, error) {
	var none P
	r.mu.RLock()
	p, ok := r.held[s].(P)
	r.mu.RUnlock()
	if ok {
		return p, nil
	}
	made, err := r.load(ctx, s)
	if err != nil {
		return none, err
	}
	p, ok = made.(P)
	if !ok {
		return none, fault.New(fault.Internal, "local.Ring", "a key has another use than its name says")
	}
	return p, nil
}

// load reads the key of a slot, or makes it where it may, and holds it.
func (r *Ring) load(ctx context.Context, s slot) (any, error) {
	const op = "local.Ring"
	if s.scope == "" {
		return nil, fault.New(fault.Invalid, op, "a key needs a scope")
	}
	if err := ctx.Err(); err != nil {
		return nil, fault.Wrap(fault.Unavailable, op, "the key was not asked for in time", err)
	}
	r.making.Lock()
	defer r.making.Unlock()
	r.mu.RLock()
	p, ok, closed := r.held[s], r.held[s] != nil, r.closed
	r.mu.RUnlock()
	if ok {
		return p, nil
	}
	if closed {
		return nil, errClosed()
	}
	p, err := r.read(s)
	switch {
	case errors.Is(err, errDestroyed):
		return nil, fault.Wrap(fault.NotFound, op, "the key was destroyed", err)
	case errors.Is(err, errAbsent):
		return nil, fault.Wrap(fault.Unavailable, op, "a key is not there, and none is made in its place", err)
	case err != nil:
		return nil, fault.Wrap(fault.Unavailable, op, "a key cannot be had", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil, errClosed()
	}
	r.held[s] = p
	return p, nil
}

// read returns the primitive of a slot from its file, which is made if needed and
// allowed.
func (r *Ring) read(s slot) (any, error) {
	raw, err := r.folder.obtain(s, r.mayMake)
	if err != nil {
		return nil, err
	}
	switch s.use {
	case sealing:
		return primitive.ParseSealer(raw)
	case hashing:
		return primitive.ParseHasher(raw)
	default:
		return primitive.ParseSigner(raw)
	}
}

// Destroy erases the sealing and the hashing key of scope for good. A sealer
// that was handed out answers NotFound from then on.
func (r *Ring) Destroy(_ context.Context, scope string) error {
	const op = "local.Ring.Destroy"
	if !r.mayMake {
		return fault.New(fault.Forbidden, op, "keys that are only read are not destroyed")
	}
	if scope == "" {
		return fault.New(fault.Invalid, op, "a key needs a scope")
	}
	r.making.Lock()
	defer r.making.Unlock()
	if err := r.folder.destroy(scope); err != nil {
		return fault.Wrap(fault.Unavailable, op, "the keys of a scope cannot be destroyed", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if s, ok := r.held[slot{sealing, scope}].(*primitive.Sealer); ok {
		s.Forget(fault.Wrap(fault.NotFound, op, "the key was destroyed", errDestroyed))
	}
	delete(r.held, slot{sealing, scope})
	delete(r.held, slot{hashing, scope})
	return nil
}

// Close forgets every key held in memory. The ring answers Unavailable
// afterwards.
func (r *Ring) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	for p := range maps.Values(r.held) {
		if s, ok := p.(*primitive.Sealer); ok {
			s.Forget(errClosed())
		}
	}
	clear(r.held)
	return nil
}

func errClosed() *fault.Error {
	return fault.New(fault.Unavailable, "local.Ring", "the keyring is closed")
}
