package audit

import (
	"context"
	"crypto/sha256"
	"fmt"
	"slices"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/concord-gateway/concord/gateway/fault"
)

// Resumption is what a verifier needs to go on from a checkpoint that it has
// seen before, instead of beginning anew. Nothing in it is believed: the hashes
// give the checkpoint's root or they do not, the last batch's head is signed, and
// keys are vouched for by the log key.
type Resumption struct {
	// Hashes are those of the complete subtrees that make up the tree, largest
	// first.
	Hashes [][]byte
	// Last is the batch that the checkpoint ends with.
	Last *Batch
	// Introductions are the entries that brought in keys, in their order.
	Introductions []Introduction
}

// Introduction is an entry that brought in a session key or a log key.
type Introduction struct {
	Index int64
	Entry []byte
}

// Resumer is a Source that can be read from the middle.
type Resumer interface {
	// Resume returns what is needed to go on from size entries. Batches yields
	// what follows them, afterwards. NotFound means that no batch ends there.
	Resume(ctx context.Context, size int64) (*Resumption, error)
}

// Resume implements Resumer.
func (s *storeSource) Resume(ctx context.Context, size int64) (*Resumption, error) {
	const op = "audit.Resume"
	last, err := batchOf(ctx, s.store, op, size-1)
	if err != nil {
		return nil, err
	}
	if last.Size != size {
		return nil, fault.New(fault.NotFound, op, fmt.Sprintf("no batch ends at entry %d", size-1))
	}
	r := &Resumption{Last: last}
	tiles := newTileStore(s.store)
	edge, err := restore(size, func(level int, from, to int64) ([]tlog.Hash, error) { return tiles.hashes(ctx, level, from, to) })
	if err != nil {
		return nil, err
	}
	hashes, err := tiles.reader(ctx, &edge).ReadHashes(subtrees(size))
	if err != nil {
		return nil, err
	}
	for _, h := range hashes {
		r.Hashes = append(r.Hashes, h[:])
	}
	r.Introductions, err = introductions(ctx, s.store, size)
	s.from = last.N + 1
	return r, err
}

// subtrees are the stored indexes of the complete subtrees that make up a tree,
// largest first.
func subtrees(size int64) []int64 {
	var indexes []int64
	for done, k := int64(0), 62; k >= 0; k-- {
		if size&(1<<k) != 0 {
			indexes = append(indexes, tlog.StoredHashIndex(k, done>>k))
			done += 1 << k
		}
	}
	return indexes
}

// introductions finds the entries before size that brought in keys, by the
// search rows.
func introductions(ctx context.Context, store Store, size int64) ([]Introduction, error) {
	const page = 1000
	var found []Introduction
	q := Query{Action: Admin, Before: size, Limit: page}
	for {
		indexes, err := store.Search(ctx, q)
		if err != nil {
			return nil, err
		}
		for _, index := range indexes {
			b, err := batchOf(ctx, store, "audit.Resume", index)
			if err != nil {
				return nil, err
			}
			found = append(found, Introduction{index, b.Entries[index-b.First]})
		}
		if len(indexes) < page {
			slices.Reverse(found) // the newest came first
			return found, nil
		}
		q.Before = indexes[len(indexes)-1]
	}
}

// Resume implements Resumer: it reads the export up to there, without looking
// into entries other than those that may bring in keys.
func (e *export) Resume(ctx context.Context, size int64) (*Resumption, error) {
	const op = "audit.Resume"
	r := new(Resumption)
	var tree frontier
	for b, err := range e.Batches(ctx) {
		if err != nil {
			return nil, err
		}
		for i, leaf := range b.Leaves {
			if len(leaf) != sha256.Size || i >= len(b.Entries) {
				return nil, fault.New(fault.NotFound, op, fmt.Sprintf("batch %d is damaged", b.N))
			}
			tree.push(tlog.RecordHash(leaf))
			if c, err := ColumnsOf(b.Entries[i]); err == nil && c.Action == Admin {
				r.Introductions = append(r.Introductions, Introduction{b.First + int64(i), b.Entries[i]})
			}
		}
		if b.Size >= size {
			r.Last = b
			break
		}
	}
	if r.Last == nil || r.Last.Size != size || tree.size != size {
		return nil, fault.New(fault.NotFound, op, fmt.Sprintf("no batch ends at entry %d", size-1))
	}
	for _, h := range tree.stack {
		r.Hashes = append(r.Hashes, h[:])
	}
	return r, nil
}

// resume takes the log up to the checkpoint seen before as verified: its size
// and root are those that somebody else has kept.
func (v *verification) resume(ctx context.Context, source Source, since []byte) error {
	const op = "audit.Verify"
	resumer, ok := source.(Resumer)
	if !ok {
		return fault.New(fault.Invalid, op, "this source can only be verified from its beginning")
	}
	n, err := openTree(since, v.keys.all())
	if err == nil && n.size == 0 {
		return nil
	}
	known := err == nil
	if !known { // signed by a key that is still to be followed: the size is read, the signature checked below
		if n, err = parseTree(since); err != nil {
			return fault.Wrap(fault.Invalid, op, "the checkpoint cannot be read", err)
		}
	}
	r, err := resumer.Resume(ctx, n.size)
	switch {
	case fault.Is(err, fault.Unavailable):
		return err
	case err != nil:
		v.found(Problem{Index: 0, Batch: -1, Code: CodeFork, Message: fmt.Sprintf(
			"the log cannot be gone on with from %d entries: %v", n.size, err)})
		return nil
	}
	for _, intro := range r.Introductions {
		v.introduce(r.Last, intro.Index, intro.Entry)
	}
	v.goOn(n, r)
	return nil
}

// goOn sets the verification to the end of a checkpoint's tree.
func (v *verification) goOn(n treeNote, r *Resumption) {
	b := r.Last
	v.tree = frontier{size: n.size}
	for _, h := range r.Hashes {
		if len(h) == tlog.HashSize {
			v.tree.stack = append(v.tree.stack, tlog.Hash(h))
		}
	}
	root := v.tree.root()
	if root != n.root || string(b.Root) != string(root[:]) || b.Size != n.size || len(b.Entries) == 0 {
		v.found(Problem{Index: 0, Batch: b.N, Code: CodeFork, Message: fmt.Sprintf(
			"the first %d entries are not those of the checkpoint seen before", n.size)})
	}
	v.head(b)
	v.next, v.size, v.tips = b.N+1, b.Size, b.Tips
	if i := len(b.Entries) - 1; i >= 0 {
		if c, err := ColumnsOf(b.Entries[i]); err == nil && c.Action == Heads {
			v.heads = b.Size
		}
	}
	v.ends = append(v.ends, treeEnd{n.size, root, v.heads == n.size})
	v.report.From = n.size
}
