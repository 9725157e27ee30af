package sqlite

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/fault"
)

// schemaLog refuses every way of changing what is the log (audit_batches), its
// published checkpoints and its tiles: UPDATE, DELETE, and the INSERT OR REPLACE
// that deletes unseen. The search rows (audit_entries, which schemaTerms replaces)
// are derived and may be rebuilt.
const schemaLog = `
CREATE TABLE audit_batches (
	n     INTEGER PRIMARY KEY CHECK (n >= 0),
	first INTEGER NOT NULL CHECK (first >= 0),
	size  INTEGER NOT NULL CHECK (size > first),
	body  BLOB NOT NULL
) STRICT;
CREATE INDEX audit_batches_first ON audit_batches (first);
CREATE TRIGGER audit_batches_no_update BEFORE UPDATE ON audit_batches
BEGIN SELECT RAISE(ABORT, 'the log is never updated'); END;
CREATE TRIGGER audit_batches_no_delete BEFORE DELETE ON audit_batches
BEGIN SELECT RAISE(ABORT, 'the log is never deleted'); END;
CREATE TRIGGER audit_batches_no_replace BEFORE INSERT ON audit_batches
WHEN EXISTS (SELECT 1 FROM audit_batches WHERE n = NEW.n)
BEGIN SELECT RAISE(ABORT, 'the log is never replaced'); END;

CREATE TABLE audit_tiles (
	level INTEGER NOT NULL CHECK (level >= 0),
	n     INTEGER NOT NULL CHECK (n >= 0),
	data  BLOB NOT NULL,
	PRIMARY KEY (level, n)
) STRICT;
CREATE TRIGGER audit_tiles_no_update BEFORE UPDATE ON audit_tiles
BEGIN SELECT RAISE(ABORT, 'tiles are never updated'); END;
CREATE TRIGGER audit_tiles_no_delete BEFORE DELETE ON audit_tiles
BEGIN SELECT RAISE(ABORT, 'tiles are never deleted'); END;
CREATE TRIGGER audit_tiles_no_replace BEFORE INSERT ON audit_tiles
WHEN EXISTS (SELECT 1 FROM audit_tiles WHERE level = NEW.level AND n = NEW.n)
BEGIN SELECT RAISE(ABORT, 'tiles are never replaced'); END;

CREATE TABLE audit_checkpoints (
	size INTEGER PRIMARY KEY CHECK (size > 0),
	note BLOB NOT NULL
) STRICT;
CREATE TRIGGER audit_checkpoints_no_update BEFORE UPDATE ON audit_checkpoints
BEGIN SELECT RAISE(ABORT, 'checkpoints are never updated'); END;
CREATE TRIGGER audit_checkpoints_no_delete BEFORE DELETE ON audit_checkpoints
BEGIN SELECT RAISE(ABORT, 'checkpoints are never deleted'); END;
CREATE TRIGGER audit_checkpoints_no_replace BEFORE INSERT ON audit_checkpoints
WHEN EXISTS (SELECT 1 FROM audit_checkpoints WHERE size = NEW.size)
BEGIN SELECT RAISE(ABORT, 'checkpoints are never replaced'); END;

CREATE TABLE audit_entries (
	idx        INTEGER PRIMARY KEY,
	time       TEXT NOT NULL,
	action     TEXT NOT NULL,
	actor      TEXT NOT NULL,
	agency     TEXT NOT NULL,
	purpose    TEXT NOT NULL,
	provider   TEXT NOT NULL,
	request_id TEXT NOT NULL
) STRICT;
CREATE INDEX audit_entries_time ON audit_entries (time);
CREATE INDEX audit_entries_action ON audit_entries (action, time);
CREATE INDEX audit_entries_actor ON audit_entries (actor);
CREATE INDEX audit_entries_provider ON audit_entries (provider) WHERE provider <> '';
CREATE INDEX audit_entries_request ON audit_entries (request_id);
`

// Log returns the store of the audit log.
func (db *DB) Log() audit.Store { return logStore{db} }

// logStore implements audit.Store. One row of audit_batches is one batch, whose
// primary key is the lock of the log; its search rows go in with it, in the same
// transaction.
type logStore struct{ db *DB }

const (
	insertBatch     = "INSERT INTO audit_batches (n, first, size, body) VALUES (?, ?, ?, ?)"
	batchByNumber   = "SELECT n, first, size, body FROM audit_batches WHERE n = ?"
	batchLast       = "SELECT n, first, size, body FROM audit_batches ORDER BY n DESC LIMIT 1"
	batchFrom       = "SELECT n, first, size, body FROM audit_batches WHERE first <= ? ORDER BY first DESC LIMIT 1"
	tileByNumber    = "SELECT data FROM audit_tiles WHERE level = ? AND n = ?"
	lastCheckpoint  = "SELECT size, note FROM audit_checkpoints ORDER BY size DESC LIMIT 1"
	insertTile      = "INSERT INTO audit_tiles (level, n, data) VALUES (?, ?, ?)"
	insertCheckNote = "INSERT INTO audit_checkpoints (size, note) VALUES (?, ?)"
)

func (s logStore) InsertBatch(ctx context.Context, b *audit.Batch) error {
	const op = "sqlite.Log.InsertBatch"
	body, err := audit.MarshalBatch(b)
	if err != nil {
		return err
	}
	rows, err := searchRowsOf(b)
	if err != nil {
		return err
	}
	if err := s.warm(ctx, op); err != nil {
		return err
	}
	return s.db.update(ctx, op, func(ctx context.Context, tx *sql.Tx) error {
		if _, err := s.db.writes.exec(ctx, tx, insertBatch, b.N, b.First, b.Size, body); err != nil {
			return err
		}
		return s.db.insertSearchRows(ctx, tx, rows)
	})
}

func (s logStore) Batch(ctx context.Context, n int64) (*audit.Batch, error) {
	return s.batch(ctx, "sqlite.Log.Batch", batchByNumber, n)
}

func (s logStore) LastBatch(ctx context.Context) (*audit.Batch, error) {
	return s.batch(ctx, "sqlite.Log.LastBatch", batchLast)
}

func (s logStore) BatchOf(ctx context.Context, index int64) (*audit.Batch, error) {
	const op = "sqlite.Log.BatchOf"
	b, err := s.batch(ctx, op, batchFrom, index)
	if err == nil && index >= b.Size {
		return nil, fault.New(fault.NotFound, op, "the log has no such entry")
	}
	return b, err
}

// batch returns the batch that a query finds.
func (s logStore) batch(ctx context.Context, op, query string, args ...any) (*audit.Batch, error) {
	return oneBatch(ctx, s.db.reads, op, query, args...)
}

// oneBatch returns the batch that a query finds, or answers NotFound.
func oneBatch(ctx context.Context, from queryer, op, query string, args ...any) (*audit.Batch, error) {
	b := new(audit.Batch)
	var body []byte
	if err := one(ctx, from, op, query, args, &b.N, &b.First, &b.Size, &body); err != nil {
		return nil, err
	}
	if err := audit.UnmarshalBatch(b, body); err != nil {
		return nil, fault.Wrap(fault.Internal, op, fmt.Sprintf("batch %d is damaged", b.N), err)
	}
	return b, nil
}

// one scans the row that a query finds, or answers NotFound.
func one(ctx context.Context, from queryer, op, query string, args []any, into ...any) error {
	found := false
	err := collect(ctx, from, op, func(rows *sql.Rows) error {
		found = true
		return rows.Scan(into...)
	}, query, args...)
	if err == nil && !found {
		return failure(op, sql.ErrNoRows)
	}
	return err
}

func (s logStore) InsertTile(ctx context.Context, level int, n int64, data []byte) error {
	err := s.db.update(ctx, "sqlite.Log.InsertTile", func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, insertTile, level, n, notNull(data))
		return err
	})
	if fault.Is(err, fault.Conflict) {
		return nil
	}
	return err
}

func (s logStore) Tile(ctx context.Context, level int, n int64) ([]byte, error) {
	var data []byte
	err := one(ctx, s.db.reads, "sqlite.Log.Tile", tileByNumber, []any{level, n}, &data)
	return data, err
}

func (s logStore) InsertCheckpoint(ctx context.Context, size int64, note []byte) error {
	return s.db.update(ctx, "sqlite.Log.InsertCheckpoint", func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, insertCheckNote, size, notNull(note))
		return err
	})
}

func (s logStore) LastCheckpoint(ctx context.Context) (size int64, note []byte, err error) {
	err = one(ctx, s.db.reads, "sqlite.Log.LastCheckpoint", lastCheckpoint, nil, &size, &note)
	return size, note, err
}

// Reindex holds the write lock from its first row to its last.
func (s logStore) Reindex(ctx context.Context) error {
	const op = "sqlite.Log.Reindex"
	if err := s.warm(ctx, op); err != nil {
		return err
	}
	return s.db.update(ctx, op, s.db.reindex)
}
