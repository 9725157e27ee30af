package audit

import (
	"context"
	"encoding/binary"
	"fmt"
	"sync"
	"sync/atomic"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/concord-gateway/concord/gateway/fault"
)

// What everybody may read of the log (c2sp.org/tlog-tiles): hashes, and leaf data
// that are hashes themselves. Nothing is served that no published checkpoint
// covers, so that what is served never changes.

const (
	// readersAtOnce bounds how many public reads go to the store together.
	readersAtOnce = 4
	// bundlesKept is how many complete bundles are kept in memory, 9 KiB each: a
	// bundle is put together from up to 256 batches.
	bundlesKept = 256
)

// served is the state of public reading.
type served struct {
	// slots holds one value for each read of the store under way.
	slots chan struct{}
	// covered is the greatest size of a published checkpoint that was seen.
	covered atomic.Int64
	// restored is an edge that was read from the store for edge.
	restored atomic.Pointer[tree]

	mu      sync.Mutex // guards bundles and order
	bundles map[int64][]byte
	order   []int64 // oldest first
}

func newServed() *served {
	return &served{slots: make(chan struct{}, readersAtOnce), bundles: map[int64][]byte{}}
}

// Tile returns the first width hashes, 32 bytes each, of tile n of a level
// (c2sp.org/tlog-tiles): 256 for a complete tile, 1 to 255 for a partial one. It
// answers NotFound when the newest published checkpoint does not cover them, and
// Unavailable when the store does not answer. The hashes of a tile never change.
func (l *Log) Tile(ctx context.Context, level int, n int64, width int) ([]byte, error) {
	const op = "audit.Tile"
	size, release, err := l.beginRead(ctx, op, level, n, width)
	if err != nil {
		return nil, err
	}
	defer release()
	edge, err := l.edge(ctx, size)
	if err != nil {
		return nil, readFault(op, err)
	}
	data := make([]byte, 0, width*tlog.HashSize)
	for i := n * tileWidth; i < n*tileWidth+int64(width); i++ {
		hash, ok := edge.node(level*tileHeight, i)
		if !ok { // then the tile is complete, and perhaps stored
			whole, err := l.tiles.tile(ctx, level, n)
			if err != nil {
				return nil, readFault(op, err)
			}
			return whole[:width*tlog.HashSize], nil
		}
		data = append(data, hash[:]...)
	}
	return data, nil
}

// Bundle returns the first width entries of entry bundle n (c2sp.org/tlog-tiles),
// each a length of two bytes, big-endian, and the leaf data, the 32 bytes
// SHA-256(entry). Widths and errors are those of Tile.
func (l *Log) Bundle(ctx context.Context, n int64, width int) ([]byte, error) {
	const op = "audit.Bundle"
	if data, ok := l.served.bundle(n); ok && possible(0, n, width) {
		return data[:width*bundleEntry], nil
	}
	_, release, err := l.beginRead(ctx, op, 0, n, width)
	if err != nil {
		return nil, err
	}
	defer release()
	data := make([]byte, 0, width*bundleEntry)
	err = l.tiles.eachLeaf(ctx, n*tileWidth, n*tileWidth+int64(width), func(leaf []byte) {
		data = binary.BigEndian.AppendUint16(data, uint16(len(leaf)))
		data = append(data, leaf...)
	})
	if err != nil {
		return nil, readFault(op, err)
	}
	if len(data) != width*bundleEntry {
		return nil, fault.New(fault.Unavailable, op, fmt.Sprintf("the leaf data of bundle %d are damaged", n))
	}
	if width == tileWidth {
		l.served.keep(n, data)
	}
	return data, nil
}

// bundleEntry is the length of an entry in a bundle.
const bundleEntry = 2 + tlog.HashSize

// beginRead checks that a published checkpoint covers part of a tile, waits for
// its turn, and returns the size of the checkpoint.
func (l *Log) beginRead(ctx context.Context, op string, level int, n int64, width int) (int64, func(), error) {
	if !possible(level, n, width) {
		return 0, nil, fault.New(fault.NotFound, op, "there is no such tile")
	}
	select {
	case l.served.slots <- struct{}{}:
	case <-ctx.Done():
		return 0, nil, unavailable(op, "too many read the log", ctx.Err())
	}
	release := func() { <-l.served.slots }
	end := n*tileWidth + int64(width)
	size := l.served.covered.Load()
	if size>>(level*tileHeight) < end {
		var err error
		if size, _, err = l.cfg.Store.LastCheckpoint(ctx); err != nil && !isNotFound(err) {
			release()
			return 0, nil, err
		}
		l.served.cover(size)
	}
	if size>>(level*tileHeight) < end {
		release()
		return 0, nil, fault.New(fault.NotFound, op, "no published checkpoint covers this tile")
	}
	return size, release, nil
}

// possible reports whether a tree of at most 2^62 leaves can have a tile.
func possible(level int, n int64, width int) bool {
	const leaves, levels = 62, 62 / tileHeight
	return level >= 0 && level <= levels && n >= 0 && n < 1<<(leaves-tileHeight) && width >= 1 && width <= tileWidth
}

// cover notes that a checkpoint of a size is published.
func (s *served) cover(size int64) {
	for {
		old := s.covered.Load()
		if size <= old || s.covered.CompareAndSwap(old, size) {
			return
		}
	}
}

// bundle returns a complete bundle that is kept.
func (s *served) bundle(n int64) ([]byte, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	data, ok := s.bundles[n]
	return data, ok
}

// keep keeps a complete bundle, in place of the oldest.
func (s *served) keep(n int64, data []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.bundles[n]; ok {
		return
	}
	if len(s.order) == bundlesKept {
		delete(s.bundles, s.order[0])
		s.order = s.order[1:]
	}
	s.bundles[n] = data
	s.order = append(s.order, n)
}
