package revocation

import (
	"context"
	"encoding/json"
	"time"

	"github.com/concord-gateway/concord/gateway/event"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/keyring"
)

// Add appends a row, after it has read that the list is whole.
func (l *List) Add(ctx context.Context, r Row) error {
	if err := r.check(); err != nil {
		return err
	}
	r.At = l.clock().UTC().Truncate(time.Second)
	const attempts = 8
	var err error
	for range attempts {
		if err = l.Refresh(ctx); err != nil {
			return err
		}
		err = l.insert(ctx, int64(len(l.state.Load().rows)), &r)
		if !fault.Is(err, fault.Conflict) { // another operator was faster
			return err
		}
	}
	return err
}

// insert seals a row for its place and puts it there.
func (l *List) insert(ctx context.Context, n int64, r *Row) error {
	sealer, err := l.keys.Sealer(ctx, keyring.RevocationScope)
	if err != nil {
		return err
	}
	body, err := json.Marshal(r)
	if err != nil {
		return fault.Wrap(fault.Internal, "revocation.Add", "The revocation could not be written.", err)
	}
	sealed, err := sealer.Seal(body, place(n))
	if err != nil {
		return err
	}
	return l.events.Insert(ctx, event.Event{Kind: kind, ID: streamID, N: n, Body: sealed})
}
