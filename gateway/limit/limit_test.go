package limit_test

import (
	"fmt"
	"math"
	"net/netip"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/concord-gateway/concord/gateway/limit"
)

// hand is a clock that stands until it is moved.
type hand struct{ now time.Time }

func (h *hand) Now() time.Time { return h.now }

func start() *hand { return &hand{time.Date(2026, 11, 26, 9, 0, 0, 0, time.UTC)} }

// bucket is the model: what is in it, and when that was.
type bucket struct {
	tokens float64
	at     time.Time
}

// model is a bucket for each key, without any bound on their number.
type model struct {
	rate limit.Rate
	of   map[string]*bucket
}

// level is what the bucket of a key holds at a time.
func (m *model) level(key string, now time.Time) *bucket {
	b := m.of[key]
	if b == nil {
		b = &bucket{float64(m.rate.Burst), now}
		m.of[key] = b
	}
	b.tokens = min(float64(m.rate.Burst), b.tokens+now.Sub(b.at).Seconds()*m.rate.PerSecond)
	b.at = now
	return b
}

// TestModel holds the limiter against the simplest thing that has the same rules, over
// any order of requests of a few principals of two agencies.
func TestModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		draw := func(name string) limit.Rate {
			return limit.Rate{PerSecond: rapid.Float64Range(0.1, 20).Draw(t, name+" rate"), Burst: rapid.IntRange(1, 8).Draw(t, name+" burst")}
		}
		principal, agency, clock := draw("principal"), draw("agency"), start()
		l := limit.New(limit.Config{
			Principal: map[limit.Class]limit.Rate{limit.Ask: principal}, Agency: map[limit.Class]limit.Rate{limit.Ask: agency}, Clock: clock.Now,
		})
		people, agencies := model{principal, map[string]*bucket{}}, model{agency, map[string]*bucket{}}
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			clock.now = clock.now.Add(time.Duration(rapid.IntRange(0, 2000).Draw(t, "ms")) * time.Millisecond)
			a := rapid.SampledFrom([]string{"a", "b"}).Draw(t, "agency")
			who := rapid.SampledFrom([]string{"x", "y"}).Draw(t, "subject")
			p, of := people.level(a+who, clock.now), agencies.level(a, clock.now)
			if math.Abs(p.tokens-1) < 1e-6 || math.Abs(of.tokens-1) < 1e-6 {
				continue // the two do not add up fractions in the same order
			}
			_, refused := l.Known(a, who, limit.Ask)
			switch {
			case p.tokens < 1:
				want(t, refused, limit.OfPrincipal, (1-p.tokens)/principal.PerSecond)
			case of.tokens < 1:
				want(t, refused, limit.OfAgency, (1-of.tokens)/agency.PerSecond)
			case refused != nil:
				t.Fatalf("refused: %+v, with %v and %v", refused, p.tokens, of.tokens)
			default:
				p.tokens--
				of.tokens--
			}
		}
	})
}

func want(t *rapid.T, got *limit.Refusal, scope limit.Scope, seconds float64) {
	t.Helper()
	if got == nil || got.Scope != scope || got.Busy || math.Abs(got.Retry.Seconds()-seconds) > 1e-5 {
		t.Fatalf("%+v, want a refusal by the %s's bucket for %v s", got, scope, seconds)
	}
}

// TestRetry lets the next request through when the wait that was told is over.
func TestRetry(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		clock := start()
		r := limit.Rate{PerSecond: rapid.Float64Range(0.01, 1000).Draw(t, "rate"), Burst: rapid.IntRange(1, 50).Draw(t, "burst")}
		l := limit.New(limit.Config{Principal: map[limit.Class]limit.Rate{limit.Read: r}, Clock: clock.Now})
		for {
			clock.now = clock.now.Add(time.Duration(rapid.IntRange(0, 5).Draw(t, "us")) * time.Microsecond)
			_, refused := l.Known("a", "x", limit.Read)
			if refused == nil {
				continue
			}
			clock.now = clock.now.Add(refused.Retry)
			if _, again := l.Known("a", "x", limit.Read); again != nil {
				t.Fatalf("%+v after waiting for %v", again, refused.Retry)
			}
			return
		}
	})
}

// TestStrangers charges an address for what fails and for what is public, all of a
// subscriber's addresses of IPv6 as one, and nobody for what succeeds.
func TestStrangers(t *testing.T) {
	t.Parallel()
	clock := start()
	l := limit.New(limit.Config{Address: limit.Rate{PerSecond: 1, Burst: 3}, Everyone: limit.Rate{PerSecond: 1, Burst: 7}, Clock: clock.Now})
	one, same, other := netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("2001:db8::2"), netip.MustParseAddr("192.0.2.1")
	for range 10 {
		if r := l.Stranger(one); r != nil {
			t.Fatalf("to be let in cost something: %+v", r)
		}
	}
	l.Failed(one)
	l.Failed(same)
	if r := l.Public(one); r != nil {
		t.Fatalf("%+v", r)
	}
	for name, ask := range map[string]func(netip.Addr) *limit.Refusal{"stranger": l.Stranger, "public": l.Public} {
		if r := ask(same); r == nil || r.Scope != limit.OfAddress || r.Retry != time.Second {
			t.Errorf("%s: %+v", name, r)
		}
	}
	for range 3 {
		if r := l.Public(other); r != nil {
			t.Fatalf("%+v", r)
		}
	}
	if r := l.Public(netip.MustParseAddr("::ffff:192.0.2.1")); r == nil || r.Scope != limit.OfAddress {
		t.Errorf("the same address as IPv6: %+v", r)
	}
	l.Failed(netip.MustParseAddr("192.0.2.2"))
	if r := l.Stranger(netip.MustParseAddr("192.0.2.3")); r == nil || r.Scope != limit.OfEveryone {
		t.Errorf("all together: %+v", r)
	}
	clock.now = clock.now.Add(time.Second)
	if r := l.Stranger(one); r != nil {
		t.Errorf("a second later: %+v", r)
	}
}

// TestBounded fills a table with far more than it holds: newcomers share a bucket, who
// has one keeps it, and room is made of buckets that are full again.
func TestBounded(t *testing.T) {
	t.Parallel()
	clock := start()
	l := limit.New(limit.Config{
		Principal: map[limit.Class]limit.Rate{limit.Send: {PerSecond: 1, Burst: 10}}, Buckets: 100, Clock: clock.Now,
	})
	through := 0
	for i := range 10_000 {
		if _, r := l.Known("a", fmt.Sprintf("robot-%d", i), limit.Send); r == nil {
			through++
		}
	}
	if through != 100+10 {
		t.Errorf("%d came through, want one for each bucket and one burst for the rest", through)
	}
	if _, r := l.Known("a", "robot-7", limit.Send); r != nil {
		t.Errorf("who has a bucket: %+v", r)
	}
	clock.now = clock.now.Add(time.Minute)
	if _, r := l.Known("a", "newcomer", limit.Send); r != nil {
		t.Errorf("a newcomer when the buckets are full again: %+v", r)
	}
}
