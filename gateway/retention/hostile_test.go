package retention_test

import (
	"fmt"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/retention"
	"github.com/concord-gateway/concord/gateway/spool"
)

// fill puts records of three months of three agreements, of which some are over: after
// it, a sweep has something to do of every kind.
func (w *world) fill() {
	w.Helper()
	for range 3 {
		for source := range byte(4) {
			version := int64(1 + w.clock.Month() - time.November)
			if w.clock.Year() > 2026 {
				version = 3
			}
			w.put(source, version, []string{"ISA-1", "ISA-2"}[source%2], 20+60*int(source))
		}
		w.put(100+byte(w.clock.Month()), 1, "ISA-3", 5)
		w.clock = w.clock.AddDate(0, 1, 0)
	}
	p := spool.Piece{Kind: "upload", ID: "a", Expires: w.clock, Body: []byte("sealed")}
	if err := w.db.Spool().Insert(w.Context(), p); err != nil {
		w.Fatal(err)
	}
	w.day(45)
}

// logged counts the versions that entries speak of, at least.
func (w *world) logged() (n int) {
	w.Helper()
	entries, _ := w.erased()
	for _, e := range entries {
		for _, member := range []string{"records", "versions"} {
			if e.Entry.Admin[member] == "" {
				continue
			}
			some, err := strconv.Atoi(e.Entry.Admin[member])
			if err != nil {
				w.Fatal(err)
			}
			n += some
		}
	}
	return n
}

// TestEveryWriteFails lets each write of a sweep fail in turn, before it was done and
// after, and the process end with it. The sweep says so; nothing is gone that no entry
// speaks of, and nothing before its time; the next sweep finishes what was begun.
func TestEveryWriteFails(t *testing.T) {
	t.Parallel()
	whole := newTestWorld(t)
	whole.fill()
	all := len(whole.stored())
	whole.weak.arm(-1, false)
	want := whole.mustSweep()
	writes, left := whole.weak.passed(), whole.stored()
	if writes < 15 || want.Versions == 0 || want.Keys == 0 || want.Pieces != 1 || len(left) == 0 {
		t.Fatalf("too little to tell: %d writes, %+v, %v", writes, want, left)
	}
	for at := range writes {
		for _, after := range []bool{false, true} {
			t.Run(fmt.Sprintf("write %d, after %v", at, after), func(t *testing.T) {
				t.Parallel()
				w := newTestWorld(t)
				w.fill()
				w.weak.arm(at, after)
				_, err := w.sweep.Sweep(t.Context())
				w.weak.arm(-1, false)
				if !fault.Is(err, fault.Unavailable) {
					t.Errorf("the failure was passed over: %v", err)
				}
				if gone := all - len(w.stored()); gone > w.logged() {
					t.Errorf("%d versions are gone, and entries speak of %d", gone, w.logged())
				}
				w.sweep = w.sweeper() // a new process
				again := w.mustSweep()
				w.wantStored(left...)
				if again.Held != want.Held {
					t.Errorf("%+v, want %+v", again, want)
				}
				for _, agreement := range []string{"ISA-1", "ISA-2", "ISA-3"} {
					for _, month := range []string{"2026-11", "2026-12", "2027-01"} {
						if got, want := w.destroyed(agreement, month), whole.destroyed(agreement, month); got != want {
							t.Errorf("the key of %s in %s is destroyed: %v", agreement, month, got)
						}
					}
				}
				w.verify()
			})
		}
	}
}

// TestSweepersAtOnce has several gateways sweep one store at the same time.
func TestSweepersAtOnce(t *testing.T) {
	t.Parallel()
	whole, w := newTestWorld(t), newTestWorld(t)
	whole.fill()
	want := whole.mustSweep()
	w.fill()
	reports := make([]retention.Report, 4)
	var group sync.WaitGroup
	for i := range reports {
		group.Go(func() {
			var err error
			if reports[i], err = w.sweeper().Sweep(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	w.wantStored(whole.stored()...)
	versions := 0
	for _, r := range reports {
		versions += r.Versions
	}
	if versions != want.Versions || w.logged() < versions {
		t.Errorf("%d versions went and %d are logged, want %d", versions, w.logged(), want.Versions)
	}
	w.verify()
}
