package gateway_test

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/concord-gateway/concord/gateway"
	"github.com/concord-gateway/concord/gateway/store/storetest"
)

// TestFaultQueueOverflow stops the store while more clients ask than the queue
// of the log holds: the rest hear 503 with Retry-After at once. When the store
// goes on, every one of them gets its answer within a few attempts, though they
// all come back without waiting and others come too.
func TestFaultQueueOverflow(t *testing.T) {
	t.Parallel()
	const queue, clients, late = 4, 12, 12
	h := newHouse(t)
	h.fill()
	h.stop()
	var shut atomic.Bool
	reached, open := make(chan struct{}, clients), make(chan struct{})
	h.options = func(o *gateway.Options) {
		o.Queue = queue
		o.Store = func(s gateway.Store) gateway.Store {
			return storetest.Intercept(s, func(w storetest.Write, do func() error) error {
				if w.Op == storetest.InsertBatch && shut.Load() {
					reached <- struct{}{}
					<-open
				}
				return do()
			})
		}
	}
	h.start()
	shut.Store(true)
	question := ask("soc-investigation", rowan())
	one := func() *response { return h.call("analyst", http.MethodPost, subjectPath, question) }
	answers := make(chan *response)
	send := func(n int) {
		for range n {
			go func() { answers <- one() }()
		}
	}
	send(1)
	<-reached // one is being written, and there is room for some more
	send(clients)
	for range clients - queue {
		r := <-answers
		noData(t, "with a full queue", r)
		if r.status != http.StatusServiceUnavailable || r.header.Get("Retry-After") == "" {
			t.Errorf("%d, Retry-After %q: %s", r.status, r.header.Get("Retry-After"), r.body)
		}
	}
	shut.Store(false)
	close(open)
	for range queue + 1 {
		(<-answers).want(http.StatusOK, nil)
	}
	attempts := make(chan int, clients-queue+late)
	var all sync.WaitGroup
	for range clients - queue + late {
		all.Go(func() {
			const most = 200
			for n := 1; ; n++ {
				r := one()
				if r.status == http.StatusOK {
					attempts <- n
					return
				}
				if r.status != http.StatusServiceUnavailable || n == most {
					t.Errorf("after %d attempts: %d", n, r.status)
					return
				}
			}
		})
	}
	all.Wait()
	close(attempts)
	worst := 0
	for n := range attempts {
		worst = max(worst, n)
	}
	if r := h.verify(); !r.OK {
		t.Errorf("%+v", r.Problems)
	}
	t.Logf("the unluckiest client asked %d times", worst)
	storetest.Tally(t, "queue overflow", "sqlite", clients-queue, "refused, then verified")
}

// TestFaultClientGone has the client leave as soon as the entry of its answer is
// durable: it stays in the log, nobody is let in on the answer, and the gateway
// goes on.
func TestFaultClientGone(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.fill()
	h.stop()
	var mu sync.Mutex
	var leave context.CancelFunc // guarded by mu
	h.options = func(o *gateway.Options) {
		o.Store = func(s gateway.Store) gateway.Store {
			return storetest.Intercept(s, func(w storetest.Write, do func() error) error {
				err := do()
				mu.Lock()
				defer mu.Unlock()
				if w.Op == storetest.InsertBatch && leave != nil {
					leave()
					leave = nil
				}
				return err
			})
		}
	}
	h.start()
	steps := story(50, housingISA, "approver-housing")
	for _, s := range steps {
		before := h.stored().entries
		ctx, cancel := context.WithCancel(t.Context())
		mu.Lock()
		leave = cancel
		mu.Unlock()
		h.leave(ctx, s)
		if h.stored().entries == before {
			t.Errorf("%s: nothing is logged", s.path)
		}
	}
	h.restart() // waits for what was under way
	if r := h.verify(); !r.OK {
		t.Errorf("%+v", r.Problems)
	}
	if n := h.stored().records; n != int64(len(theirRows()))+1 {
		t.Errorf("%d records", n)
	}
	h.call("analyst", http.MethodPost, subjectPath, ask("soc-investigation", rowan())).want(http.StatusOK, nil)
	storetest.Tally(t, "client gone after the commit", "sqlite", len(steps), "verified")
}

// leave sends a step whose context ends under way.
func (h *house) leave(ctx context.Context, s step) {
	h.t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, h.srv.URL+s.path, jsonBody(h.t, s.body))
	if err != nil {
		h.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+h.token(s.persona))
	if res, err := h.srv.Client().Do(req); err == nil { // the answer was faster
		_ = res.Body.Close()
	}
}

// TestFaultClockBack puts the gateway's clock back by an hour: what is not yet
// true by it, such as a case link, does not hold, nothing goes out without its
// entry, and the log goes on.
func TestFaultClockBack(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.fill()
	h.clock.Advance(-time.Hour)
	question := ask("soc-investigation", rowan())
	h.call("analyst", http.MethodPost, subjectPath, question).want(http.StatusForbidden, nil)
	done := h.tell("under the old clock", []step{
		{"housing-submitter", submissionsPath("housing.tenancy", housingISA), []map[string]any{tenancy(nobody(), "T-8")}},
		{"supervisor", "/v1/editions", nil},
	})
	if len(done) != 2 {
		t.Errorf("%d of 2 steps succeed", len(done))
	}
	h.restart()
	h.clock.Advance(time.Hour)
	h.call("analyst", http.MethodPost, subjectPath, question).want(http.StatusOK, nil)
	if r := h.verify(); !r.OK {
		t.Errorf("%+v", r.Problems)
	}
	storetest.Tally(t, "clock back by an hour", "sqlite", 1, "verified")
}
