package limit_test

import (
	"sync"
	"testing"

	"github.com/concord-gateway/concord/gateway/limit"
)

// TestRunning caps what is under way in the gateway, of an agency and of what is
// heavy, and gives each place back once.
func TestRunning(t *testing.T) {
	t.Parallel()
	l := limit.New(limit.Config{Concurrent: limit.Concurrent{Gateway: 2, Agency: 2, Heavy: 1}})
	enter := func() (func(), *limit.Refusal) { return l.Enter() }
	known := func(agency string, class limit.Class) func() (func(), *limit.Refusal) {
		return func() (func(), *limit.Refusal) { return l.Known(agency, "x", class) }
	}
	must := func(f func() (func(), *limit.Refusal)) func() {
		t.Helper()
		leave, r := f()
		if r != nil {
			t.Fatalf("%+v", r)
		}
		return leave
	}
	full := func(f func() (func(), *limit.Refusal), scope limit.Scope) {
		t.Helper()
		if _, r := f(); r == nil || !r.Busy || r.Scope != scope || r.Retry <= 0 {
			t.Errorf("%+v, want that the %s is busy", r, scope)
		}
	}
	first := must(enter)
	must(enter)
	full(enter, limit.OfGateway)
	first()
	must(enter)

	a1 := must(known("a", limit.Heavy))
	full(known("b", limit.Heavy), limit.OfGateway)
	must(known("a", limit.Read))
	full(known("a", limit.Read), limit.OfAgency)
	must(known("b", limit.Read))
	a1()
	must(known("a", limit.Heavy))
	full(known("b", limit.Heavy), limit.OfGateway)

	if _, r := l.Known("c", "x", "no such class"); r == nil {
		t.Error("a class that does not exist was let through")
	}
	for range 100 {
		must(known("d", limit.Exempt))
	}
}

// TestTogether lets exactly the burst through when many ask at once.
func TestTogether(t *testing.T) {
	t.Parallel()
	l := limit.New(limit.Config{
		Principal: map[limit.Class]limit.Rate{limit.Ask: {PerSecond: 1, Burst: 25}}, Clock: start().Now,
	})
	var wg sync.WaitGroup
	let := make(chan struct{}, 100)
	for range 100 {
		wg.Go(func() {
			leave, r := l.Known("a", "x", limit.Ask)
			if r != nil {
				return
			}
			leave()
			let <- struct{}{}
		})
	}
	wg.Wait()
	if len(let) != 25 {
		t.Errorf("%d of 100 came through, want 25", len(let))
	}
}
