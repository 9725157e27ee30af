package vault

import (
	"context"
	"crypto/ed25519"
	"crypto/subtle"
	"errors"
	"time"

	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/keyring"
	"github.com/concord-gateway/concord/gateway/keyring/primitive"
)

// Imported counts what an import found and did.
type Imported struct {
	// Keysets, Signers and Destroyed are what was to be brought: keysets, signing keys and
	// scopes that were destroyed.
	Keysets, Signers, Destroyed int
	// There is how many of them all were in Vault already.
	There int
}

// importTimeout bounds a call for a signing key: the first makes Vault make an RSA key.
const importTimeout = time.Minute

var errTaken = errors.New("in Vault there is something else in its place")

// Import brings the keys of another keyring, which is at rest, into Vault, as if a
// gateway had made them there. It works under two logins: the gateway's makes, wraps and
// stores keysets, and leaves the tombstones; the operator's brings in signing keys,
// which a gateway may not.
//
// It looks at everything before it writes anything. What is there already and is the
// same counts as done, so that it can be run again after a stop; what is there and is
// not, answers Conflict, and then nothing was written. At the end it logs in anew as the
// gateway and opens every key through Vault: each has to be the same, byte for byte, and
// each signing key has to sign. What check then finds in Vault is its error.
//
// A stop on the way leaves a Vault without the log's first key, on which no gateway starts.
func Import(ctx context.Context, gateway, operator Options, keys []primitive.Key, check func(keyring.Keyring) error) (done Imported, err error) {
	const op = "vault.Import"
	operator.Timeout = max(operator.Timeout, importTimeout)
	ring, err := Open(ctx, gateway)
	if err != nil {
		return done, err
	}
	defer func() { err = errors.Join(err, ring.Close()) }()
	var missing []primitive.Key
	for _, k := range keys {
		there, err := ring.has(ctx, k)
		if err != nil {
			return done, refuseImport(op, k, err)
		}
		done.count(k, there)
		if !there {
			missing = append(missing, k)
		}
	}
	if err := bring(ctx, ring, operator, missing); err != nil {
		return done, err
	}
	return done, confirm(ctx, gateway, keys, check)
}

func (i *Imported) count(k primitive.Key, there bool) {
	switch {
	case k.Destroyed:
		i.Destroyed++
	case k.Use == primitive.Signing:
		i.Signers++
	default:
		i.Keysets++
	}
	if there {
		i.There++
	}
}

// refuseImport names the key that an import stopped at: the operator has to look there.
func refuseImport(op string, k primitive.Key, err error) error {
	what := string(k.Use) + "/" + k.Scope
	switch {
	case errors.Is(err, errTaken):
		return fault.Wrap(fault.Conflict, op, "Vault is not empty: "+what+" cannot be brought there", err)
	case errors.Is(err, errDestroyed):
		return fault.Wrap(fault.Conflict, op, what+" was destroyed in Vault, and stays destroyed", err)
	}
	return errors.Join(fault.New(fault.Unavailable, op, "the import stopped at "+what), unavailable(op, err))
}

// has reports whether a key is in Vault. Something else in its place is errTaken.
func (r *Ring) has(ctx context.Context, k primitive.Key) (bool, error) {
	switch {
	case k.Destroyed:
		return r.hasTombstone(ctx, k.Scope)
	case k.Use == primitive.Signing:
		return r.hasSigner(ctx, k)
	}
	s := slot{k.Use, k.Scope}
	raw, err := r.obtain(ctx, s, false)
	switch {
	case errors.Is(err, errAbsent):
		return false, nil
	case errors.Is(err, errSwapped), errors.Is(err, errLost), errors.Is(err, errNoWrap):
		return false, errors.Join(errTaken, err)
	case err != nil:
		return false, err
	}
	defer clear(raw)
	if subtle.ConstantTimeCompare(raw, k.Keyset) != 1 {
		return false, errTaken
	}
	return true, nil
}

// hasTombstone looks for the tombstone of a scope. Keysets without one are not to be
// destroyed by an import.
func (r *Ring) hasTombstone(ctx context.Context, scope string) (bool, error) {
	err := r.alive(ctx, scope)
	if errors.Is(err, errDestroyed) {
		return true, nil
	}
	for _, use := range []primitive.Use{primitive.Sealing, primitive.Hashing} {
		if err != nil {
			return false, err
		}
		var wrapped string
		if wrapped, err = r.stored(ctx, slot{use, scope}); wrapped != "" {
			return false, errTaken
		}
	}
	return false, err
}

func (r *Ring) hasSigner(ctx context.Context, k primitive.Key) (bool, error) {
	ours, err := primitive.ParseSigner(k.Keyset)
	if err != nil {
		return false, err
	}
	theirs, err := r.signer(ctx, k.Scope, false)
	switch {
	case errors.Is(err, errAbsent):
		return false, nil
	case err != nil:
		return false, err
	}
	public, ok := ours.Public().(ed25519.PublicKey)
	if !ok || !theirs.public.Equal(public) {
		return false, errTaken
	}
	return true, nil
}
