package register

import (
	"context"
	"strings"

	"github.com/concord-gateway/concord/gateway/event"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/keyring"
)

// page is how many rows are read together.
const page = 512

// Verify holds a keyring against the register of a store, and returns how many keys it
// has: every key with a row has to be there and to be the one of its row, or to be
// destroyed. The first that is not is Unavailable. Nothing is made or written.
func Verify(ctx context.Context, keys keyring.Keyring, events event.Store) (n int, err error) {
	r := New(keys, events).Existing()
	for after := ""; ; {
		rows, err := events.List(ctx, kind, after, page)
		if err != nil {
			return n, err
		}
		for _, row := range rows {
			after = row.ID
			if err := Ask(ctx, r, row.ID); err != nil && !fault.Is(err, fault.NotFound) {
				return n, err
			}
			n++
		}
		if len(rows) < page {
			return n, nil
		}
	}
}

// Ask asks a keyring for the key of an id, "use/scope".
func Ask(ctx context.Context, r keyring.Keyring, id string) (err error) {
	use, scope, _ := strings.Cut(id, "/")
	switch use {
	case useSeal:
		_, err = r.Sealer(ctx, scope)
	case useHash:
		_, err = r.Hasher(ctx, scope)
	case useSign:
		_, err = r.Signer(ctx, scope)
	default:
		err = fault.New(fault.Unavailable, "register.Verify", "the use of a key is not known")
	}
	return err
}
