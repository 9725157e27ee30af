package record

import (
	"context"

	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/keyring"
)

// Seal sets r.Body to the ciphertext of plaintext, under the key of r.Agreement
// and r.KeyMonth and bound to r.AssociatedData: the fields that go into these
// must be set, and must not change afterwards. Errors are those of the keyring;
// a record without agreement or key month is Invalid.
func Seal(ctx context.Context, ring keyring.Keyring, r *Record, plaintext []byte) error {
	sealer, err := sealerOf(ctx, ring, r)
	if err != nil {
		return err
	}
	body, err := sealer.Seal(plaintext, r.AssociatedData())
	if err != nil {
		return err
	}
	r.Body = body
	return nil
}

// Open returns the plaintext of r.Body. It answers a fault of kind Internal
// when the body was not sealed for this record as it is, and the errors of the
// keyring: NotFound when the key was destroyed, which is when the record was
// erased.
func Open(ctx context.Context, ring keyring.Keyring, r *Record) ([]byte, error) {
	sealer, err := sealerOf(ctx, ring, r)
	if err != nil {
		return nil, err
	}
	return sealer.Open(r.Body, r.AssociatedData())
}

func sealerOf(ctx context.Context, ring keyring.Keyring, r *Record) (keyring.Sealer, error) {
	if r.Agreement == "" || r.KeyMonth == "" {
		return nil, fault.New(fault.Invalid, "record.Seal", "a record is sealed under an agreement and a month")
	}
	return ring.Sealer(ctx, keyring.RecordScope(r.Agreement, r.KeyMonth))
}
