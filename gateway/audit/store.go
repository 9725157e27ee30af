package audit

import "context"

// Batch is a run of entries that became durable together: one row of the
// store, whose number is the lock.
type Batch struct {
	// N is the number of the batch, from 0 without gaps.
	N int64 `json:"n"`
	// First is the index of the first entry.
	First int64 `json:"first"`
	// Entries are the canonical bytes of the entries, exactly as hashed.
	Entries [][]byte `json:"entries"`
	// Private are the sealed private parts, one for each entry. An export has
	// none.
	Private [][]byte `json:"private,omitempty"`
	// Leaves are the leaf data of the entries (SHA-256 of each).
	Leaves [][]byte `json:"leaves"`
	// Size and Root are the size and the root hash of the tree after the
	// batch.
	Size int64  `json:"size"`
	Root []byte `json:"root"`
	// Tips is the last {seq, hash} of every provider after the batch.
	Tips map[string]Tip `json:"tips"`
	// Salts are the salts, in hex by provider, of the heads entry that ends the
	// batch; none for a batch without one.
	Salts map[string]string `json:"salts,omitempty"`
	// Writer names the session that wrote the batch.
	Writer string `json:"writer"`
	// Head is the signed note over origin, size, root, number and tips.
	Head []byte `json:"head"`
}

// Tip is the end of a provider's chain.
type Tip struct {
	Seq  int64  `json:"seq"`
	Hash string `json:"hash"`
}

// Store keeps the log. Batches, tiles and checkpoints are inserted and never
// changed or deleted; the store refuses it as far as it can. All methods are
// safe for concurrent use.
type Store interface {
	// InsertBatch stores b durably under b.N. It answers a fault of kind
	// Conflict when the number is taken, and Unavailable when the outcome is
	// unknown; retrying the identical batch is then safe and is the only way to
	// learn the outcome. Search rows may be written along with it, but are
	// derived: Reindex rebuilds them.
	InsertBatch(ctx context.Context, b *Batch) error
	// Batch returns batch n, or a fault of kind NotFound.
	Batch(ctx context.Context, n int64) (*Batch, error)
	// LastBatch returns the batch with the highest number, or NotFound.
	LastBatch(ctx context.Context) (*Batch, error)
	// BatchOf returns the batch that holds entry index, or NotFound. A batch
	// whose stored form cannot be read answers Internal, here as in Batch and
	// LastBatch.
	BatchOf(ctx context.Context, index int64) (*Batch, error)
	// Search returns the indexes of matching entries in descending order.
	Search(ctx context.Context, q Query) ([]int64, error)
	// InsertTile stores a complete tile of 256 hashes (8 KiB). A tile that is
	// there already is not an error.
	InsertTile(ctx context.Context, level int, n int64, data []byte) error
	// Tile returns a complete tile, or NotFound.
	Tile(ctx context.Context, level int, n int64) ([]byte, error)
	// InsertCheckpoint stores a published checkpoint of the given size. One
	// that is there already answers Conflict.
	InsertCheckpoint(ctx context.Context, size int64, note []byte) error
	// LastCheckpoint returns the published checkpoint of the greatest size, or
	// NotFound.
	LastCheckpoint(ctx context.Context) (size int64, note []byte, err error)
	// Reindex rebuilds the search rows from the batches.
	Reindex(ctx context.Context) error
}

// Query chooses entries. Empty fields match everything.
type Query struct {
	Actor    string
	Agency   string
	Action   Action
	Provider string
	Purpose  string
	// RequestID joins the entries of one request.
	RequestID string
	// From and To bound the entry's time, RFC 3339 with microseconds in UTC,
	// From inclusive, To exclusive.
	From, To string
	// Before, when positive, returns only smaller indexes (paging).
	Before int64
	// After, when positive, returns only larger indexes: what is new since.
	After int64
	// Limit is the most that is returned; zero means 100.
	Limit int
}
