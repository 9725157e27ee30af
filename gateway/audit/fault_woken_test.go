package audit_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/store/storetest"
)

// freezer stops a log within InsertBatch, before or behind the write itself.
type freezer struct {
	audit.Store

	behind bool
	armed  chan struct{} // holds one token while the next insert is to stop
	frozen chan struct{}
	wake   chan struct{}
}

func (s *freezer) InsertBatch(ctx context.Context, b *audit.Batch) error {
	select {
	case <-s.armed:
	default:
		return s.Store.InsertBatch(ctx, b)
	}
	if !s.behind {
		s.frozen <- struct{}{}
		<-s.wake
		return s.Store.InsertBatch(ctx, b)
	}
	err := s.Store.InsertBatch(ctx, b)
	s.frozen <- struct{}{}
	<-s.wake
	return err
}

// TestFaultFrozenSequencer freezes one of two gateways in the middle of a write,
// as a paused virtual machine is, lets the other go on, and wakes it: at once or
// when its session key has run out. It loses the number it held, or finds that it
// has won it; its entry is in the log once, and both go on.
func TestFaultFrozenSequencer(t *testing.T) {
	t.Parallel()
	times := map[string]int{}
	for _, behind := range []bool{false, true} {
		for _, meanwhile := range []int{0, 50} {
			for _, asleep := range []time.Duration{0, 25 * time.Hour} {
				name := fmt.Sprintf("behind=%t/meanwhile=%d/asleep=%s", behind, meanwhile, asleep)
				t.Run(name, func(t *testing.T) { frozenAndWoken(t, behind, meanwhile, asleep) })
				if asleep > 0 {
					times["two gateways, one frozen and woken after its session's end"]++
				} else {
					times["two gateways, one frozen and woken"]++
				}
			}
		}
	}
	for what, n := range times {
		storetest.Tally(t, what, "sqlite", n, "verified")
	}
}

func frozenAndWoken(t *testing.T, behind bool, meanwhile int, asleep time.Duration) {
	t.Helper()
	h := newHouse(t)
	clock := &handClock{now: now}
	f := &freezer{
		Store: h.db.Log(), behind: behind,
		armed: make(chan struct{}, 1), frozen: make(chan struct{}), wake: make(chan struct{}),
	}
	sleeper := h.open(func(c *audit.Config) { c.Store, c.Clock = f, clock.Now })
	other := h.open(func(c *audit.Config) { c.Store, c.Clock = h.openDB().Log(), clock.Now })
	acknowledged := map[string]audit.Receipt{}
	add := func(l *audit.Log, n int) {
		r := request(n, "telford-housing")
		acknowledged[r.ID] = mustAppend(t, l, r)
	}
	add(sleeper, 0)
	add(other, 1)
	add(sleeper, 2)
	f.armed <- struct{}{}
	slept := request(3, "telford-housing")
	type result struct {
		receipt audit.Receipt
		err     error
	}
	woken := make(chan result)
	go func() {
		receipt, err := sleeper.Append(context.Background(), slept)
		woken <- result{receipt, err}
	}()
	<-f.frozen
	for n := range meanwhile {
		add(other, 100+n)
	}
	clock.set(now.Add(asleep))
	if meanwhile > 0 {
		add(other, 99) // by a session of its own by then
	}
	close(f.wake)
	got := <-woken
	if got.err != nil {
		t.Fatal(got.err)
	}
	acknowledged[slept.ID] = got.receipt
	for n := range 3 {
		add(sleeper, 4+2*n)
		add(other, 5+2*n)
	}
	checkHistory(t, h, acknowledged, nil)
}
