package vault

import (
	"cmp"
	"context"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"slices"

	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/keyring"
	"github.com/concord-gateway/concord/gateway/keyring/primitive"
)

// bring brings keys into Vault that are not there. The first log key comes last, as that
// which a gateway misses for certain when it starts: where an import was cut off, none
// starts, and so none makes other keys. Before anything is written the operator's login is
// tried, and the later log keys come first, for which it needs a right that is given for
// the day.
func bring(ctx context.Context, ring *Ring, operator Options, missing []primitive.Key) (err error) {
	const op = "vault.Import"
	if len(missing) == 0 {
		return nil
	}
	desk, err := NewOperator(ctx, operator)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, desk.Close()) }()
	missing = slices.Clone(missing)
	slices.SortStableFunc(missing, func(a, b primitive.Key) int { return cmp.Compare(turn(&a), turn(&b)) })
	to, err := desk.ring.wrappingKey(ctx)
	if err != nil {
		return refuseImport(op, missing[len(missing)-1], err)
	}
	for _, k := range missing {
		switch {
		case k.Destroyed:
			err = ring.Destroy(ctx, k.Scope)
		case k.Use == primitive.Signing:
			err = desk.ring.importSigner(ctx, k, to)
		default:
			_, err = ring.keep(ctx, slot{k.Use, k.Scope}, k.Keyset)
		}
		if err != nil {
			return refuseImport(op, k, err)
		}
	}
	return nil
}

// firstLogKey is the name of the log key without which no log is opened.
const firstLogKey = "log"

// turn is when a key has its turn.
func turn(k *primitive.Key) int {
	switch {
	case k.Use != primitive.Signing:
		return 1
	case k.Scope == firstLogKey:
		return 2
	default:
		return 0
	}
}

// importSigner brings a signing key in. Vault refuses it where there is one.
func (r *Ring) importSigner(ctx context.Context, k primitive.Key, to *rsa.PublicKey) error {
	wrapped, err := primitive.WrapSigner(k.Keyset, to)
	if err != nil {
		return err
	}
	// What is not said here is false: it can be neither exported nor rotated.
	_, err = r.conn.write(ctx, r.transit("keys", signName(k.Scope))+"/import", map[string]any{
		"type": signType, "hash_function": "SHA256", "ciphertext": base64.StdEncoding.EncodeToString(wrapped),
	})
	return err
}

// wrappingKey is the key under which the transit mount takes keys from outside.
func (r *Ring) wrappingKey(ctx context.Context) (*rsa.PublicKey, error) {
	answer, err := r.conn.read(ctx, r.conn.opt.Transit+"/wrapping_key")
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode([]byte(field(answer, "public_key")))
	if block == nil {
		return nil, errAnswer
	}
	public, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, errors.Join(errAnswer, err)
	}
	to, ok := public.(*rsa.PublicKey)
	if !ok {
		return nil, errAnswer
	}
	return to, nil
}

// confirm opens every key as a gateway that starts would, and compares; then it has check
// look at them.
func confirm(ctx context.Context, gateway Options, keys []primitive.Key, check func(keyring.Keyring) error) (err error) {
	const op = "vault.Import"
	ring, err := Open(ctx, gateway)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, ring.Close()) }()
	for _, k := range keys {
		there, err := ring.has(ctx, k)
		if err == nil && !there {
			err = errAbsent
		}
		if err == nil && k.Use == primitive.Signing {
			err = ring.signs(ctx, k.Scope)
		}
		if err != nil {
			return fault.Wrap(fault.Unavailable, op, "after the import, "+string(k.Use)+"/"+k.Scope+" is not in Vault as it was", err)
		}
	}
	return check(ring.Existing())
}

// signs has Vault sign something that no log says. Sign verifies it.
func (r *Ring) signs(ctx context.Context, name string) error {
	s, err := r.signer(ctx, name, false)
	if err != nil {
		return err
	}
	_, err = s.Sign(nil, []byte("concord keys import\n"), nil)
	return err
}
