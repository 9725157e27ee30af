package retention_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/concord-gateway/concord/gateway/record"
)

// oracle says what a store should hold.
type oracle struct {
	*world

	held map[byte]map[int64]record.Record
	// begun are the months that a sweep has seen records of, or their successors.
	begun, gone map[record.Month]bool
}

// TestRetentionModel submits, corrects and withdraws at random while the clock moves on, and
// sweeps: what is stored afterwards, and which keys are left, is what an oracle says.
func TestRetentionModel(t *testing.T) {
	t.Parallel()
	w := newTestWorld(t)
	rapid.Check(t, func(t *rapid.T) {
		w.tester = t
		o := &oracle{world: w, held: map[byte]map[int64]record.Record{}, begun: map[record.Month]bool{}, gone: map[record.Month]bool{}}
		w.clock = w.clock.AddDate(1, 0, 0) // also past what a run that failed has left
		w.mustSweep()
		for range rapid.IntRange(1, 15).Draw(t, "steps") {
			rapid.SampledFrom([]func(*rapid.T){o.submit, o.submit, o.submit, o.withdraw, o.move, o.check}).Draw(t, "step")(t)
		}
		o.check(t)
		o.clock = o.clock.AddDate(1, 0, 0) // everything is over in the end
		o.check(t)
		if len(o.stored()) > 0 || len(o.gone) != len(o.begun) {
			t.Fatalf("%v are left, and %d of %d keys", o.stored(), len(o.begun)-len(o.gone), len(o.begun))
		}
	})
	w.tester = t
	w.verify()
}

// submit puts a record, or the next version of one.
func (o *oracle) submit(t *rapid.T) {
	source := rapid.ByteRange(1, 5).Draw(t, "source")
	if o.held[source] == nil {
		o.held[source] = map[int64]record.Record{}
	}
	version := int64(1)
	if len(o.held[source]) > 0 {
		version += slices.Max(slices.Collect(maps.Keys(o.held[source])))
	}
	r := o.put(source, version, rapid.SampledFrom([]string{"ISA-1", "ISA-2"}).Draw(t, "agreement"), rapid.IntRange(0, 200).Draw(t, "days"))
	o.held[source][version] = r
}

func (o *oracle) withdraw(t *rapid.T) {
	source := rapid.ByteRange(1, 5).Draw(t, "source")
	if _, err := o.db.Records().Withdraw(t.Context(), []record.Key{{Provider: "homes", Dataset: "housing.tenancy", Source: record.Ref{source}}}); err != nil {
		t.Fatal(err)
	}
	delete(o.held, source)
}

func (o *oracle) move(t *rapid.T) {
	o.clock = o.clock.Add(time.Duration(rapid.IntRange(1, 24*90).Draw(t, "hours")) * time.Hour)
}

// check sweeps, and compares.
func (o *oracle) check(t *rapid.T) {
	for _, versions := range o.held {
		for _, r := range versions {
			o.begun[record.Month{Agreement: r.Agreement, KeyMonth: r.KeyMonth}] = true
		}
	}
	before := len(o.stored())
	want := o.expire()
	report := o.mustSweep()
	if diff := cmp.Diff(want, o.stored()); diff != "" && len(want)+len(o.stored()) > 0 {
		t.Fatalf("stored (-want +got):\n%s", diff)
	}
	if report.Versions != before-len(want) {
		t.Fatalf("%d versions of %d went by the report", report.Versions, before-len(want))
	}
	for m := range o.begun {
		if got := o.destroyed(m.Agreement, m.KeyMonth); got != o.over(m) {
			t.Fatalf("the key of %v is destroyed: %v", m, got)
		}
		if o.over(m) {
			o.gone[m] = true
		}
	}
}

// expire forgets what is over and returns what is left.
func (o *oracle) expire() (left []string) {
	for source, versions := range o.held {
		if len(versions) == 0 {
			continue
		}
		over := func(v int64) bool { return !versions[v].Expires.After(o.clock) }
		inForce := slices.Max(slices.Collect(maps.Keys(versions)))
		all := over(inForce)
		maps.DeleteFunc(versions, func(v int64, _ record.Record) bool { return all || over(v) })
		for v := range versions {
			left = append(left, fmt.Sprint(source, " ", v))
		}
	}
	slices.Sort(left)
	return left
}

// over reports whether the key of a month should be gone.
func (o *oracle) over(m record.Month) bool {
	for _, versions := range o.held {
		for _, r := range versions {
			if r.Agreement == m.Agreement && r.KeyMonth == m.KeyMonth {
				return false
			}
		}
	}
	year, month, _ := o.clock.Date()
	return m.KeyMonth < time.Date(year, month-1, 1, 0, 0, 0, 0, time.UTC).Format("2006-01")
}
