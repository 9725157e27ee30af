package sqlite

import (
	"context"
	"database/sql"
	"time"

	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/spool"
)

// schemaPieces holds what is kept for a while. Unlike events it is deleted, and
// never anything else: nothing of it is changed.
const schemaPieces = `
CREATE TABLE pieces (
	kind    TEXT NOT NULL CHECK (kind <> ''),
	id      TEXT NOT NULL CHECK (id <> ''),
	n       INTEGER NOT NULL CHECK (n >= 0),
	expires INTEGER NOT NULL, -- microseconds since 1970
	body    BLOB NOT NULL,
	PRIMARY KEY (kind, id, n)
) STRICT;
CREATE INDEX pieces_expires ON pieces (expires);
`

const (
	insertPiece = "INSERT INTO pieces (kind, id, n, expires, body) VALUES (?, ?, ?, ?, ?)"
	getPiece    = "SELECT kind, id, n, expires, body FROM pieces WHERE kind = ? AND id = ? AND n = ?"
	lastPiece   = "SELECT kind, id, n, expires, body FROM pieces WHERE kind = ? AND id = ? ORDER BY n DESC LIMIT 1"

	// A deletion overwrites what it frees: a few pieces at a time, so that other
	// writers get their turn and the write-ahead log stays small.
	deletePieces = `DELETE FROM pieces WHERE rowid IN
		(SELECT rowid FROM pieces WHERE kind = ? AND id = ? ORDER BY n LIMIT 16)`
	expirePieces = `DELETE FROM pieces WHERE rowid IN
		(SELECT rowid FROM pieces WHERE expires <= ? ORDER BY expires LIMIT 16)`
)

// Spool returns the store of pieces.
func (db *DB) Spool() spool.Store { return pieces{db} }

// pieces implements spool.Store.
type pieces struct{ db *DB }

func (s pieces) Insert(ctx context.Context, p spool.Piece) error {
	const op = "sqlite.Spool.Insert"
	if p.Kind == "" || p.ID == "" || p.N < 0 || len(p.Body) > spool.MaxBody {
		return fault.New(fault.Invalid, op, "a piece needs a kind, an id, a number from 0 and a body that is not too large")
	}
	return s.db.update(ctx, op, func(ctx context.Context, tx *sql.Tx) error {
		_, err := s.db.writes.exec(ctx, tx, insertPiece, p.Kind, p.ID, p.N, p.Expires.UnixMicro(), notNull(p.Body))
		return err
	})
}

func (s pieces) Get(ctx context.Context, kind, id string, n int64) (spool.Piece, error) {
	return s.one(ctx, "sqlite.Spool.Get", getPiece, kind, id, n)
}

func (s pieces) Last(ctx context.Context, kind, id string) (spool.Piece, error) {
	return s.one(ctx, "sqlite.Spool.Last", lastPiece, kind, id)
}

// one returns the piece that a query finds.
func (s pieces) one(ctx context.Context, op, query string, args ...any) (p spool.Piece, err error) {
	found := false
	err = collect(ctx, s.db.reads, op, func(rows *sql.Rows) error {
		var expires int64
		err := rows.Scan(&p.Kind, &p.ID, &p.N, &expires, &p.Body)
		p.Expires, found = time.UnixMicro(expires).UTC(), true
		return err
	}, query, args...)
	if err != nil {
		return spool.Piece{}, err
	}
	if !found {
		return spool.Piece{}, fault.New(fault.NotFound, op, "there is no such piece")
	}
	return p, nil
}

func (s pieces) Delete(ctx context.Context, kind, id string) error {
	_, err := s.remove(ctx, "sqlite.Spool.Delete", deletePieces, kind, id)
	return err
}

func (s pieces) Expire(ctx context.Context, at time.Time) (int64, error) {
	return s.remove(ctx, "sqlite.Spool.Expire", expirePieces, at.UnixMicro())
}

// remove repeats a statement that deletes a few rows until it finds none.
func (s pieces) remove(ctx context.Context, op, query string, args ...any) (removed int64, err error) {
	for {
		var n int64
		err := s.db.update(ctx, op, func(ctx context.Context, tx *sql.Tx) error {
			result, err := s.db.writes.exec(ctx, tx, query, args...)
			if err != nil {
				return err
			}
			n, err = result.RowsAffected()
			return err
		})
		if err != nil || n == 0 {
			return removed, err
		}
		removed += n
	}
}
