package gateway

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"

	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/config"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/keyring"
	"github.com/concord-gateway/concord/gateway/keyring/register"
	"github.com/concord-gateway/concord/gateway/store/mongo"
	"github.com/concord-gateway/concord/gateway/store/sqlite"
)

// Folder is the configuration of a data folder that holds everything: the embedded
// store, and the keys in files.
func Folder(dir string) *config.Config { return &config.Config{DataDir: dir} }

// WithLog opens the log that a configuration names, without writing, for as
// long as use takes. A gateway may be using it.
func WithLog(ctx context.Context, cfg *config.Config, use func(context.Context, audit.Store) error) error {
	return reading(ctx, cfg, func(db Store) error { return use(ctx, db.Log()) })
}

// reading opens the store that a configuration names, without writing, for as long as
// use takes. Where a gateway was started on the embedded store meanwhile, what use has
// found cannot be relied on: that is an error.
func reading(ctx context.Context, cfg *config.Config, use func(Store) error) (err error) {
	var db Store
	still := func() error { return nil }
	if m := cfg.Store.Mongo; m.URI != "" {
		db, err = mongo.Open(ctx, mongo.Options{URI: m.URI, Database: m.Database, ReadOnly: true})
	} else {
		still, err = watchFolder(cfg.DataDir)
		if errors.Is(err, fs.ErrNotExist) { // nor is it there to be opened, unless a gateway has just been started
			still = started
		} else if err != nil {
			return err
		}
		db, err = sqlite.Open(ctx, cfg.DataDir, sqlite.Options{ReadOnly: true})
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	return errors.Join(use(db), still())
}

// readingSealed opens the store and the keys that a configuration names, without writing
// and without making a key, for as long as use takes. A gateway may be using both. The keys
// have to be the store's: by its log, if it has one, and each by the store's register.
func readingSealed(ctx context.Context, cfg *config.Config, use func(Store, keyring.Keyring) error) error {
	return reading(ctx, cfg, func(db Store) (err error) {
		keys, err := existingKeys(ctx, cfg, slog.New(slog.DiscardHandler))
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, keys.Close()) }()
		own := register.New(keys, db.Events()).Existing()
		if _, err := holdLog(ctx, db.Log(), cfg.Log.Origin, own); err != nil && !fault.Is(err, fault.NotFound) {
			return err
		}
		return use(db, own)
	})
}
