package audit_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/fault"
)

// limited is a request of one actor with a limit, which is logged as a denial
// when the limit is passed.
func limited(n int, at time.Time, perHour, perDay int) audit.Request {
	r := request(n)
	r.Actor.Subject = "analyst"
	r.Time = at
	r.Limit = &audit.Limit{PerHour: perHour, PerDay: perDay, Denied: []audit.Draft{
		{Action: audit.Deny, Purpose: "soc-investigation", Private: audit.Private{Justification: "over the limit"}},
	}}
	return r
}

// wantLimited appends a request that is over its limit, and checks that the
// denial is in the log under the receipt.
func wantLimited(t *testing.T, l *audit.Log, r audit.Request, code string, retry time.Duration) {
	t.Helper()
	receipt, err := l.Append(t.Context(), r)
	var f *fault.Error
	if !errors.As(err, &f) || f.Kind != fault.Limited || f.Code != code || f.RetryAfter != retry {
		t.Fatalf("%#v, want %s and %v", err, code, retry)
	}
	e, _, err := l.Entry(t.Context(), receipt.First)
	if err != nil || e.Action != audit.Deny || e.RequestID != r.ID || receipt.Count != 1 {
		t.Errorf("the denial is not in the log: %+v %v", e, err)
	}
}

func TestLimits(t *testing.T) {
	h := newHouse(t)
	l := h.open()
	at := func(minutes int) time.Time { return now.Add(time.Duration(minutes) * time.Minute) }
	mustAppend(t, l, limited(0, at(0), 2, 4))
	mustAppend(t, l, limited(1, at(10), 2, 4))
	wantLimited(t, l, limited(2, at(20), 2, 4), "limit-hour", 40*time.Minute)
	// A denial does not count; an hour after the first there is room for one.
	mustAppend(t, l, limited(3, at(60), 2, 4))
	wantLimited(t, l, limited(4, at(61), 2, 4), "limit-hour", 9*time.Minute)
	mustAppend(t, l, limited(5, at(120), 2, 4))
	wantLimited(t, l, limited(6, at(600), 2, 4), "limit-day", (24*60-600)*time.Minute)
	mustAppend(t, l, limited(7, at(24*60), 2, 4))

	// Neither another agency's actor of the same name, nor requests about an
	// area, nor requests without a limit are held back.
	other := limited(8, at(24*60), 1, 1)
	other.Actor.Agency = "mercia-health"
	mustAppend(t, l, other)
	for n := range 5 {
		area := limited(9+n, at(24*60), 0, 0)
		area.Drafts[0].Area = "E06000020"
		mustAppend(t, l, area)
	}
	if u := l.Usage("analyst", "west-mercia-police", at(24*60)); u != (audit.Usage{LastHour: 1, LastDay: 4, AgencyLastHour: 1, AgencyLastDay: 4}) {
		t.Errorf("usage is %+v", u)
	}
	if u := l.Usage("nobody", "west-mercia-police", at(24*60)); u != (audit.Usage{AgencyLastHour: 1, AgencyLastDay: 4}) {
		t.Errorf("usage of nobody is %+v", u)
	}
	if u := l.Usage("", "nowhere", at(24*60)); u != (audit.Usage{}) {
		t.Errorf("usage of an agency that never asked is %+v", u)
	}
	wantOK(t, h.verify(nil))
}

// TestLimitsSurviveRestart opens the log again: what was counted counts.
func TestLimitsSurviveRestart(t *testing.T) {
	h := newHouse(t)
	l := h.open()
	for n := range 3 {
		mustAppend(t, l, limited(n, now.Add(time.Duration(n)*time.Minute), 3, 3))
	}
	if err := l.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	again := h.open(func(c *audit.Config) { c.Clock = func() time.Time { return now.Add(3 * time.Minute) } })
	if u := again.Usage("analyst", "west-mercia-police", now.Add(3*time.Minute)); u != (audit.Usage{LastHour: 3, LastDay: 3, AgencyLastHour: 3, AgencyLastDay: 3}) {
		t.Errorf("usage after a restart is %+v", u)
	}
	// Of both caps that are passed the one that lasts longer tells when to come again.
	wantLimited(t, again, limited(3, now.Add(3*time.Minute), 3, 3), "limit-day", (24*60-3)*time.Minute)
	wantLimited(t, again, limited(3, now.Add(3*time.Minute), 3, 0), "limit-hour", 57*time.Minute)
}

// TestLimitsHoldAmongGateways has two gateways on one store and writers racing
// for the last places: no more get through than the limit allows, whoever asks
// where.
func TestLimitsHoldAmongGateways(t *testing.T) {
	h := newHouse(t)
	logs := []*audit.Log{h.open(), h.open(func(c *audit.Config) { c.Store = h.openDB().Log() })}
	const most, writers, each = 10, 6, 6
	var mu sync.Mutex
	passed, denied := 0, 0
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				_, err := logs[w%2].Append(t.Context(), limited(w*each+i, now, most, 0))
				mu.Lock()
				switch {
				case err == nil:
					passed++
				case fault.Is(err, fault.Limited):
					denied++
				default:
					t.Error(err)
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if passed != most || denied != writers*each-most {
		t.Errorf("%d passed and %d were denied", passed, denied)
	}
	wantOK(t, h.verify(nil))
}
