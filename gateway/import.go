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
	"github.com/concord-gateway/concord/gateway/keyring/primitive"
	"github.com/concord-gateway/concord/gateway/keyring/register"
	"github.com/concord-gateway/concord/gateway/keyring/vault"
)

// KeysImported says what an import of keys did.
type KeysImported struct {
	vault.Imported

	// KeysHeld is what the folder was held against.
	KeysHeld
}

// ImportKeys moves the keys of a folder into the Vault of a configuration, whose store is
// the one that they were used with: so that a gateway that kept its keys in files goes on
// with them in Vault, and with all its data. No gateway may run meanwhile. The folder is
// read and left as it is. operator is the same configuration with an operator's login.
//
// Before it writes it checks that the folder is whole, and holds it against the store
// (holdStore), which has to be there and to have a log: so another folder is refused, and
// an older copy that lacks a key, also where the store is from before there was a register
// of keys. vault.Import says what it does then. At the end the log key and the register
// are held against Vault.
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
	if done.KeysHeld, err = holdFolder(ctx, cfg, folder); err != nil {
		return done, err
	}
	options := func(c *config.Config) vault.Options { return vaultOptions(&c.Keys.Vault, time.Now, logger) }
	err = folder.Contents(func(keys []primitive.Key) error {
		done.Imported, err = vault.Import(ctx, options(cfg), options(operator), keys, func(brought keyring.Keyring) error {
			return holdBrought(ctx, cfg, brought)
		})
		return err
	})
	return done, err
}

// holdFolder holds the keys of a folder against the store of a configuration.
func holdFolder(ctx context.Context, cfg *config.Config, folder keyring.Keyring) (held KeysHeld, err error) {
	const op = "gateway.ImportKeys"
	opened := false
	err = reading(ctx, cfg, func(db Store) error {
		opened = true
		held, err = holdStore(ctx, db, cfg.Log.Origin, folder)
		return err
	})
	switch {
	case err == nil:
		return held, nil
	case opened:
		return held, fault.Wrap(fault.Invalid, op, "The folder does not have the keys that this store was used with.", err)
	case fault.Is(err, fault.NotFound):
		return held, fault.Wrap(fault.Invalid, op, "There is no store where the configuration says (data_dir, store): "+
			"keys are brought in with the data that they were used for.", err)
	}
	return held, err
}

// holdBrought holds what is in Vault against the log and the register of the store.
func holdBrought(ctx context.Context, cfg *config.Config, brought keyring.Keyring) error {
	return reading(ctx, cfg, func(db Store) error {
		if _, err := holdLog(ctx, db.Log(), cfg.Log.Origin, brought); err != nil {
			return err
		}
		_, err := register.Verify(ctx, brought, db.Events())
		return err
	})
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
