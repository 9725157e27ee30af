package policy

import (
	"encoding/json"
	"fmt"
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

// BenchmarkDecision decides about everything that is shared with the police.
// Both engines stand ready before the first is measured, and ratio compares
// rounds that were run in turn, so that a busy machine slows both alike.
func BenchmarkDecision(b *testing.B) {
	base := sample(b)
	in := person(allGroups(base))
	sizes := []int{10, 10_000}
	engines := make([]*Engine, len(sizes))
	for i, n := range sizes {
		engines[i] = newEngine(b, manyAgreements(b, base, n))
	}
	ratio := compare(b, engines[0], engines[1], in)
	for i, n := range sizes {
		b.Run(fmt.Sprintf("agreements=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			before := processorTime(b)
			for b.Loop() {
				decideOnce(b, engines[i], in)
			}
			spent := processorTime(b) - before
			b.ReportMetric(float64(spent.Nanoseconds())/float64(b.N), "cpu-ns/op")
			b.ReportMetric(ratio, "ratio-10000/10")
		})
	}
}

// compare returns how much processor time a decision takes with many agreements
// for each unit that it takes with few.
func compare(b *testing.B, few, many *Engine, in Input) float64 {
	b.Helper()
	var spent [2]time.Duration
	for range 20 {
		for i, e := range []*Engine{few, many} {
			before := processorTime(b)
			for range 50 {
				decideOnce(b, e, in)
			}
			spent[i] += processorTime(b) - before
		}
	}
	return float64(spent[1]) / float64(spent[0])
}

func decideOnce(b *testing.B, e *Engine, in Input) {
	b.Helper()
	d, err := e.Decide(b.Context(), in)
	if err != nil || !d.Allow {
		b.Fatalf("allow %t, %v", d.Allow, err)
	}
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
