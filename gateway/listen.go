package gateway

import (
	"context"
	"time"

	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/config"
	"github.com/concord-gateway/concord/gateway/httpapi"
	"github.com/concord-gateway/concord/gateway/httpapi/edge"
	"github.com/concord-gateway/concord/gateway/limit"
)

// headerBytes bounds the header of a request.
const headerBytes = 64 << 10

// flushEvery is how often what the limiter refused is summed up in the log.
const flushEvery = time.Minute

// edge is how connections are served.
func (g *Gateway) edge() edge.Config {
	t, slow := g.cfg.TLS, g.cfg.Limits.Slow
	read := time.Duration(0)
	if slow.Header > 0 && slow.Window > 0 {
		read = slow.Header + slow.Window
	}
	return edge.Config{
		TLS:    edge.Files{Cert: t.Cert, Key: t.Key, ClientCA: t.ClientCA},
		Header: slow.Header, Read: read, Idle: slow.Idle, HeaderBytes: headerBytes, Logger: g.logger,
	}
}

// patience is how slow a caller may be.
func (g *Gateway) patience() httpapi.Patience {
	slow := g.cfg.Limits.Slow
	p := httpapi.Patience{Window: slow.Window, BytesPerSecond: slow.Rate, Total: slow.Body}
	if g.shared() && (p.Total == 0 || p.Total > sharedBody) {
		p.Total = sharedBody
	}
	return p
}

// proxies are those whose word is taken.
func (g *Gateway) proxies() (httpapi.Proxies, error) {
	networks, err := g.cfg.Proxies.Networks()
	return httpapi.Proxies{Addresses: networks, CertHeader: g.cfg.Proxies.ClientCertHeader}, err
}

// limits makes the limiter.
func (g *Gateway) limits(clock func() time.Time) *limit.Limiter {
	l := g.cfg.Limits
	return limit.New(limit.Config{
		Address: rate(l.Address), Everyone: rate(l.Everyone), Principal: rates(l.Principal), Agency: rates(l.Agency),
		Concurrent: limit.Concurrent(l.Concurrent), Clock: clock,
	})
}

func rate(r config.Rate) limit.Rate { return limit.Rate{PerSecond: r.PerSecond, Burst: r.Burst} }

func rates(r config.Rates) map[limit.Class]limit.Rate {
	return map[limit.Class]limit.Rate{
		limit.Read: rate(r.Read), limit.Ask: rate(r.Ask), limit.Send: rate(r.Send), limit.Heavy: rate(r.Heavy),
	}
}

// denials logs what the limiter refuses. What it has counted is logged every minute, and
// before the log closes.
func (g *Gateway) denials(ctx context.Context, log *audit.Log, clock func() time.Time) *httpapi.Denials {
	d := httpapi.NewDenials(log, clock)
	flush := func(ctx context.Context, all bool) error {
		err := d.Flush(ctx, all)
		if err != nil {
			g.logger.Error("how many requests were refused could not be logged", "error", err)
		}
		return err
	}
	g.onClose(func(ctx context.Context) error { return flush(ctx, true) })
	g.background(ctx, flushEvery, func(ctx context.Context) { _ = flush(ctx, false) })
	return d
}
