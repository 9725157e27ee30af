package gateway

import (
	"context"
	"errors"
	"log/slog"

	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/config"
)

// Reindex rebuilds what the log is searched by, from the log itself. No gateway
// may be using the embedded store meanwhile.
func Reindex(ctx context.Context, cfg *config.Config) (err error) {
	g := &Gateway{cfg: cfg, logger: slog.New(slog.DiscardHandler)}
	defer func() { err = errors.Join(err, g.Close(ctx)) }()
	db, err := g.openStore(ctx)
	if err != nil {
		return err
	}
	return db.Log().Reindex(ctx)
}

// VerifyFolder verifies the log in a data folder, offline and without writing.
// It trusts nothing in the folder: the key, and an older checkpoint, come from the
// caller.
func VerifyFolder(ctx context.Context, dir string, opt audit.VerifyOptions) (report audit.Report, err error) {
	err = WithLog(ctx, Folder(dir), func(ctx context.Context, store audit.Store) error {
		report, err = audit.Verify(ctx, audit.StoreSource(store), opt)
		return err
	})
	return report, err
}
