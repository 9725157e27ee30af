package gateway

import (
	"cmp"
	"context"
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

// openKeys opens the keyring that a configuration names: Vault, or files in the data
// folder, which production refuses.
func openKeys(ctx context.Context, cfg *config.Config, clock func() time.Time, logger *slog.Logger) (keyring.Keyring, error) {
	if cfg.Keys.Vault.Address != "" {
		return vault.Open(ctx, vaultOptions(&cfg.Keys.Vault, clock, logger))
	}
	if cfg.Production {
		return nil, fault.New(fault.Invalid, "gateway.New",
			"Production keeps its keys in Vault (keys.vault), not in files beside the data.")
	}
	return local.Open(filepath.Join(cfg.DataDir, KeysDir))
}

// openRegistered opens the keyring of the configuration, with the register that the
// store keeps of it.
func (g *Gateway) openRegistered(ctx context.Context, db Store, opt Options) (keyring.Keyring, error) {
	keys, err := openKeys(ctx, g.cfg, opt.Clock, g.logger)
	if err != nil {
		return nil, err
	}
	g.onClose(func(context.Context) error { return keys.Close() })
	return register.New(keys, db.Events()), nil
}

// existingKeys opens the keyring that a configuration names for whoever makes no keys:
// it has to be there already. The caller closes it.
func existingKeys(ctx context.Context, cfg *config.Config, logger *slog.Logger) (keyring.Keyring, error) {
	if cfg.Keys.Vault.Address != "" || cfg.Production {
		keys, err := openKeys(ctx, cfg, time.Now, logger)
		if err != nil {
			return nil, err
		}
		return keys.Existing(), nil
	}
	dir := filepath.Join(cfg.DataDir, KeysDir)
	if _, err := os.Stat(dir); err != nil {
		return nil, fault.Wrap(fault.Invalid, "gateway.Keys", "There are no keys in "+dir+". They are never in a backup: put them back "+
			"from their own. Where they are in Vault, name the configuration that says so.", err)
	}
	keys, err := local.OpenExisting(dir)
	if err != nil {
		return nil, err
	}
	return keys, nil
}

// usedKeys opens the keyring that a configuration names for whoever may make keys in it,
// once they know whose it is: it has to be there already, and to open it makes nothing.
func usedKeys(ctx context.Context, cfg *config.Config, logger *slog.Logger) (keyring.Keyring, error) {
	if cfg.Keys.Vault.Address == "" && !cfg.Production {
		there, err := existingKeys(ctx, cfg, logger)
		if err == nil {
			err = there.Close()
		}
		if err != nil {
			return nil, err
		}
	}
	return openKeys(ctx, cfg, time.Now, logger)
}

func vaultOptions(v *config.Vault, clock func() time.Time, logger *slog.Logger) vault.Options {
	return vault.Options{
		Address: v.Address, CAFile: v.CAFile, Namespace: v.Namespace,
		Transit: cmp.Or(v.TransitMount, config.DefaultTransitMount), KV: cmp.Or(v.KVMount, config.DefaultKVMount),
		AppRole:    vault.AppRole{Mount: v.AppRole.Mount, RoleIDFile: v.AppRole.RoleIDFile, SecretIDFile: v.AppRole.SecretIDFile},
		Kubernetes: vault.Kubernetes{Mount: v.Kubernetes.Mount, Role: v.Kubernetes.Role, JWTFile: v.Kubernetes.JWTFile},
		Cache:      cmp.Or(v.Cache, config.DefaultKeysCache), Timeout: cmp.Or(v.Timeout, config.DefaultKeysTimeout),
		Clock: clock, Logger: logger,
	}
}

// KeyDesk is where an operator looks after the keys in Vault.
type KeyDesk = vault.Operator

// OpenKeyDesk logs in to the Vault that a configuration names, as an operator.
// Gateways may run meanwhile.
func OpenKeyDesk(ctx context.Context, cfg *config.Config, logger *slog.Logger) (*KeyDesk, error) {
	if cfg.Keys.Vault.Address == "" {
		return nil, fault.New(fault.Invalid, "gateway.OpenKeyDesk",
			"The configuration names no Vault (keys.vault): keys in files are not wrapped.")
	}
	return vault.NewOperator(ctx, vaultOptions(&cfg.Keys.Vault, time.Now, logger))
}
