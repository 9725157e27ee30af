package gateway_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/concord-gateway/concord/gateway/store/storetest"
)

// TestFaultKill kills a gateway at six points between its decision and the last
// byte of the answer. Each time: nothing arrives whose entry is not in the log,
// what was acknowledged before is still there, the log verifies, and the gateway
// starts again and works.
func TestFaultKill(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		point string
		// logged says whether the entry is there; in a write it may be.
		logged, either bool
		after          []time.Duration
	}{
		{point: decided, after: []time.Duration{0}},
		{point: queued, after: []time.Duration{0}},
		{point: inWrite, either: true, after: []time.Duration{0, 300 * time.Microsecond, time.Millisecond, 3 * time.Millisecond}},
		{point: committed, logged: true, after: []time.Duration{0}},
		{point: acknowledged, logged: true, after: []time.Duration{0}},
		{point: halfway, logged: true, after: []time.Duration{0}},
	} {
		t.Run(strings.ReplaceAll(c.point, " ", "-"), func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			h.fill()
			for _, after := range c.after {
				logged, arrived := h.killed(c.point, after)
				if logged != c.logged && !c.either {
					t.Errorf("the entry is there: %t", logged)
				}
				if arrived != (c.point == halfway) {
					t.Errorf("a part of the answer arrived: %t", arrived)
				}
			}
			storetest.Tally(t, "SIGKILL: "+c.point, "sqlite", len(c.after), "verified")
		})
	}
}

// killed has a child killed while it answers, and goes on with its folder.
func (h *house) killed(point string, after time.Duration) (logged, arrived bool) {
	h.t.Helper()
	const id = "X-Request-Id"
	p := h.spawn(point, after)
	var before []string
	for range 3 {
		r, err := p.ask("analyst", subjectPath, ask("soc-investigation", rowan()))
		if err != nil || r.status != http.StatusOK {
			h.t.Fatalf("before the fault: %v %d %s", err, r.status, r.body)
		}
		before = append(before, r.header.Get(id))
	}
	entries := h.stored().entries
	r, err := p.ask("analyst", subjectPath, ask("soc-investigation", rowan()), faultHeader, "now")
	if err == nil {
		h.t.Errorf("the whole answer arrived: %d %s", r.status, r.body)
	}
	p.wait()
	logged, arrived = h.stored().entries > entries, r.status != 0
	if r := h.verify(); !r.OK {
		h.t.Errorf("after the kill: %+v", r.Problems)
	}
	if arrived {
		before = append(before, r.header.Get(id))
	}
	h.start()
	if i := slices.IndexFunc(before, func(id string) bool { return !h.logged(id) }); i >= 0 {
		h.t.Errorf("answer %d of %d has no entry", i, len(before))
	}
	h.call("analyst", http.MethodPost, subjectPath, ask("soc-investigation", rowan())).want(http.StatusOK, nil)
	if r := h.verify(); !r.OK {
		h.t.Errorf("going on: %+v", r.Problems)
	}
	h.clock.Advance(2 * time.Hour)
	return logged, arrived
}
