package audit_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"testing"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/fault"
)

// TestServed reads the published log as a stranger would, with a client of
// torchwood that checks every tile and bundle against the signed root: from the
// gateway that wrote it, from one that was opened since, and from one that does
// not know what the other has published.
func TestServed(t *testing.T) {
	h := newHouse(t)
	l := h.open()
	behind := h.open()
	for n := range 40 {
		r := request(n)
		for range n {
			r.Drafts = append(r.Drafts, disclosure("telford-housing"))
		}
		mustAppend(t, l, r)
	}
	if err := l.Publish(t.Context()); err != nil {
		t.Fatal(err)
	}
	size := l.Size()
	mustAppend(t, l, request(1000)) // in the log, and not published
	wantServed(t, h, l, size)
	wantServed(t, h, behind, size)
	wantServed(t, h, h.open(), size)
}

// wantServed reads all entries of a log of a size, and what is not to be had.
func wantServed(t *testing.T, h *house, l *audit.Log, size int64) {
	t.Helper()
	checkpoint, err := l.Checkpoint(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	n, err := note.Open(checkpoint, logVerifiers(t, h))
	if err != nil {
		t.Fatal(err)
	}
	tree := parseTree(t, n.Text, origin)
	if tree.N != size {
		t.Fatalf("%d entries are published, want %d", tree.N, size)
	}
	client, err := torchwood.NewClient(tileReader{t, l})
	if err != nil {
		t.Fatal(err)
	}
	var want int64
	for i, entry := range client.AllEntries(t.Context(), tree, 0) {
		_, raw, err := l.Entry(t.Context(), i)
		if err != nil {
			t.Fatal(err)
		}
		if leaf := sha256.Sum256(raw); i != want || !bytes.Equal(entry, leaf[:]) {
			t.Fatalf("entry %d is served as %d with %x", want, i, entry)
		}
		want++
	}
	if err := client.Err(); err != nil || want != size {
		t.Errorf("%d of %d entries were read: %v", want, size, err)
	}
	last := size / 256
	for _, c := range []struct {
		level int
		n     int64
		width int
	}{
		{0, last, int(size%256) + 1}, {0, last, 256}, {0, last + 1, 1}, {1, 0, int(size/256) + 1}, {1, 1, 1}, {2, 0, 1}, {7, 0, 1}, {8, 0, 1},
		{63, 0, 1}, {-1, 0, 1}, {0, -1, 1}, {0, 0, 0}, {0, 0, 257}, {0, 1 << 62, 256}, {0, 1<<55 - 1, 256}, {0, 1<<63 - 1, 1},
	} {
		if _, err := l.Tile(t.Context(), c.level, c.n, c.width); !fault.Is(err, fault.NotFound) {
			t.Errorf("tile %+v: %v", c, err)
		}
		if c.level != 0 {
			continue
		}
		if _, err := l.Bundle(t.Context(), c.n, c.width); !fault.Is(err, fault.NotFound) {
			t.Errorf("bundle %+v: %v", c, err)
		}
	}
}

// tileReader reads the tiles of a log for torchwood.
type tileReader struct {
	t *testing.T
	l *audit.Log
}

func (r tileReader) ReadTiles(ctx context.Context, tiles []tlog.Tile) ([][]byte, error) {
	var all [][]byte
	for _, tile := range tiles {
		read := func(width int) ([]byte, error) {
			if tile.L < 0 {
				return r.l.Bundle(ctx, tile.N, width)
			}
			return r.l.Tile(ctx, tile.L, tile.N, width)
		}
		data, err := read(tile.W)
		if err != nil {
			return nil, err
		}
		each := len(data) / tile.W
		for width := 1; width < tile.W; width += 50 { // every narrower one is its beginning
			if part, err := read(width); err != nil || !bytes.Equal(part, data[:width*each]) {
				r.t.Errorf("%+v with %d of it: %v", tile, width, err)
			}
		}
		all = append(all, data)
	}
	return all, nil
}

func (r tileReader) SaveTiles([]tlog.Tile, [][]byte) {}

func (r tileReader) ReadEndpoint(context.Context, string) ([]byte, error) {
	return nil, fmt.Errorf("not asked for")
}

func TestServedNothing(t *testing.T) {
	h := newHouse(t)
	l := h.open()
	mustAppend(t, l, request(0))
	if _, err := l.Tile(t.Context(), 0, 0, 1); !fault.Is(err, fault.NotFound) {
		t.Errorf("a tile of what is not published: %v", err)
	}
	if _, err := l.Bundle(t.Context(), 0, 1); !fault.Is(err, fault.NotFound) {
		t.Errorf("a bundle of what is not published: %v", err)
	}
}
