package audit_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/store/storetest"
)

// TestFaultEveryLogWrite does every hostile thing to every write of a log that
// grows past a tile and publishes: batches, tiles, heads and checkpoints.
func TestFaultEveryLogWrite(t *testing.T) {
	t.Parallel()
	for _, e := range engines() {
		for _, what := range []storetest.Hostility{storetest.Failed, storetest.Persisted, storetest.Retried} {
			t.Run(e.name+"/"+strings.ReplaceAll(string(what), " ", "-"), func(t *testing.T) {
				t.Parallel()
				times := 0
				for at := 0; everyLogWrite(t, e, what, at); at++ {
					times++
				}
				if times < 8 {
					t.Errorf("%d writes only", times)
				}
				storetest.Tally(t, "hostile store: "+string(what), e.name, times, "verified")
			})
		}
	}
}

// everyLogWrite reports whether there is a write with that number.
func everyLogWrite(t *testing.T, e engine, what storetest.Hostility, at int) bool {
	t.Helper()
	h := newHouse(t)
	db, _ := e.open(t)
	h.store = db.Log()
	hostile := storetest.Intercept(db, func(w storetest.Write, do func() error) error {
		if w.N == at {
			return what.Do(do)
		}
		return do()
	})
	l := h.open(func(c *audit.Config) { c.Store = hostile.Log() })
	acknowledged, refused := map[string]audit.Receipt{}, map[string]bool{}
	for n := range 4 {
		r := request(n, "telford-housing")
		for range 100 {
			r.Drafts = append(r.Drafts, disclosure("mercia-health"))
		}
		receipt, err := l.Append(t.Context(), r)
		switch {
		case err == nil:
			acknowledged[r.ID] = receipt
		case fault.Is(err, fault.Unavailable):
			refused[r.ID] = true
		default:
			t.Fatal(err)
		}
		if n%2 == 1 {
			_ = l.Publish(t.Context()) // may find the store unwilling
		}
	}
	_ = l.Close(t.Context())
	checkHistory(t, h, acknowledged, refused)
	l = h.open()
	receipt := mustAppend(t, l, request(9, "telford-housing"))
	if err := l.Publish(t.Context()); err != nil {
		t.Errorf("%s at %d: %v", what, at, err)
	}
	for _, index := range []int64{0, 255, 256, receipt.First} {
		checkInclusion(t, h, l, index)
	}
	wantOK(t, h.verify(nil))
	if t.Failed() {
		t.Log(fmt.Sprint(what, " at ", at))
	}
	return at < hostile.Writes()
}
