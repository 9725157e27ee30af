package client

import (
	"context"
	"fmt"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/concord-gateway/concord/gateway/fault"
)

// tileHeight is the height of the tiles that a gateway serves
// (c2sp.org/tlog-tiles).
const tileHeight = 8

// tiles reads tiles of the public log. It implements tlog.TileReader; what it
// reads is held against the root by tlog.TileHashReader.
type tiles struct {
	ctx    context.Context //nolint:containedctx // tlog's interface has no room for one
	client *Client
	cache  map[string][]byte
}

// Prover makes proofs from the public tiles of a gateway, for one tree whose
// size and root the caller has from a signed checkpoint.
type Prover struct {
	size   int64
	hashes tlog.HashReader
}

// Prover returns a prover for a tree. ctx ends its reading.
func (c *Client) Prover(ctx context.Context, size int64, root [32]byte) *Prover {
	reader := &tiles{ctx: ctx, client: c, cache: map[string][]byte{}}
	return &Prover{size: size, hashes: tlog.TileHashReader(tlog.Tree{N: size, Hash: root}, reader)}
}

// Prove returns the inclusion proof (RFC 6962 section 2.1.1) of an entry, each
// hash in base64. It answers Unavailable when the tiles cannot be had or do not
// give the root.
func (p *Prover) Prove(index int64) ([]string, error) {
	proof, err := tlog.ProveRecord(p.size, index, p.hashes)
	if err != nil {
		return nil, fault.Wrap(fault.Unavailable, "client.Prove", fmt.Sprintf("entry %d cannot be proven from the public tiles", index), err)
	}
	encoded := make([]string, len(proof))
	for i, h := range proof {
		encoded[i] = h.String()
	}
	return encoded, nil
}

// Height implements tlog.TileReader.
func (t *tiles) Height() int { return tileHeight }

// SaveTiles implements tlog.TileReader: verified tiles are kept for the next
// proofs.
func (t *tiles) SaveTiles(read []tlog.Tile, data [][]byte) {
	for i, tile := range read {
		t.cache[tile.Path()] = data[i]
	}
}

// ReadTiles implements tlog.TileReader.
func (t *tiles) ReadTiles(wanted []tlog.Tile) ([][]byte, error) {
	data := make([][]byte, len(wanted))
	for i, tile := range wanted {
		if kept, ok := t.cache[tile.Path()]; ok {
			data[i] = kept
			continue
		}
		// As c2sp.org/tlog-tiles has it: the path without the height.
		path := "/tlog/tile/" + strings.TrimPrefix(tile.Path(), fmt.Sprintf("tile/%d/", tileHeight))
		body, err := t.client.bytes(t.ctx, path, nil)
		if err != nil {
			return nil, err
		}
		data[i] = body
	}
	return data, nil
}
