package httpapi_test

import (
	"encoding/json"
	"net/http"
	"sync"
	"testing"

	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/identity"
	"github.com/concord-gateway/concord/gateway/identity/devissuer"
	"github.com/concord-gateway/concord/gateway/limit"
)

// TestFloodNeedsTheLogToo answers 503 in place of a 429 that cannot be logged, and logs
// the next one: a flood of many at once has one entry, which all of them name.
func TestFloodNeedsTheLogToo(t *testing.T) {
	t.Parallel()
	h := &hostile{}
	r := newRig(t, between{
		store:  func(s audit.Store) audit.Store { h.Store = s; return h },
		limits: limit.New(limit.Config{Principal: map[limit.Class]limit.Rate{limit.Read: {PerSecond: 0.001, Burst: 1}}}),
	})
	analyst := r.token(devissuer.Police, "analyst", identity.Analyst)
	ask := func() (int, int64) {
		w := r.call(analyst, http.MethodGet, "/v1/agreements", nil)
		var p struct {
			Index *int64 `json:"audit_index"`
		}
		must(t, json.Unmarshal(w.Body.Bytes(), &p))
		if p.Index == nil {
			return w.Code, -1
		}
		return w.Code, *p.Index
	}
	if code, _ := ask(); code != http.StatusOK {
		t.Fatalf("status %d", code)
	}
	h.mode.Store(int32(fails))
	for range 3 {
		if code, _ := ask(); code != http.StatusServiceUnavailable {
			t.Errorf("without a log: status %d", code)
		}
	}
	h.mode.Store(int32(well))
	var wg sync.WaitGroup
	indexes := make(chan int64, 50)
	for range cap(indexes) {
		wg.Go(func() {
			code, index := ask()
			if code != http.StatusTooManyRequests {
				t.Errorf("status %d", code)
			}
			indexes <- index
		})
	}
	wg.Wait()
	close(indexes)
	first := <-indexes
	for index := range indexes {
		if index != first || index < 0 {
			t.Errorf("entries %d and %d", first, index)
		}
	}
}
