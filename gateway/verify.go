package gateway

import (
	"context"
	"errors"

	"github.com/concord-gateway/concord/gateway/audit"
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
