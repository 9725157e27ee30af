// Package event is the port for everything in Concord that changes: case
// links, editions, idempotency keys, submissions, and later reviews,
// suspensions and jobs.
//
// Nothing is ever updated. A thing is a stream of event rows, each inserted
// once under (kind, id, n); its state is the fold of its rows. Because a row
// is accepted once only, inserting row n is the compare-and-swap: the loser
// meets Conflict, reads again and decides again. No store feature beyond a
// unique insert is relied on.
package event

import "context"

// Event is one row of a stream.
type Event struct {
	// Kind names the sort of thing, for example "case-link".
	Kind string
	// ID names the thing within its kind. It holds no personal data.
	ID string
	// N is the number of the row in its stream, from 0 without gaps.
	N int64
	// Body is the content, sealed where it is sensitive.
	Body []byte
}

// Store keeps event rows. All methods are safe for concurrent use; what Insert
// acknowledged is durable and visible to every later call. Names are compared
// byte by byte; a nil and an empty body are the same. Every method answers a
// fault of kind Unavailable when the store cannot answer or the context is over.
type Store interface {
	// Insert adds one row durably. It answers a fault of kind Conflict when
	// (Kind, ID, N) is taken, whatever the body, and Unavailable when the
	// outcome is unknown; retrying the same row is then safe. A row without
	// kind or id, or with a negative N, is Invalid.
	Insert(ctx context.Context, e Event) error
	// Stream returns all rows of one thing in the order of N; none is an
	// empty slice and no error.
	Stream(ctx context.Context, kind, id string) ([]Event, error)
	// Last returns the row with the highest N, or a fault of kind NotFound.
	Last(ctx context.Context, kind, id string) (Event, error)
	// List returns the last row of each thing of a kind, ordered by id in
	// ascending byte order, starting after the id given, at most limit; a limit
	// of zero or less returns none.
	List(ctx context.Context, kind, after string, limit int) ([]Event, error)
	// Walk calls yield with every row there is, in the order of kind, id (both by
	// bytes) and N. The row is only valid during the call. It stops at the first
	// error of yield and returns it. A walk is no snapshot: of what others write
	// meanwhile it may see some. yield may call the store.
	Walk(ctx context.Context, yield func(*Event) error) error
}
