package gateway

import (
	"cmp"
	"context"
	"time"

	"github.com/concord-gateway/concord/gateway/config"
	"github.com/concord-gateway/concord/gateway/retention"
)

// sweepAtStart bounds how long a start waits for what is over to be erased. The rest
// goes later.
const sweepAtStart = 30 * time.Second

// sweep erases what is past its retention, before anything is served and then from
// time to time.
//
// A sweep that fails does not stop the start. What it would have erased is not served
// either way: a profile opens no record that is over, and believes what is sealed of
// it (package profile). So partners' data stays protected, those who need the gateway
// have it, and the operator is told. A log or a store that cannot be written has
// stopped the start before this.
func (g *Gateway) sweep(ctx context.Context, s *retention.Sweeper) {
	once := func(ctx context.Context) {
		r, err := s.Sweep(ctx)
		if r.Versions > 0 || r.Keys > 0 || r.Pieces > 0 {
			g.logger.Info("what is past its retention was erased", "versions", r.Versions, "keys", r.Keys, "pieces", r.Pieces)
		}
		if r.Altered > 0 {
			g.logger.Error("records that say that their retention has ended do not open: somebody has changed the rows", "versions", r.Altered)
		}
		if err != nil {
			g.logger.Error("what is past its retention could not all be erased, and will be tried again",
				"error", err, "every", g.sweepEvery().String())
		}
	}
	first, cancel := context.WithTimeout(ctx, sweepAtStart)
	defer cancel()
	once(first)
	g.background(ctx, g.sweepEvery(), once)
}

func (g *Gateway) sweepEvery() time.Duration {
	return cmp.Or(g.cfg.Retention.Every, config.DefaultRetentionEvery)
}
