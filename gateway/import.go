package gateway

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/concord-gateway/concord/gateway/config"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/keyring"
	"github.com/concord-gateway/concord/gateway/keyring/local"
	"github.com/concord-gateway/concord/gateway/keyring/register"
	"github.com/concord-gateway/concord/gateway/keyring/vault"
)

// KeysImported says what an import of keys did.
type KeysImported struct {
	vault.Imported

	// Registered is how many keys the store was used with, all of which are in Vault or
	// destroyed.
	Registered int
}

// ImportKeys moves the keys of a folder into the Vault of a configuration, whose store is
// the one that they were used with: so that a gateway that kept its keys in files goes on
// with them in Vault, and with all its data. No gateway may run meanwhile. The folder is
// read and left as it is. operator is the same configuration with an operator's login.
//
// It checks that the folder is whole, and that it has every key that the store was used
// with, before it writes; vault.Import says what it does then. At the end the register of
// the store is held against Vault.
func ImportKeys(ctx context.Context, cfg, operator *config.Config, from string, logger *slog.Logger) (done KeysImported, err error) {
	if cfg.Keys.Vault.Address == "" {
		return done, fault.New(fault.Invalid, "gateway.ImportKeys", "The configuration names no Vault (keys.vault) to bring the keys to.")
	}
	g := &Gateway{cfg: cfg, logger: logger}
	defer func() { err = errors.Join(err, g.Close(ctx)) }()
	if err := g.lockForImport(from); err != nil {
		return done, err
	}
	folder, err := local.OpenExisting(from)
	if err != nil {
		return done, err
	}
	g.onClose(func(context.Context) error { return folder.Close() })
	if _, err := registered(ctx, cfg, folder); err != nil {
		return done, fault.Wrap(fault.Invalid, "gateway.ImportKeys", "The folder does not have the keys that this store was used with.", err)
	}
	keys, err := local.Contents(from)
	if err != nil {
		return done, err
	}
	options := func(c *config.Config) vault.Options { return vaultOptions(&c.Keys.Vault, time.Now, logger) }
	if done.Imported, err = vault.Import(ctx, options(cfg), options(operator), keys); err != nil {
		return done, err
	}
	for i := range keys {
		clear(keys[i].Keyset)
	}
	brought, err := existingKeys(ctx, cfg, logger)
	if err != nil {
		return done, err
	}
	g.onClose(func(context.Context) error { return brought.Close() })
	done.Registered, err = registered(ctx, cfg, brought)
	return done, err
}

// registered holds keys against the register of the store, and returns how many it has.
func registered(ctx context.Context, cfg *config.Config, keys keyring.Keyring) (n int, err error) {
	err = reading(ctx, cfg, func(db Store) error {
		n, err = register.Verify(ctx, keys, db.Events())
		return err
	})
	if fault.Is(err, fault.NotFound) { // there is no database: nothing was used
		return 0, nil
	}
	return n, err
}

// lockForImport keeps gateways out of the data folder of the configuration, and out of
// the one that the keys are in, where there is one.
func (g *Gateway) lockForImport(from string) error {
	data, err := os.Stat(g.cfg.DataDir)
	if err == nil {
		if err := g.lock(g.cfg.DataDir); err != nil {
			return err
		}
	}
	beside := filepath.Dir(filepath.Clean(from))
	if _, err := os.Stat(filepath.Join(beside, lockFile)); err != nil {
		return nil //nolint:nilerr // no gateway was ever started there
	}
	other, err := os.Stat(beside)
	if err != nil || data != nil && os.SameFile(data, other) {
		return err
	}
	return g.lock(beside)
}
