package local

import (
	"context"
	"crypto"

	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/keyring"
	"github.com/concord-gateway/concord/gateway/keyring/primitive"
)

// existing is a ring that makes and destroys nothing.
type existing struct{ *Ring }

// Existing returns the same keys for whoever may not make any.
func (r *Ring) Existing() keyring.Keyring { return existing{r} }

func (e existing) Sealer(ctx context.Context, scope string) (keyring.Sealer, error) {
	return take[*primitive.Sealer](ctx, e.Ring, slot{sealing, scope}, false)
}

func (e existing) Hasher(ctx context.Context, scope string) (keyring.Hasher, error) {
	return take[*primitive.Hasher](ctx, e.Ring, slot{hashing, scope}, false)
}

func (e existing) Signer(ctx context.Context, name string) (crypto.Signer, error) {
	return take[*primitive.Signer](ctx, e.Ring, slot{signing, name}, false)
}

func (existing) Destroy(context.Context, string) error {
	return fault.New(fault.Forbidden, "local.Ring.Destroy", "keys that are only read are not destroyed")
}
