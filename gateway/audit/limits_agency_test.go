package audit_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/fault"
)

// ofAgency is a request of one of an agency's analysts, with a limit for all of
// them.
func ofAgency(n int, analyst string, at time.Time, perHour, perDay int) audit.Request {
	r := limited(n, at, 0, 0)
	r.Actor.Subject = analyst
	r.Limit.AgencyPerHour, r.Limit.AgencyPerDay = perHour, perDay
	r.Limit.AgencyDenied = []audit.Draft{{
		Action: audit.Deny, Purpose: "soc-investigation", Private: audit.Private{Justification: "the agency is over the limit"},
	}}
	return r
}

func TestAgencyLimits(t *testing.T) {
	h := newHouse(t)
	l := h.open()
	at := func(minutes int) time.Time { return now.Add(time.Duration(minutes) * time.Minute) }
	mustAppend(t, l, ofAgency(0, "ann", at(0), 2, 4))
	mustAppend(t, l, ofAgency(1, "ben", at(10), 2, 4))
	third := ofAgency(2, "cat", at(20), 2, 4)
	wantLimited(t, l, third, "limit-agency-hour", 40*time.Minute)
	if wait := l.Wait("cat", third.Actor.Agency, *third.Limit, at(20)); wait != 40*time.Minute {
		t.Errorf("the wait is %v", wait)
	}
	if wait := l.Wait("cat", third.Actor.Agency, *third.Limit, at(60)); wait != 0 {
		t.Errorf("when there is room the wait is %v", wait)
	}
	mustAppend(t, l, ofAgency(3, "cat", at(60), 2, 4))
	mustAppend(t, l, ofAgency(4, "ann", at(120), 2, 4))
	wantLimited(t, l, ofAgency(5, "ben", at(600), 2, 4), "limit-agency-day", (24*60-600)*time.Minute)

	// Where the actor's own cap lasts longer, it is the one that is named.
	both := ofAgency(6, "ann", at(150), 1, 0)
	both.Limit.PerDay = 2
	wantLimited(t, l, both, "limit-day", (24*60-150)*time.Minute)

	// Neither another agency nor questions about an area are held back.
	other := ofAgency(7, "ann", at(600), 1, 1)
	other.Actor.Agency = "mercia-health"
	mustAppend(t, l, other)
	area := ofAgency(8, "ben", at(600), 0, 0)
	area.Drafts[0].Area = "E06000020"
	mustAppend(t, l, area)
	if u := l.Usage("ann", "west-mercia-police", at(121)); u != (audit.Usage{LastHour: 1, LastDay: 2, AgencyLastHour: 1, AgencyLastDay: 4}) {
		t.Errorf("usage is %+v", u)
	}
	wantOK(t, h.verify(nil))
}

// TestAgencyLimitsSurviveRestart opens the log again: what all of an agency
// asked counts.
func TestAgencyLimitsSurviveRestart(t *testing.T) {
	h := newHouse(t)
	l := h.open()
	for n := range 3 {
		mustAppend(t, l, ofAgency(n, fmt.Sprintf("analyst-%d", n), now.Add(time.Duration(n)*time.Minute), 3, 3))
	}
	if err := l.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	at := now.Add(3 * time.Minute)
	again := h.open(func(c *audit.Config) { c.Clock = func() time.Time { return at } })
	if u := again.Usage("analyst-0", "west-mercia-police", at); u != (audit.Usage{LastHour: 1, LastDay: 1, AgencyLastHour: 3, AgencyLastDay: 3}) {
		t.Errorf("usage after a restart is %+v", u)
	}
	wantLimited(t, again, ofAgency(3, "analyst-3", at, 3, 0), "limit-agency-hour", 57*time.Minute)
}

// TestAgencyLimitsHoldAmongGateways has three gateways on one store, and each of
// an agency's analysts at another of them: together no more get through than
// the agency may ask for.
func TestAgencyLimitsHoldAmongGateways(t *testing.T) {
	h := newHouse(t)
	logs := []*audit.Log{
		h.open(), h.open(func(c *audit.Config) { c.Store = h.openDB().Log() }), h.open(func(c *audit.Config) { c.Store = h.openDB().Log() }),
	}
	const most, writers, each = 10, 6, 6
	var mu sync.Mutex // guards both counts
	passed, denied := 0, 0
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				_, err := logs[w%len(logs)].Append(t.Context(), ofAgency(w*each+i, fmt.Sprintf("analyst-%d", w), now, most, 0))
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
