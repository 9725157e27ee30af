// Package spool is the port for what is kept for a while only: the parts of a file
// that is being uploaded, the journal of a submission under way, the rejected rows
// of an error file, which proofs of possession were used.
//
// A thing is a series of pieces, each inserted once under (kind, id, n) and never
// changed: as with events, inserting piece n is the compare-and-swap. Unlike events
// the pieces of a thing are deleted together when it is done with, and each piece
// goes by itself when its time is over. Bodies are sealed by whoever inserts them, or
// are random and say nothing.
// No backup holds any of it.
package spool

import (
	"context"
	"time"
)

// Piece is one part of a thing.
type Piece struct {
	// Kind names the sort of thing, for example "upload".
	Kind string
	// ID names the thing within its kind. It holds no personal data.
	ID string
	// N is the number of the piece, from 0 without gaps.
	N int64
	// Expires is when the piece may be removed, in UTC with microseconds.
	Expires time.Time
	// Body is the content, sealed or random. At most MaxBody bytes.
	Body []byte
}

// MaxBody is the most bytes of one piece, which every engine holds in one row.
const MaxBody = 4 << 20

// Store keeps pieces. All methods are safe for concurrent use; what Insert
// acknowledged is durable and visible to every later call. Names are compared byte
// by byte; a nil and an empty body are the same, and times come back in UTC, cut to
// microseconds. Every method answers a fault of kind Unavailable when the store
// cannot answer or the context is over.
type Store interface {
	// Insert adds one piece durably. It answers a fault of kind Conflict when (Kind,
	// ID, N) is taken, whatever the body, and Unavailable when the outcome is unknown;
	// retrying the same piece is then safe. A piece without kind or id, with a negative
	// N, or with a body over MaxBody is Invalid.
	Insert(ctx context.Context, p Piece) error
	// Get returns one piece, or a fault of kind NotFound.
	Get(ctx context.Context, kind, id string, n int64) (Piece, error)
	// Last returns the piece with the highest N, or a fault of kind NotFound.
	Last(ctx context.Context, kind, id string) (Piece, error)
	// Delete removes every piece of one thing. None is no error. A piece that is
	// inserted meanwhile may stay.
	Delete(ctx context.Context, kind, id string) error
	// Expire removes every piece whose Expires is not after at, and returns how many
	// there were.
	Expire(ctx context.Context, at time.Time) (int64, error)
}
