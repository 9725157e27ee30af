package audit

import (
	"context"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/concord-gateway/concord/gateway/fault"
)

// tileStore reads complete tiles, and computes again from the batches those
// that were never stored.
type tileStore struct {
	store Store
	// unsaved holds complete tiles on their way into the store. The sequencer
	// fills and closes it.
	unsaved chan tile
}

func newTileStore(store Store) *tileStore {
	const room = 64 // 16,384 entries ahead of the store
	return &tileStore{store: store, unsaved: make(chan tile, room)}
}

// tile returns complete tile n of a level.
func (t *tileStore) tile(ctx context.Context, level int, n int64) ([]byte, error) {
	const op = "audit.tile"
	data, err := t.store.Tile(ctx, level, n)
	if err == nil && len(data) != tileWidth*tlog.HashSize {
		return nil, fault.New(fault.Unavailable, op, fmt.Sprintf("tile %d of level %d is damaged", n, level))
	}
	if !fault.Is(err, fault.NotFound) {
		return data, err
	}
	hashes, err := t.hashes(ctx, level, n*tileWidth, (n+1)*tileWidth)
	if err != nil {
		return nil, err
	}
	for _, h := range hashes {
		data = append(data, h[:]...)
	}
	// Storing it is for the next time; a store that cannot write can still be
	// read.
	_ = t.store.InsertTile(ctx, level, n, data)
	return data, nil
}

// hashes returns the hashes of the complete subtrees from to to-1 of 256^level
// leaves each.
func (t *tileStore) hashes(ctx context.Context, level int, from, to int64) ([]tlog.Hash, error) {
	if level == 0 {
		return t.leaves(ctx, from, to)
	}
	hashes := make([]tlog.Hash, 0, to-from)
	for n := from; n < to; n++ {
		data, err := t.tile(ctx, level-1, n)
		if err != nil {
			return nil, err
		}
		hashes = append(hashes, tileRoot(data))
	}
	return hashes, nil
}

// leaves returns the leaf hashes of the entries from to to-1, from the batches.
func (t *tileStore) leaves(ctx context.Context, from, to int64) ([]tlog.Hash, error) {
	hashes := make([]tlog.Hash, 0, to-from)
	err := t.eachLeaf(ctx, from, to, func(leaf []byte) { hashes = append(hashes, tlog.RecordHash(leaf)) })
	return hashes, err
}

// eachLeaf calls f with the leaf data of the entries from to to-1, from the
// batches.
func (t *tileStore) eachLeaf(ctx context.Context, from, to int64, f func(leaf []byte)) error {
	for from < to {
		b, err := t.store.BatchOf(ctx, from)
		if err != nil {
			return err
		}
		if from < b.First || from-b.First >= int64(len(b.Leaves)) {
			return fault.New(fault.Unavailable, "audit.leaves", fmt.Sprintf("batch %d lacks entry %d", b.N, from))
		}
		for _, leaf := range b.Leaves[from-b.First:] {
			if from < to {
				f(leaf)
			}
			from++
		}
	}
	return nil
}

// reader reads the hashes of the whole tree whose edge is given.
func (t *tileStore) reader(ctx context.Context, edge *tree) tlog.HashReader {
	return tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		hashes := make([]tlog.Hash, len(indexes))
		for i, index := range indexes {
			k, n := tlog.SplitStoredHashIndex(index)
			hash, ok := edge.node(k, n)
			if !ok {
				at := tlog.TileForIndex(tileHeight, index)
				data, err := t.tile(ctx, at.L, at.N)
				if err != nil {
					return nil, err
				}
				if hash, err = tlog.HashFromTile(at, data, index); err != nil {
					return nil, err
				}
			}
			hashes[i] = hash
		}
		return hashes, nil
	})
}
