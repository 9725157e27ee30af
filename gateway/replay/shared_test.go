package replay_test

import (
	"context"
	"crypto/sha256"
	"sync"
	"testing"
	"time"

	"github.com/concord-gateway/concord/gateway/policy"
)

// digests are of what an engine says about every purpose.
func (h *house) digests(e *policy.Engine) [][sha256.Size]byte {
	h.tb.Helper()
	var out [][sha256.Size]byte
	for _, p := range h.rules.purposes {
		for _, kind := range []string{"subject", "area"} {
			d, err := e.Decide(context.Background(), policy.Input{
				Actor:   policy.Actor{Subject: "x", Agency: "west-mercia-police", Roles: []string{"analyst"}, Clearance: "nppv3"},
				Request: policy.Request{Kind: kind, Purpose: p.ID, CaseRef: "OP-1", CaseLink: "assigned", Time: day().Format(time.RFC3339)},
				Groups:  e.Asked(kind, "west-mercia-police"),
			})
			if err != nil {
				h.tb.Fatal(err)
			}
			out = append(out, d.Digest())
		}
	}
	return out
}

// What decisions share is only read by who serves them: after every sort of
// question, several at a time, an engine says the same as one that nobody has used.
func TestServingChangesNoDecision(t *testing.T) {
	h := newHouse(t)
	h.digests(h.engine) // from here on what is ready is shared
	h.variety()
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for i, p := range h.rules.purposes {
				h.subject(day(), h.asking("shared", p.ID, i), h.someone(i, false))
				h.area(day(), h.asking("shared", p.ID, i))
			}
		})
	}
	all.Wait()
	after, fresh := h.digests(h.engine), h.digests(h.rules.engine(t))
	for i := range fresh {
		if after[i] != fresh[i] {
			t.Errorf("decision %d is not what it was", i)
		}
	}
}
