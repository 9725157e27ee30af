package policy

import (
	"encoding/json"
	"fmt"
	"runtime"
	"slices"
	"syscall"
	"testing"
	"testing/fstest"
	"time"

	"github.com/concord-gateway/concord/gateway/agreement"
)

// manyAgreements loads the shipped agreements whose recipient is the police (all
// of them, if n has room) and as many short ones more, between other agencies,
// as make n.
func manyAgreements(tb testing.TB, cfg Config, n int) Config {
	tb.Helper()
	files := fstest.MapFS{}
	var model map[string]any
	have := 0
	for _, a := range cfg.Agreements.All() {
		if a.ID == "ISA-WMP-SH-001" {
			model = short(tb, a.Source)
		}
		if len(cfg.Agreements.All()) > n && a.Recipient.Agency != "west-mercia-police" {
			continue
		}
		have++
		files[a.ID+"/agreement.json"] = &fstest.MapFile{Data: a.Source}
		if len(a.Conditions) > 0 {
			files[a.ID+"/conditions.rego"] = &fstest.MapFile{Data: a.Conditions}
		}
	}
	provider, _ := model["provider"].(map[string]any)
	for i := have; i < n; i++ {
		id := fmt.Sprintf("ISA-X-%05d", i)
		model["id"], provider["agency"] = id, fmt.Sprintf("provider-%d", i)
		raw, err := json.Marshal(model)
		if err != nil {
			tb.Fatal(err)
		}
		files[id+"/agreement.json"] = &fstest.MapFile{Data: raw}
	}
	all, err := agreement.Load(files, cfg.Datasets)
	if err != nil {
		tb.Fatal(err)
	}
	if len(all.All()) != n {
		tb.Fatalf("%d agreements, not %d", len(all.All()), n)
	}
	cfg.Agreements = all
	return cfg
}

// short is an agreement cut down to one purpose, so that ten thousand load in
// seconds.
func short(tb testing.TB, source []byte) map[string]any {
	tb.Helper()
	var a map[string]any
	if err := json.Unmarshal(source, &a); err != nil {
		tb.Fatal(err)
	}
	datasets, _ := a["datasets"].([]any)
	share, _ := datasets[0].(map[string]any)
	purposes, _ := share["purposes"].([]any)
	share["purposes"] = purposes[:1]
	delete(share, "areas")
	a["datasets"] = []any{share}
	return a
}

// engineOf is an engine of n agreements: the shipped ones whose recipient is the
// police (all, if n has room), and for the rest copies of a short one that
// package agreement has loaded, each of another provider. A hundred thousand
// files would load in minutes; what is measured is deciding.
func engineOf(b *testing.B, base Config, n int) *Engine {
	b.Helper()
	few := manyAgreements(b, base, min(n, len(base.Agreements.All())+1))
	sources, compiler := compiled(b, few)
	all := few.Agreements.All()
	for i := len(all); i < n; i++ {
		another := *all[len(few.Agreements.All())-1]
		another.ID, another.Provider.Agency = fmt.Sprintf("ISA-X-%06d", i), fmt.Sprintf("provider-%d", i)
		all = append(all, &another)
	}
	e, err := prepare(b.Context(), few, compiler, newStore(documentOf(few, sources, all)))
	if err != nil {
		b.Fatal(err)
	}
	for _, a := range all {
		g := Group{a.Provider.Agency, a.Datasets[0].Dataset}
		e.groups[g] = g.term()
	}
	return e
}

// BenchmarkDecision decides about everything that is shared with the police.
// All engines stand ready before the first is measured, and the ratios compare
// rounds that were run in turn, so that a busy machine slows all alike.
func BenchmarkDecision(b *testing.B) {
	base := sample(b)
	in := person(allGroups(base))
	sizes := []int{10, 1000, 10_000, 100_000}
	if testing.Short() {
		sizes = sizes[:2]
	}
	engines := make([]*Engine, len(sizes))
	for i, n := range sizes {
		engines[i] = engineOf(b, base, n)
	}
	spent := inTurn(b, engines, in)
	for i, n := range sizes {
		b.Run(fmt.Sprintf("agreements=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			before := processorTime(b)
			for b.Loop() {
				decideOnce(b, engines[i], in)
			}
			used := processorTime(b) - before
			b.ReportMetric(float64(used.Nanoseconds())/float64(b.N), "cpu-ns/op")
			if i > 0 {
				ratio, most := float64(spent[i])/float64(spent[0]), 1.1
				if n > 10_000 {
					most = 1.2
				}
				b.ReportMetric(ratio, fmt.Sprintf("ratio-%d/10", n))
				if ratio > most && !testing.Short() {
					b.Errorf("with %d agreements a decision takes %.3f times what it takes with 10; the bound is %.1f", n, ratio, most)
				}
			}
		})
	}
}

// inTurn returns how much processor time the same number of decisions takes
// with each engine. They take turns, and the turn in the middle counts.
func inTurn(b *testing.B, engines []*Engine, in Input) []time.Duration {
	b.Helper()
	rounds := 40
	if testing.Short() {
		rounds = 2
	}
	turns := make([][]time.Duration, len(engines))
	for range rounds {
		for i, e := range engines {
			turns[i] = append(turns[i], inProcessorTime(b, func() {
				for range 25 {
					decideOnce(b, e, in)
				}
			}))
		}
	}
	spent := make([]time.Duration, len(engines))
	for i := range turns {
		slices.Sort(turns[i])
		spent[i] = turns[i][len(turns[i])/2]
	}
	return spent
}

func decideOnce(b *testing.B, e *Engine, in Input) {
	b.Helper()
	d, err := e.Decide(b.Context(), in)
	if err != nil || !d.Allow {
		b.Fatalf("allow %t, %v", d.Allow, err)
	}
}

// inProcessorTime is how much processor time do takes on a thread of its own:
// what the collector does meanwhile elsewhere is not in it, what it makes the
// work itself do is.
func inProcessorTime(tb testing.TB, do func()) time.Duration {
	tb.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	begun := time.Now()
	clock := thisThread()
	before := clock.used(begun)
	do()
	return clock.used(begun) - before
}

// processorTime is what this process has had of the processors, which a busy
// machine does not lengthen.
func processorTime(tb testing.TB) time.Duration {
	tb.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
