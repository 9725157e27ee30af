package audit_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/store/storetest"
)

// handClock shows what it was set to.
type handClock struct {
	mu  sync.Mutex // guards now
	now time.Time
}

func (c *handClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *handClock) set(at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = at
}

// ofFive is a request about a subject of an actor who may make five in an hour
// and in a day.
func ofFive(n int) audit.Request {
	r := request(n)
	r.Actor.Subject, r.Time = "analyst-0", time.Time{} // by the log's clock
	r.Limit = &audit.Limit{PerHour: 5, PerDay: 5, Denied: []audit.Draft{{Action: audit.Deny, Purpose: "soc-investigation"}}}
	return r
}

// TestFaultClock stops the clock, and puts it back by a second up to a month,
// after some requests of the hour have been made. Indexes go on, the log
// verifies, and no more requests pass than the limit: those that lie ahead of the
// clock count too, and so does what is asked under it, over a restart as well.
func TestFaultClock(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		back time.Duration
	}{
		{"frozen", 0},
		{"back by a second", time.Second},
		{"back by an hour", time.Hour},
		{"back by a day", 24 * time.Hour},
		{"back by three days", 72 * time.Hour},
		{"back by a month", 30 * 24 * time.Hour},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			clock := &handClock{now: now}
			open := func() *audit.Log { return h.open(func(cfg *audit.Config) { cfg.Clock = clock.Now }) }
			l := open()
			passed, refused, last := 0, 0, int64(-1)
			try := func(n int) {
				receipt, err := l.Append(context.Background(), ofFive(n))
				switch {
				case err == nil:
					passed++
				case fault.Is(err, fault.Limited):
					refused++
				default:
					t.Fatal(err)
				}
				if receipt.First <= last {
					t.Errorf("index %d follows %d", receipt.First, last)
				}
				last = receipt.First
			}
			for n := range 2 {
				try(n)
			}
			clock.set(now.Add(-c.back))
			for n := range 6 {
				try(10 + n)
			}
			if passed != 5 || refused != 3 {
				t.Errorf("%d requests passed and %d were refused, want 5 and 3", passed, refused)
			}
			if err := l.Close(t.Context()); err != nil {
				t.Fatal(err)
			}
			wantOK(t, h.verify(nil))
			l = open()
			try(20)
			if passed != 5 {
				t.Error("a restart under the same clock forgets what was asked")
			}
			clock.set(now.Add(25 * time.Hour)) // and right again, a day later
			try(21)
			if passed != 6 {
				t.Error("nothing passes once the clock is right again")
			}
			wantOK(t, h.verify(nil))
			storetest.Tally(t, "clock "+c.name, "sqlite", passed+refused, "verified, limit held")
		})
	}
}
