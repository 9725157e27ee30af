package gateway

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/backup"
	"github.com/concord-gateway/concord/gateway/config"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/identity/revocation"
	"github.com/concord-gateway/concord/gateway/keyring"
	"github.com/concord-gateway/concord/gateway/keyring/register"
)

// Revoke adds a row to the list of the configuration's gateways, which may be
// running.
func Revoke(ctx context.Context, cfg *config.Config, r revocation.Row) error {
	return withRevocations(ctx, cfg, func(list *revocation.List, _ Store, _ []string) error { return list.Add(ctx, r) })
}

// RestoreRevocations puts back what the list of the configuration's gateways, which may
// be running, has lost and their log has. It returns how many rows that were. What the
// log says is taken from a log that it has verified, whole, against the keyring's own
// log keys and the witnesses of the configuration.
func RestoreRevocations(ctx context.Context, cfg *config.Config) (n int, err error) {
	err = withRevocations(ctx, cfg, func(list *revocation.List, db Store, vkeys []string) error {
		notes, err := verifiedNotes(ctx, db.Log(), audit.VerifyOptions{Keys: vkeys, Witnesses: cosigners(&cfg.Log), Quorum: cfg.Log.Quorum})
		if err != nil {
			return err
		}
		n, err = list.Restore(ctx, notes)
		return err
	})
	return n, err
}

// withRevocations opens the list, once the log has shown whose keyring it is: a row that
// another's had sealed could not be taken away again.
func withRevocations(ctx context.Context, cfg *config.Config, do func(*revocation.List, Store, []string) error) (err error) {
	g := &Gateway{cfg: cfg, logger: slog.New(slog.DiscardHandler)}
	defer func() { err = errors.Join(err, g.Close(ctx)) }()
	keys, err := usedKeys(ctx, cfg, g.logger)
	if err != nil {
		return err
	}
	g.onClose(func(context.Context) error { return keys.Close() })
	vkeys, err := g.inUse(ctx, keys)
	if err != nil {
		return err
	}
	db, err := g.openToInsert(ctx)
	if err != nil {
		return err
	}
	return do(revocation.New(db.Events(), g.notesIn(db), register.New(keys, db.Events()), time.Now), db, vkeys)
}

// inUse reads the store, which has to be whole and in use, and holds the keys against
// its log. It returns the verifier keys of the log. Nothing is made or written.
func (g *Gateway) inUse(ctx context.Context, keys keyring.Keyring) (vkeys []string, err error) {
	const op = "gateway.Revoke"
	err = reading(ctx, g.cfg, func(db Store) error {
		if err := backup.Refuse(ctx, db.Events()); err != nil {
			return err
		}
		vkeys, err = holdLog(ctx, db.Log(), g.cfg.Log.Origin, register.New(keys, db.Events()))
		return err
	})
	if fault.Is(err, fault.NotFound) {
		err = fault.Wrap(fault.Invalid, op, "There is no log here: no gateway uses this store, and nothing can be revoked in it.", err)
	}
	return vkeys, err
}
