package vault

import (
	"context"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"

	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/keyring/primitive"
)

// bring brings keys into Vault that are not there. The signing keys come first: what the
// operator's login may not do is known before anything else is done.
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
	for _, k := range missing {
		if k.Use != primitive.Signing {
			continue
		}
		if err := desk.ring.importSigner(ctx, k); err != nil {
			return refuseImport(op, k, err)
		}
	}
	for _, k := range missing {
		switch {
		case k.Destroyed:
			err = ring.Destroy(ctx, k.Scope)
		case k.Use != primitive.Signing:
			_, err = ring.keep(ctx, slot{k.Use, k.Scope}, k.Keyset)
		}
		if err != nil {
			return refuseImport(op, k, err)
		}
	}
	return nil
}

// importSigner brings a signing key in. Vault refuses it where there is one.
func (r *Ring) importSigner(ctx context.Context, k primitive.Key) error {
	to, err := r.wrappingKey(ctx)
	if err != nil {
		return err
	}
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

// confirm opens every key as a gateway that starts would, and compares.
func confirm(ctx context.Context, gateway Options, keys []primitive.Key) (err error) {
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
	return nil
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
