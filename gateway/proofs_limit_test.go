package gateway_test

import (
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/concord-gateway/concord/gateway"
	"github.com/concord-gateway/concord/gateway/attacktest"
	"github.com/concord-gateway/concord/gateway/config"
	"github.com/concord-gateway/concord/gateway/store/storetest"
)

// TestFloodOfProofs: who is over their own limit has no proof taken, and none written to
// the store; one that was refused for that is as good as before. A replay that only the
// store knows of is paid for once, by the principal; one that is known here by the
// address, as of anybody who is not known.
func TestFloodOfProofs(t *testing.T) {
	t.Parallel()
	h := newHouse(t, withPublicURL, func(c *config.Config) {
		c.Limits.Principal.Read = config.Rate{PerSecond: 0.1, Burst: 3}
		c.Limits.Address = config.Rate{PerSecond: 0.001, Burst: 1}
	})
	h.stop()
	var rows atomic.Int32
	h.options = func(o *gateway.Options) {
		o.Store = func(s gateway.Store) gateway.Store {
			return storetest.Intercept(s, func(w storetest.Write, do func() error) error {
				if w.Op == storetest.InsertPiece {
					rows.Add(1)
				}
				return do()
			})
		}
	}
	h.start()
	c := newHolder(h)
	const flood = 40
	refused, last := 0, ""
	for range flood {
		last = c.proof(0)
		if c.use(h, last) == http.StatusTooManyRequests {
			refused++
		}
	}
	if refused != flood-3 || rows.Load() != 3 {
		t.Errorf("of %d proofs %d were refused, and %d written", flood, refused, rows.Load())
	}
	attacktest.Floods.Refused(t, "of proofs by one principal", refused)
	h.clock.Advance(10 * time.Second)
	c.want(h, "a proof that was over the limit", last, http.StatusOK)

	h.clock.Advance(time.Minute)
	captured := c.proof(25 * time.Second)
	c.want(h, "a proof by a clock ahead", captured, http.StatusOK)
	h.restart() // every bucket is full: of three
	c.want(h, "replayed after a restart, on the principal's account", captured, http.StatusUnauthorized)
	c.want(h, "another proof, the second", c.proof(0), http.StatusOK)
	c.want(h, "another proof, the third", c.proof(0), http.StatusOK)
	c.want(h, "another proof, over the limit", c.proof(0), http.StatusTooManyRequests)
	c.want(h, "replayed again, on the address's account", captured, http.StatusUnauthorized)
	c.want(h, "replayed again, and the address over its limit", captured, http.StatusTooManyRequests)
}
