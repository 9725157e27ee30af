package gateway

import (
	"context"
	"errors"

	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/store/sqlite"
)

// VerifyFolder verifies the log in a data folder, offline and without writing.
// The folder may be in use. It trusts nothing in the folder: the key, and an
// older checkpoint, come from the caller.
func VerifyFolder(ctx context.Context, dir string, opt audit.VerifyOptions) (report audit.Report, err error) {
	db, err := sqlite.Open(ctx, dir, sqlite.Options{ReadOnly: true})
	if err != nil {
		return report, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	return audit.Verify(ctx, audit.StoreSource(db.Log()), opt)
}
