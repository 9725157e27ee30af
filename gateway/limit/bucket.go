package limit

import (
	"math"
	"time"

	"golang.org/x/time/rate"
)

// table holds the buckets of one kind, at most max of them. Its owner holds the lock.
type table[K comparable] struct {
	rate Rate
	max  int
	of   map[K]*rate.Limiter
	// rest is the bucket of all who have no place in the table.
	rest *rate.Limiter
	// swept is when room was last made: to look through a full table for every
	// newcomer would be a way to keep the gateway busy.
	swept time.Time
}

const (
	sweepEvery = time.Second
	// fraction of a token is what the arithmetic of times may lose.
	fraction = 1e-9
)

func newTable[K comparable](r Rate, most int) *table[K] {
	t := &table[K]{rate: r, max: most, of: map[K]*rate.Limiter{}}
	t.rest = t.full()
	return t
}

func (t *table[K]) full() *rate.Limiter {
	return rate.NewLimiter(rate.Limit(t.rate.PerSecond), t.rate.Burst)
}

func (t *table[K]) unlimited() bool { return t.rate.PerSecond <= 0 }

// wait is how long it is until there is a token for the key; 0 means that there is
// one. It makes no bucket.
func (t *table[K]) wait(key K, now time.Time) time.Duration {
	if t.unlimited() {
		return 0
	}
	b, ok := t.of[key]
	switch {
	case ok:
	case len(t.of) < t.max || t.sweep(now):
		return 0 // it would have a full one
	default:
		b = t.rest
	}
	missing := 1 - b.TokensAt(now)
	if missing <= fraction {
		return 0
	}
	return time.Duration(math.Ceil(missing / t.rate.PerSecond * float64(time.Second)))
}

// take takes a token, if there is one.
func (t *table[K]) take(key K, now time.Time) {
	if t.unlimited() {
		return
	}
	b, ok := t.of[key]
	if !ok {
		b = t.rest
		if len(t.of) < t.max || t.sweep(now) {
			b = t.full()
			t.of[key] = b
		}
	}
	if b.TokensAt(now) >= 1-fraction {
		b.ReserveN(now, 1)
	}
}

// sweep drops the buckets that are full again, and reports whether there is room.
func (t *table[K]) sweep(now time.Time) bool {
	if since := now.Sub(t.swept); since >= 0 && since < sweepEvery {
		return false
	}
	t.swept = now
	for key, b := range t.of {
		if b.TokensAt(now) >= float64(t.rate.Burst) {
			delete(t.of, key)
		}
	}
	return len(t.of) < t.max
}
