package audit

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"testing"

	"golang.org/x/mod/sumdb/tlog"
)

// reference is the tree as tlog keeps it: every hash there is.
type reference []tlog.Hash

func (r *reference) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	hashes := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		hashes[i] = (*r)[index]
	}
	return hashes, nil
}

func (r *reference) append(t *testing.T, n int64, leaf tlog.Hash) {
	t.Helper()
	hashes, err := tlog.StoredHashes(n, leaf[:], r)
	if err != nil {
		t.Fatal(err)
	}
	*r = append(*r, hashes...)
}

func leafOf(n int64) tlog.Hash { return sha256.Sum256(fmt.Append(nil, "entry ", n)) }

// TestTreeAllProofs proves every leaf of every tree of up to 40 leaves, grown in
// batches of every size, and checks the proofs; and the same for every pair of
// sizes.
func TestTreeAllProofs(t *testing.T) {
	const most = 40
	for step := int64(1); step <= most; step++ {
		var ours tree
		var theirs reference
		var front frontier
		for ours.size < most {
			var leaves []tlog.Hash
			before := ours.size
			for n := before; n < min(before+step, most); n++ {
				leaves = append(leaves, leafOf(n))
				theirs.append(t, n, leafOf(n))
				front.push(tlog.RecordHash(leaves[len(leaves)-1][:]))
			}
			ours, _ = ours.grow(leaves)
			root, err := ours.root()
			want, err2 := tlog.TreeHash(ours.size, &theirs)
			if err != nil || err2 != nil || root != want || front.root() != want {
				t.Fatalf("root of %d leaves: %v %v", ours.size, err, err2)
			}
			for n := range ours.size {
				checkProof(t, &ours, n, root)
			}
			for old := int64(1); old <= ours.size; old++ {
				proof, err := tlog.ProveTree(ours.size, old, &ours)
				if err != nil {
					t.Fatal(err)
				}
				oldRoot, err := tlog.TreeHash(old, &theirs)
				if err != nil {
					t.Fatal(err)
				}
				if err := tlog.CheckTree(proof, ours.size, root, old, oldRoot); err != nil {
					t.Fatalf("%d is not a prefix of %d: %v", old, ours.size, err)
				}
			}
		}
	}
}

func checkProof(t *testing.T, tr *tree, n int64, root tlog.Hash) {
	t.Helper()
	proof, err := tlog.ProveRecord(tr.size, n, tr)
	if err != nil {
		t.Fatalf("leaf %d of %d: %v", n, tr.size, err)
	}
	ends, err := tr.ends()
	if err != nil || ends[len(ends)-1] != root {
		t.Fatalf("the ends of %d leaves do not reach the root: %v", tr.size, err)
	}
	if ours, err := tr.prove(n, ends); err != nil || !slices.Equal(ours, proof) {
		t.Fatalf("leaf %d of %d is proven by %v, not %v: %v", n, tr.size, ours, proof, err)
	}
	leaf := leafOf(n)
	if err := tlog.CheckRecord(proof, tr.size, root, n, tlog.RecordHash(leaf[:])); err != nil {
		t.Fatalf("leaf %d of %d: %v", n, tr.size, err)
	}
	for i := range proof {
		proof[i][0] ^= 1
		if tlog.CheckRecord(proof, tr.size, root, n, tlog.RecordHash(leaf[:])) == nil {
			t.Fatalf("leaf %d of %d is proven by a wrong hash", n, tr.size)
		}
		proof[i][0] ^= 1
	}
}

// TestTreeTiles grows a tree over two levels of tiles in uneven batches: every
// entry of each newest batch can be proven from the edge alone, an edge that is
// restored is the one that grew, and tiles come out complete and in order.
func TestTreeTiles(t *testing.T) {
	const most = 256*256 + 700
	var ours tree
	var theirs reference
	tiles := map[int][]tile{}
	for batch := int64(1); ours.size < most; batch++ {
		step := min(1+batch*batch%512, most-ours.size)
		var leaves []tlog.Hash
		for n := ours.size; n < ours.size+step; n++ {
			leaves = append(leaves, leafOf(n))
			theirs.append(t, n, leafOf(n))
		}
		before := ours.size
		var full []tile
		ours, full = ours.grow(leaves)
		for _, f := range full {
			if f.n != int64(len(tiles[f.level])) {
				t.Fatalf("tile %d of level %d comes after %d others", f.n, f.level, len(tiles[f.level]))
			}
			tiles[f.level] = append(tiles[f.level], f)
		}
		if batch%16 != 0 && ours.size < most {
			continue
		}
		root, err := ours.root()
		if want, err2 := tlog.TreeHash(ours.size, &theirs); err != nil || err2 != nil || root != want {
			t.Fatalf("root of %d leaves: %v %v", ours.size, err, err2)
		}
		for _, n := range []int64{before, before + step/2, before + step - 1} {
			checkProof(t, &ours, n, root)
		}
		checkRestored(t, &ours, &theirs)
	}
	if len(tiles[0]) != 258 || len(tiles[1]) != 1 {
		t.Errorf("%d and %d tiles", len(tiles[0]), len(tiles[1]))
	}
	for level, all := range tiles {
		for _, f := range all {
			want, err := tlog.ReadTileData(tlog.Tile{H: tileHeight, L: level, N: f.n, W: tileWidth}, &theirs)
			if err != nil || string(want) != string(f.data) {
				t.Fatalf("tile %d of level %d: %v", f.n, level, err)
			}
		}
	}
}

func checkRestored(t *testing.T, ours *tree, theirs *reference) {
	t.Helper()
	back, err := restore(ours.size, func(level int, from, to int64) ([]tlog.Hash, error) {
		var hashes []tlog.Hash
		for n := from; n < to; n++ {
			hashes = append(hashes, (*theirs)[tlog.StoredHashIndex(level*tileHeight, n)])
		}
		return hashes, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	root, err := back.root()
	if want, _ := ours.root(); err != nil || root != want {
		t.Fatalf("restored at %d: %v", ours.size, err)
	}
	a, _ := back.grow([]tlog.Hash{leafOf(1), leafOf(2), leafOf(3)})
	b, _ := ours.grow([]tlog.Hash{leafOf(1), leafOf(2), leafOf(3)})
	rootA, errA := a.root()
	rootB, errB := b.root()
	if errA != nil || errB != nil || rootA != rootB {
		t.Fatalf("restored at %d and grown: %v %v", ours.size, errA, errB)
	}
}

// TestTreeSharesNothing grows two different trees out of one: neither changes the
// other, nor the one that they came from.
func TestTreeSharesNothing(t *testing.T) {
	base, _ := tree{}.grow([]tlog.Hash{leafOf(0), leafOf(1), leafOf(2)})
	want, _ := base.root()
	left, _ := base.grow([]tlog.Hash{leafOf(3), leafOf(4)})
	wantLeft, _ := left.root()
	right, _ := base.grow([]tlog.Hash{leafOf(7), leafOf(8)})
	wantRight, _ := right.root()
	for _, c := range []struct {
		tree tree
		want tlog.Hash
	}{{base, want}, {left, wantLeft}, {right, wantRight}} {
		if got, err := c.tree.root(); err != nil || got != c.want {
			t.Errorf("the root changed (%v)", err)
		}
	}
	if wantLeft == wantRight {
		t.Error("different leaves give the same root")
	}
}
