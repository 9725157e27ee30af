package gateway

import (
	"context"
	"time"

	"github.com/concord-gateway/concord/gateway/submission"
)

const (
	// sharedBody bounds how long a body may take to come where the store is shared,
	// whatever the configuration allows. A submission is as old as its first byte, and
	// another gateway has to tell one that is slow from one that nobody works on. Larger
	// files come in parts.
	sharedBody = 5 * time.Minute
	// sharedGrace is three times that: an open submission that is older is no
	// gateway's any more.
	sharedGrace = 3 * sharedBody
	// recoverEvery is how often a gateway that shares its store looks for
	// submissions that another gateway left open when it died.
	recoverEvery = time.Minute
)

// shared reports whether other gateways may use the store.
func (g *Gateway) shared() bool { return g.cfg.Store.Mongo.URI != "" }

// grace is how long an open submission is left alone.
func (g *Gateway) grace() time.Duration {
	if g.shared() {
		return sharedGrace
	}
	return 0
}

// recoverSubmissions closes what was interrupted, submissions and withdrawals, now and, where the store is
// shared, from time to time.
func (g *Gateway) recoverSubmissions(ctx context.Context, s *submission.Service) error {
	recoverOnce := func(ctx context.Context) error {
		n, err := s.Recover(ctx)
		if n > 0 {
			g.logger.Warn("submissions were interrupted and have been closed", "count", n)
		}
		if err != nil {
			return err
		}
		if n, err = s.RecoverWithdrawals(ctx); n > 0 {
			g.logger.Warn("withdrawals were interrupted and have been brought to their end", "count", n)
		}
		return err
	}
	if err := recoverOnce(ctx); err != nil || !g.shared() {
		return err
	}
	g.background(ctx, recoverEvery, func(ctx context.Context) {
		if err := recoverOnce(ctx); err != nil && ctx.Err() == nil {
			g.logger.Error("interrupted submissions could not be closed", "error", err)
		}
	})
	return nil
}

// background calls do at every interval until the gateway closes.
func (g *Gateway) background(ctx context.Context, every time.Duration, do func(context.Context)) {
	ctx, stop := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan struct{})
	go func() {
		defer close(done)
		ticker := time.NewTicker(every)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
				do(ctx)
			}
		}
	}()
	g.onClose(func(context.Context) error {
		stop()
		<-done
		return nil
	})
}
