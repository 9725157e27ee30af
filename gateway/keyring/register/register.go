// Package register remembers in the store which keys it was used with.
//
// A keyring cannot tell a key that never was from one whose every trace was deleted,
// with the rights of an administrator: it would make another in its place, under which
// nothing opens that the first sealed. Nor can it tell that it is another's. The store
// can: it has a row for each key that anything in it may depend on.
//
//	key made in the keyring ──▶ row in the register ──▶ key handed out, and used
//
// # What it guarantees
//
// A key is handed out only when its row is durable, and a row is for one key: it holds
// a proof that this key alone gives, a hash of its own name, its name sealed, or its
// public half. A key with a row is never made again. One that the keyring does not have,
// and another in its place, are Unavailable; nothing is made or written then. A stop
// between the first two steps leaves a key that has sealed nothing; the next to ask
// gets it.
//
// What a process has found out for good it does not ask the store again: that a key is
// that of its row, and that it was destroyed.
//
// A key from before there was a register gets its row when it is first used with one,
// whichever it is by then.
//
// # Whom it trusts
//
// Whoever can delete rows of the store and keys of the keyring, both, is not noticed.
// The names of keys lie open in it: they name agreements, datasets, months and years,
// and nothing that the store does not show anyway. It has a row for a destroyed key too;
// that a key was destroyed, the keyring says.
package register

import (
	"context"
	"crypto"
	"errors"
	"fmt"

	"github.com/concord-gateway/concord/gateway/event"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/keyring"
)

// kind is that of the events: one row for each key, whose id is its use and scope
// ("seal/record/ISA-1/2026-11").
const kind = "key"

// The uses with which ids begin.
const (
	useSeal = "seal"
	useHash = "hash"
	useSign = "sign"
)

var (
	errLost    = errors.New("the store was used with a key that the keyring does not have: the keyring is another's, or its keys were lost")
	errAnother = errors.New("the keyring has another key than the store was used with: the keyring is another's, or a key was made in its place")
)

// Ring is a keyring with a register. It implements keyring.Keyring.
type Ring struct {
	keys keyring.Keyring
	// existing are the same keys for who may not make any, as most that is asked for is.
	existing keyring.Keyring
	events   event.Store
	// mayMake is whether keys, and their rows, are made.
	mayMake bool

	known *known
}

var _ keyring.Keyring = (*Ring)(nil)

// New returns the keys with the register in a store.
func New(keys keyring.Keyring, events event.Store) *Ring {
	return &Ring{keys: keys, existing: keys.Existing(), events: events, mayMake: true, known: &known{ids: map[string]fate{}}}
}

// Sealer returns the sealing primitive of scope.
func (r *Ring) Sealer(ctx context.Context, scope string) (keyring.Sealer, error) {
	return take(ctx, r, useSeal+"/"+scope, func(k keyring.Keyring) (keyring.Sealer, error) { return k.Sealer(ctx, scope) }, sealing)
}

// Hasher returns the keyed hash of scope.
func (r *Ring) Hasher(ctx context.Context, scope string) (keyring.Hasher, error) {
	return take(ctx, r, useHash+"/"+scope, func(k keyring.Keyring) (keyring.Hasher, error) { return k.Hasher(ctx, scope) }, hashing)
}

// Signer returns the signing key called name.
func (r *Ring) Signer(ctx context.Context, name string) (crypto.Signer, error) {
	return take(ctx, r, useSign+"/"+name, func(k keyring.Keyring) (crypto.Signer, error) { return k.Signer(ctx, name) }, signing)
}

// Destroy erases the keys of scope. Their rows stay.
func (r *Ring) Destroy(ctx context.Context, scope string) error {
	return r.keys.Destroy(ctx, scope)
}

// Existing returns the same keys for whoever may not make any: of those, one without a
// row is taken as it is, and no row is written.
func (r *Ring) Existing() keyring.Keyring {
	return &Ring{keys: r.existing, existing: r.existing, events: r.events, known: r.known}
}

// Close closes the keyring.
func (r *Ring) Close() error { return r.keys.Close() }

// take gets a key from the keyring, if need be with its row.
func take[P any](ctx context.Context, r *Ring, id string, get func(keyring.Keyring) (P, error), p proof[P]) (P, error) {
	var none P
	switch r.known.of(id) {
	case own:
		return get(r.existing)
	case destroyed:
		return none, fault.New(fault.NotFound, "register.Ring", "the key was destroyed")
	}
	row, err := r.events.Last(ctx, kind, id)
	switch {
	case err == nil:
		return check(r, id, row, get, p)
	case !fault.Is(err, fault.NotFound):
		return none, err
	}
	return enter(ctx, r, id, get, p)
}

// enter gets a key that has no row, and makes the row if it may. Another gateway may be
// faster.
func enter[P any](ctx context.Context, r *Ring, id string, get func(keyring.Keyring) (P, error), p proof[P]) (P, error) {
	var none P
	k, err := get(r.keys)
	if err != nil {
		return none, r.known.note(id, err)
	}
	if !r.mayMake {
		return k, nil
	}
	body, err := p.give(k, id)
	if err != nil {
		return none, err
	}
	switch err := r.events.Insert(ctx, event.Event{Kind: kind, ID: id, Body: body}); {
	case err == nil:
		r.known.add(id, own)
		return k, nil
	case !fault.Is(err, fault.Conflict):
		return none, err
	}
	row, err := r.events.Last(ctx, kind, id)
	if err != nil {
		return none, err
	}
	return check(r, id, row, get, p)
}

// check gets the key of a row.
func check[P any](r *Ring, id string, row event.Event, get func(keyring.Keyring) (P, error), p proof[P]) (P, error) {
	const op = "register.Ring"
	var none P
	k, err := get(r.existing)
	if errors.Is(err, keyring.ErrAbsent) {
		return none, fault.Wrap(fault.Unavailable, op, "a key that was used before cannot be had", errors.Join(fmt.Errorf("%s: %w", id, errLost), err))
	}
	if err != nil {
		return none, r.known.note(id, err)
	}
	same, err := p.holds(k, id, row.Body)
	switch {
	case err != nil:
		return none, err
	case !same:
		return none, fault.Wrap(fault.Unavailable, op, "a key is not the one that was used before", fmt.Errorf("%s: %w", id, errAnother))
	}
	r.known.add(id, own)
	return k, nil
}
