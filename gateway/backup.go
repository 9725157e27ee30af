package gateway

import (
	"context"
	"crypto"
	"crypto/rand"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/backup"
	"github.com/concord-gateway/concord/gateway/config"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/keyring"
	"github.com/concord-gateway/concord/gateway/store/sqlite"
)

// BackupOptions say what is copied, and where to.
type BackupOptions struct {
	Out      string
	LogOnly  bool
	Progress func(what string, done, total int64)
}

// Backup copies what a configuration's gateway has, which may be running.
func Backup(ctx context.Context, cfg *config.Config, o BackupOptions) (made backup.Summary, err error) {
	g := &Gateway{cfg: cfg, logger: slog.New(slog.DiscardHandler)}
	defer func() { err = errors.Join(err, g.Close(ctx)) }()
	db, still, err := g.openBeside(ctx)
	if err != nil {
		return made, err
	}
	keys, own, err := g.ownKeys(ctx)
	if err != nil {
		return made, err
	}
	return backup.WriteFile(ctx, o.Out, backup.Copy{
		Stores:  storesOf(db),
		LogOnly: o.LogOnly, Origin: cfg.Log.Origin, Keys: own, Clock: time.Now, Progress: o.Progress,
		Sign: func(ctx context.Context, version int, message []byte) ([]byte, error) {
			if err := still(); err != nil {
				return nil, err
			}
			signer, err := keys.Signer(ctx, audit.SignerName(version))
			if err != nil {
				return nil, err
			}
			return signer.Sign(rand.Reader, message, crypto.Hash(0))
		},
	})
}

// openBeside opens the store beside a gateway that may be using it. still says
// whether what was read from it can be relied on.
func (g *Gateway) openBeside(ctx context.Context) (db Store, still func() error, err error) {
	if g.shared() {
		db, err = g.openStore(ctx)
		return db, func() error { return nil }, err
	}
	if still, err = watchFolder(g.cfg.DataDir); err != nil {
		return nil, nil, err
	}
	folder, err := sqlite.Open(ctx, g.cfg.DataDir, sqlite.Options{ReadOnly: true})
	if err != nil {
		return nil, nil, err
	}
	g.onClose(func(context.Context) error { return folder.Close() })
	return folder, still, nil
}

// RestoreOptions say what is restored.
type RestoreOptions struct {
	// File is the backup, and Log the newer log.
	File, Log string
	// Keys are the verifier keys that the log is trusted by. None means the one of
	// the keyring.
	Keys     []string
	Progress func(what string, done, total int64)
}

// Restore fills the empty store of a configuration, whose keys must be in their
// place: in them nothing is made. Nothing is written, not even an empty store, before
// backup and log have been verified against the keys. No gateway may be started on the
// store meanwhile, which the marker in it and the lock of the embedded store see to.
func Restore(ctx context.Context, cfg *config.Config, o RestoreOptions) (res backup.Restored, err error) {
	g := &Gateway{cfg: cfg, logger: slog.New(slog.DiscardHandler)}
	defer func() { err = errors.Join(err, g.Close(ctx)) }()
	keys, own, err := g.ownKeys(ctx)
	if err != nil {
		return res, err
	}
	if len(o.Keys) == 0 {
		o.Keys = own
	}
	r := backup.Restore{
		Witnesses: cosigners(&cfg.Log), Quorum: cfg.Log.Quorum, Open: g.storesToFill,
		Keys: o.Keys, Own: own, Keyring: keys, Clock: time.Now, Progress: o.Progress,
	}
	err = reading(ctx, cfg, func(db Store) error { return storesOf(db).Empty(ctx) })
	if err != nil && !fault.Is(err, fault.NotFound) { // NotFound: there is no database yet
		return res, err
	}
	return r.Run(ctx, o.File, o.Log)
}

// storesToFill opens the store of the configuration, and makes it where it is not there.
func (g *Gateway) storesToFill(ctx context.Context) (backup.Stores, error) {
	db, err := g.openStore(ctx)
	if err != nil {
		return backup.Stores{}, err
	}
	return storesOf(db), nil
}

func storesOf(db Store) backup.Stores {
	return backup.Stores{Log: db.Log(), Events: db.Events(), Records: db.Records()}
}

// ownKeys opens the keyring, which must be there already and in which no key is made, and
// returns the first verifier key of its log; the later ones follow from the log itself.
func (g *Gateway) ownKeys(ctx context.Context) (keyring.Keyring, []string, error) {
	keys, err := existingKeys(ctx, g.cfg, g.logger)
	if err != nil {
		return nil, nil, err
	}
	g.onClose(func(context.Context) error { return keys.Close() })
	signer, err := keys.Signer(ctx, audit.SignerName(1))
	if errors.Is(err, keyring.ErrAbsent) {
		return nil, nil, fault.Wrap(fault.Invalid, "gateway.Keys", "The keyring has no log key: it is another's, or its keys were lost. "+
			"Put them back from their own backup first.", err)
	}
	if err != nil {
		return nil, nil, err
	}
	own, err := audit.VKey(g.cfg.Log.Origin, signer.Public())
	if err != nil {
		return nil, nil, fault.Wrap(fault.Invalid, "gateway.Backup", "The log key does not fit the origin.", err)
	}
	return keys, []string{own}, nil
}

// started says that what was read cannot be relied on.
func started() error {
	return fault.New(fault.Unavailable, "gateway.Read", "A gateway was started while its store was being read. Do it again.")
}

// watchFolder returns what says whether a database that nobody was using when it
// was looked at is still as it was. Without a write-ahead log it is read as one that
// does not change: a gateway that started meanwhile would spoil what is read.
func watchFolder(dir string) (still func() error, err error) {
	const op = "gateway.Read"
	path := filepath.Join(dir, sqlite.FileName)
	look := func() (used bool, size int64, at time.Time, err error) {
		if _, err := os.Stat(path + "-wal"); !errors.Is(err, fs.ErrNotExist) {
			return true, 0, time.Time{}, nil
		}
		info, err := os.Stat(path)
		if err != nil {
			return false, 0, time.Time{}, fault.Wrap(fault.Invalid, op, "There is no database in "+dir+".", err)
		}
		return false, info.Size(), info.ModTime(), nil
	}
	used, size, at, err := look()
	if err != nil {
		return nil, err
	}
	return func() error {
		if used {
			return nil
		}
		used, sizeNow, atNow, err := look()
		if err == nil && (used || sizeNow != size || !atNow.Equal(at)) {
			err = started()
		}
		return err
	}, nil
}
