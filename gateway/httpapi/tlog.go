package httpapi

import (
	"net/http"
	"strings"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/concord-gateway/concord/gateway/fault"
)

// The log as c2sp.org/tlog-tiles has it, for anybody and without a token: hashes,
// and signatures over them. What is asked for is checked before the log is.

const (
	// neverChanges is said of what a published checkpoint covers.
	neverChanges = "public, max-age=31536000, immutable"
	// askAgain is said of the checkpoint.
	askAgain = "no-cache"
)

// tlogCheckpoint returns the newest published checkpoint.
func (s *server) tlogCheckpoint(c *call) (*reply, error) {
	rep, err := s.readCheckpoint(c)
	if err != nil {
		return nil, err
	}
	rep.header = map[string]string{"Cache-Control": askAgain}
	return rep, nil
}

// tlogTile returns a tile of hashes or a bundle of leaf data.
func (s *server) tlogTile(c *call) (*reply, error) {
	t, ok := parseTile(c.Param("tile"))
	if !ok || c.Request.URL.RawQuery != "" {
		return nil, noTile(nil)
	}
	var data []byte
	var err error
	if t.L < 0 {
		data, err = s.Log.Bundle(c.ctx(), t.N, t.W)
	} else {
		data, err = s.Log.Tile(c.ctx(), t.L, t.N, t.W)
	}
	if fault.Is(err, fault.NotFound) {
		return nil, noTile(err)
	}
	if err != nil {
		return nil, err
	}
	return &reply{
		raw: data, contentType: "application/octet-stream",
		header: map[string]string{"Cache-Control": neverChanges},
	}, nil
}

// parseTile reads what stands behind /tlog/tile. Every tile and bundle has one
// spelling; no other is taken. The level of a bundle is -1.
func parseTile(rest string) (tlog.Tile, bool) {
	const longest = 64 // the longest that is of any log has 44
	if len(rest) > longest || !strings.HasPrefix(rest, "/") {
		return tlog.Tile{}, false
	}
	t, err := torchwood.ParseTilePath("tile" + rest)
	const levels = 64
	if err != nil || t.L >= levels || torchwood.TilePath(t) != "tile"+rest {
		return tlog.Tile{}, false
	}
	return t, true
}

func noTile(cause error) error {
	return fault.Wrap(fault.NotFound, "httpapi.tlogTile", "The published log has no such tile.", cause)
}

// methods are those that the route answers.
func (r *route) methods() []string {
	if r.static {
		return []string{r.method, http.MethodHead}
	}
	return []string{r.method}
}
