package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"

	"github.com/concord-gateway/concord/gateway/fault"
)

// application marks the file as Concord's ("CNCD" in ASCII).
const application = 0x434e4344

// migrations bring a database from one version to the next; a database's
// user_version is how many of them it has had. They are only ever added to.
var migrations = [...]string{ //nolint:gochecknoglobals // a constant table
	schemaRecords + schemaEvents + schemaLog,
	schemaTerms,
	schemaPieces + indexMonths,
}

// reindexed is the version whose migration makes search rows anew.
const reindexed = 2

// migrate brings the database to the newest version, in one transaction.
func (db *DB) migrate(ctx context.Context) error {
	const op = "sqlite.Open"
	version, err := userVersion(ctx, db.write)
	if err != nil {
		return err
	}
	if version == len(migrations) {
		return nil
	}
	return db.update(ctx, op, func(ctx context.Context, tx *sql.Tx) error {
		// Another process may have been faster: look again under the lock.
		version, err := userVersion(ctx, tx)
		if err != nil {
			return err
		}
		if version > len(migrations) {
			return versionRefused(version)
		}
		for _, schema := range migrations[version:] {
			if _, err := tx.ExecContext(ctx, schema); err != nil {
				return fmt.Errorf("schema: %w", err)
			}
		}
		if version < reindexed {
			if err := db.reindex(ctx, tx); err != nil {
				return err
			}
		}
		_, err = tx.ExecContext(ctx, "PRAGMA application_id = "+strconv.Itoa(application)+
			"; PRAGMA user_version = "+strconv.Itoa(len(migrations)))
		return err
	})
}

// userVersion returns the schema version of the database, 0 for an empty one,
// and refuses the file of another program.
func userVersion(ctx context.Context, from interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}) (int, error) {
	const op = "sqlite.Open"
	var version, app, tables int
	err := from.QueryRowContext(ctx, `SELECT user_version, application_id, EXISTS (SELECT 1 FROM sqlite_schema)
		FROM pragma_user_version, pragma_application_id`).Scan(&version, &app, &tables)
	if err != nil {
		return 0, failure(op, err)
	}
	if app != application && (app != 0 || version != 0 || tables != 0) {
		return 0, fault.New(fault.Conflict, op, FileName+" belongs to another program")
	}
	return version, nil
}

func versionRefused(version int) error {
	return fault.New(fault.Conflict, "sqlite.Open", fmt.Sprintf(
		"%s has schema version %d and this release knows %d: open it with the release that matches",
		FileName, version, len(migrations)))
}
