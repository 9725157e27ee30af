package audit

import (
	"errors"
	"fmt"
	"slices"

	"golang.org/x/mod/sumdb/tlog"
)

const (
	// tileHeight is the height of a tile (c2sp.org/tlog-tiles), tileWidth the
	// number of hashes in it.
	tileHeight = 8
	tileWidth  = 1 << tileHeight
)

// tree is the right edge of the Merkle tree: of every level the hashes of the
// complete subtrees in the tiles that were not complete before the newest batch.
// That is enough to append and to prove every entry of the newest batch. A tree
// is immutable once it is shared; grow returns a new one.
type tree struct {
	size int64
	// levels[k][i] is the hash of the complete subtree number base[k]+i of
	// 1<<k leaves.
	levels [][]tlog.Hash
	base   []int64
}

// grow returns the tree with leaves appended, and the tiles that they completed
// in the order in which they did.
func (t tree) grow(leaves []tlog.Hash) (tree, []tile) {
	next := tree{size: t.size, levels: slices.Clone(t.levels), base: slices.Clone(t.base)}
	for k := range next.levels {
		// Drop what lies left of the tile that is being filled.
		start := t.size >> ((k/tileHeight + 1) * tileHeight) << ((k/tileHeight+1)*tileHeight - k)
		drop := min(max(start-next.base[k], 0), int64(len(next.levels[k])))
		next.base[k] += drop
		// Clipped, so that appending never writes into the old tree.
		next.levels[k] = slices.Clip(next.levels[k][drop:])
	}
	var full []tile
	for _, leaf := range leaves {
		full = next.push(leaf, full)
	}
	return next, full
}

// push appends one leaf and every subtree that it completes.
func (t *tree) push(leaf tlog.Hash, full []tile) []tile {
	hash, n := tlog.RecordHash(leaf[:]), t.size
	t.size++
	for k := 0; ; k++ {
		if k == len(t.levels) {
			t.levels = append(t.levels, nil)
			t.base = append(t.base, n)
		}
		t.levels[k] = append(t.levels[k], hash)
		if k%tileHeight == 0 && n%tileWidth == tileWidth-1 {
			full = append(full, t.tile(k, n/tileWidth))
		}
		if n&1 == 0 {
			return full
		}
		last := len(t.levels[k]) - 1
		hash, n = tlog.NodeHash(t.levels[k][last-1], hash), n>>1
	}
}

// tile returns the complete tile number n whose hashes are at level k.
func (t *tree) tile(k int, n int64) tile {
	first := n*tileWidth - t.base[k]
	data := make([]byte, 0, tileWidth*tlog.HashSize)
	for _, h := range t.levels[k][first : first+tileWidth] {
		data = append(data, h[:]...)
	}
	return tile{level: k / tileHeight, n: n, data: data}
}

// node returns the hash of complete subtree n of level k, if the edge holds it.
func (t *tree) node(k int, n int64) (tlog.Hash, bool) {
	if k >= len(t.levels) || n < t.base[k] || n >= t.base[k]+int64(len(t.levels[k])) {
		return tlog.Hash{}, false
	}
	return t.levels[k][n-t.base[k]], true
}

// ReadHashes implements tlog.HashReader over the edge alone.
func (t *tree) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	hashes := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		k, n := tlog.SplitStoredHashIndex(index)
		hash, ok := t.node(k, n)
		if !ok {
			return nil, fmt.Errorf("the edge of the tree does not hold subtree %d of level %d", n, k)
		}
		hashes[i] = hash
	}
	return hashes, nil
}

// root returns the root hash.
func (t *tree) root() (tlog.Hash, error) { return tlog.TreeHash(t.size, t) }

var errEdge = errors.New("the edge of the tree has a hole")

// ends returns for each level the hash of the last subtree of the tree, which need
// not be complete; the last of them is the root. The tree must not be empty.
func (t *tree) ends() ([]tlog.Hash, error) {
	n := t.size - 1
	end, ok := t.node(0, n)
	ends := []tlog.Hash{end}
	for k := 0; ok && n > 0; k, n = k+1, n>>1 {
		if n&1 == 1 {
			var left tlog.Hash
			left, ok = t.node(k, n-1)
			end = tlog.NodeHash(left, end)
		}
		ends = append(ends, end)
	}
	if !ok {
		return nil, errEdge
	}
	return ends, nil
}

// prove returns the inclusion proof of leaf n (RFC 6962 section 2.1.1) from the
// edge and its ends: what tlog.ProveRecord does without knowing the ends.
func (t *tree) prove(n int64, ends []tlog.Hash) ([]tlog.Hash, error) {
	proof := make([]tlog.Hash, 0, len(ends))
	for k, last := 0, t.size-1; last > 0; k, n, last = k+1, n>>1, last>>1 {
		sibling := n ^ 1
		switch {
		case sibling > last: // there is none on this level
		case sibling == last:
			proof = append(proof, ends[k])
		default:
			hash, ok := t.node(k, sibling)
			if !ok {
				return nil, errEdge
			}
			proof = append(proof, hash)
		}
	}
	return proof, nil
}

// tile is a complete tile: 256 hashes of one level.
type tile struct {
	level int
	n     int64
	data  []byte
}

// tileRoot returns the hash of the subtree of which data holds the hashes, a
// power of two.
func tileRoot(data []byte) tlog.Hash {
	if len(data) == tlog.HashSize {
		return tlog.Hash(data)
	}
	half := len(data) / 2
	return tlog.NodeHash(tileRoot(data[:half]), tileRoot(data[half:]))
}

// restore returns the edge of a tree of the given size. hashes(level, from, to)
// returns the hashes of the subtrees from to to-1 of 256^level leaves.
func restore(size int64, hashes func(level int, from, to int64) ([]tlog.Hash, error)) (tree, error) {
	t := tree{size: size}
	for level := 0; size>>(level*tileHeight) > 0; level++ {
		count := size >> (level * tileHeight)
		from := count / tileWidth * tileWidth
		row, err := hashes(level, from, count)
		if err != nil {
			return tree{}, err
		}
		for range tileHeight {
			t.levels = append(t.levels, row)
			t.base = append(t.base, from)
			pairs := make([]tlog.Hash, len(row)/2)
			for i := range pairs {
				pairs[i] = tlog.NodeHash(row[2*i], row[2*i+1])
			}
			row, from = pairs, from/2
		}
	}
	return t, nil
}
