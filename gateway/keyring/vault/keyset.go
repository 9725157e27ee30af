package vault

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"

	"github.com/hashicorp/vault/api"

	"github.com/concord-gateway/concord/gateway/keyring"
	"github.com/concord-gateway/concord/gateway/keyring/primitive"
)

// slot names a key.
type slot struct {
	use   primitive.Use
	scope string
}

// Where things are in the KV mount, and what a keyset's entry holds.
const (
	keysetsFolder   = "keysets"
	destroyedFolder = "destroyed"

	keysetField = "keyset"
	scopeField  = "scope"
	useField    = "use"
)

var (
	errDestroyed = errors.New("the scope was destroyed")
	errLost      = errors.New("a keyset was deleted in Vault without Concord: put it back (vault kv undelete), or restore Vault's snapshot")
	errNoWrap    = errors.New("the transit key that wraps a keyset was deleted in Vault without Concord: restore Vault's snapshot")
	errAbsent    = fmt.Errorf("%w in Vault: look at the mounts, or restore Vault's snapshot", keyring.ErrAbsent)
	errChanged   = errors.New("a keyset in Vault is another than the one that was there before: restore Vault's snapshot")
	errSwapped   = errors.New("a keyset in Vault is another scope's")
	errAnswer    = errors.New("an answer of Vault has not the form that was expected")
)

func (r *Ring) keysetPath(s slot) string {
	return r.conn.opt.KV + "/data/" + keysetsFolder + "/" + keysetName(s)
}

func keysetName(s slot) string { return keyName(s.scope) + "." + string(s.use) }

func (r *Ring) tombstonePath(scope string) string {
	return r.conn.opt.KV + "/data/" + destroyedFolder + "/" + keyName(scope)
}

func (r *Ring) transit(do, name string) string { return r.conn.opt.Transit + "/" + do + "/" + name }

// obtain returns the keyset of a slot. Where there is none it makes one, if it may.
func (r *Ring) obtain(ctx context.Context, s slot, mayMake bool) ([]byte, error) {
	if err := r.alive(ctx, s.scope); err != nil {
		return nil, err
	}
	wrapped, err := r.stored(ctx, s)
	if err != nil {
		return nil, err
	}
	switch {
	case wrapped == "" && mayMake:
		return r.create(ctx, s)
	case wrapped == "":
		return nil, errAbsent
	}
	return r.unwrap(ctx, s.scope, wrapped)
}

// alive answers errDestroyed when a scope has a tombstone.
func (r *Ring) alive(ctx context.Context, scope string) error {
	answer, err := r.conn.read(ctx, r.tombstonePath(scope))
	switch {
	case err != nil:
		return err
	case answer != nil: // a deleted tombstone is one too
		return errDestroyed
	default:
		return nil
	}
}

// stored returns the wrapped keyset of a slot, or nothing.
func (r *Ring) stored(ctx context.Context, s slot) (string, error) {
	answer, err := r.conn.read(ctx, r.keysetPath(s))
	if err != nil || answer == nil {
		return "", err
	}
	fields, ok := answer.Data["data"].(map[string]any)
	if !ok {
		return "", errLost
	}
	if text(fields, scopeField) != s.scope || text(fields, useField) != string(s.use) {
		return "", errSwapped
	}
	wrapped := text(fields, keysetField)
	if wrapped == "" {
		return "", errAnswer
	}
	return wrapped, nil
}

// create makes the keyset of a slot. Where another gateway was first, it is the
// other's; where the scope was destroyed meanwhile, there is none: its tombstone is
// there before its transit key goes, so the last look cannot miss it.
func (r *Ring) create(ctx context.Context, s slot) ([]byte, error) {
	raw, err := primitive.New(s.use)
	if err != nil {
		return nil, err
	}
	first, err := r.keep(ctx, s, raw)
	if err != nil {
		return nil, err
	}
	if err := r.alive(ctx, s.scope); err != nil {
		if errors.Is(err, errDestroyed) {
			err = errors.Join(err, r.erase(ctx, keyName(s.scope)))
		}
		return nil, err
	}
	if first {
		return raw, nil
	}
	wrapped, err := r.stored(ctx, s)
	if err != nil {
		return nil, err
	}
	return r.unwrap(ctx, s.scope, wrapped)
}

// keep stores the keyset of a slot, wrapped, and reports whether it was the first.
func (r *Ring) keep(ctx context.Context, s slot, raw []byte) (first bool, err error) {
	if _, err := r.conn.write(ctx, r.transit("keys", keyName(s.scope)), map[string]any{"type": "aes256-gcm96"}); err != nil {
		return false, err
	}
	wrapped, err := r.wrap(ctx, s.scope, raw)
	if err != nil {
		return false, err
	}
	return r.insert(ctx, r.keysetPath(s), map[string]any{keysetField: wrapped, scopeField: s.scope, useField: string(s.use)})
}

// wrap has Vault encrypt a keyset.
func (r *Ring) wrap(ctx context.Context, scope string, raw []byte) (string, error) {
	answer, err := r.conn.write(ctx, r.transit("encrypt", keyName(scope)), map[string]any{"plaintext": base64.StdEncoding.EncodeToString(raw)})
	if err != nil {
		// A transit key that was destroyed since is one that may not be made by this.
		if gone := r.alive(ctx, scope); errors.Is(gone, errDestroyed) {
			err = gone
		}
		return "", err
	}
	wrapped := field(answer, "ciphertext")
	if wrapped == "" {
		return "", errAnswer
	}
	return wrapped, nil
}

// insert makes an entry in KV that is not there yet, and reports whether it was
// made. An entry that is there is refused by check-and-set, or by a policy that
// allows only to create.
func (r *Ring) insert(ctx context.Context, path string, fields map[string]any) (bool, error) {
	answer, err := r.conn.write(ctx, path, map[string]any{"options": map[string]any{"cas": 0}, "data": fields})
	if err == nil {
		if answer == nil || answer.Data["version"] == nil {
			return false, errAnswer // whoever said yes, it was no KV mount
		}
		return true, nil
	}
	no, ok := errors.AsType[*refusal](err)
	if !ok || no.status != http.StatusBadRequest && no.status != http.StatusForbidden {
		return false, err
	}
	there, readErr := r.conn.read(ctx, path)
	if readErr != nil || there == nil {
		return false, errors.Join(err, readErr)
	}
	return false, nil
}

// unwrap has Vault decrypt a keyset.
func (r *Ring) unwrap(ctx context.Context, scope, wrapped string) ([]byte, error) {
	answer, err := r.conn.write(ctx, r.transit("decrypt", keyName(scope)), map[string]any{"ciphertext": wrapped})
	if err != nil {
		if no, ok := errors.AsType[*refusal](err); ok && no.status == http.StatusBadRequest {
			// Destroyed since the first look, or lost.
			err = errors.Join(errNoWrap, err)
			if gone := r.alive(ctx, scope); gone != nil {
				err = gone
			}
		}
		return nil, err
	}
	raw, err := base64.StdEncoding.DecodeString(field(answer, "plaintext"))
	if err != nil || len(raw) == 0 {
		return nil, errAnswer
	}
	return raw, nil
}

// erase deletes a transit key, if it is there. Nothing may delete it before: so an
// operator's slip does not.
func (r *Ring) erase(ctx context.Context, name string) error {
	_, err := r.conn.write(ctx, r.transit("keys", name)+"/config", map[string]any{"deletion_allowed": true})
	if err == nil {
		err = r.conn.remove(ctx, r.transit("keys", name))
	}
	if no, ok := errors.AsType[*refusal](err); ok && no.missing {
		return nil
	}
	return err
}

// field is a text in an answer, or nothing.
func field(s *api.Secret, name string) string {
	if s == nil {
		return ""
	}
	return text(s.Data, name)
}

func text(data map[string]any, name string) string {
	value, _ := data[name].(string)
	return value
}
