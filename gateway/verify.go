package gateway

import (
	"context"
	"errors"
	"log/slog"

	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/config"
	"github.com/concord-gateway/concord/gateway/store/mongo"
	"github.com/concord-gateway/concord/gateway/store/sqlite"
)

// WithFolderLog opens the log in a data folder, without writing, for as long as
// use takes. The folder may be in use.
func WithFolderLog(ctx context.Context, dir string, use func(context.Context, audit.Store) error) (err error) {
	db, err := sqlite.Open(ctx, dir, sqlite.Options{ReadOnly: true})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	return use(ctx, db.Log())
}

// WithLog opens the log that a configuration names, without writing, for as
// long as use takes. A gateway may be using it.
func WithLog(ctx context.Context, cfg *config.Config, use func(context.Context, audit.Store) error) (err error) {
	m := cfg.Store.Mongo
	if m.URI == "" {
		return WithFolderLog(ctx, cfg.DataDir, use)
	}
	db, err := mongo.Open(ctx, mongo.Options{URI: m.URI, Database: m.Database, ReadOnly: true})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	return use(ctx, db.Log())
}

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
	err = WithFolderLog(ctx, dir, func(ctx context.Context, store audit.Store) error {
		report, err = audit.Verify(ctx, audit.StoreSource(store), opt)
		return err
	})
	return report, err
}
