package policy

import (
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/open-policy-agent/opa/v1/ast"
)

// decide is Decide where nothing may go wrong.
func decide(tb testing.TB, e *Engine, in Input) Decision {
	tb.Helper()
	d, err := e.Decide(tb.Context(), in)
	if err != nil {
		tb.Fatal(err)
	}
	return d
}

// What stands ready is decoded once, alone or among others, and is what it would
// be if it were decoded every time.
func TestReadyAnswersAreDecodedOnce(t *testing.T) {
	cfg := sample(t)
	e, anew := newEngine(t, cfg), newEngine(t, cfg)
	anew.decoded, anew.base = newDecoded(nil), nil
	for name, groups := range map[string][]Group{
		"one group": {{Provider: "severn-homes", Dataset: "housing.concern"}}, "all groups": allGroups(cfg),
	} {
		t.Run(name, func(t *testing.T) {
			in := person(groups)
			first, second := decide(t, e, in), decide(t, e, in)
			if diff := cmp.Diff(decide(t, anew, in), second); diff != "" {
				t.Errorf("decoded anew it is something else (-anew +shared):\n%s", diff)
			}
			shared := 0
			for i := range first.Withheld {
				if &first.Withheld[i].Fields[0] == &second.Withheld[i].Fields[0] {
					shared++
				}
			}
			if shared < len(groups)/2 || shared == 0 {
				t.Errorf("only %d of %d lists are shared", shared, len(first.Withheld))
			}
		})
	}
}

// The order in which a caller puts the groups of a decision is its own.
func TestDecisionsDoNotShareTheirOrder(t *testing.T) {
	cfg := sample(t)
	e, in := newEngine(t, cfg), person([]Group{{Provider: "severn-homes", Dataset: "housing.concern"}})
	first := decide(t, e, in)
	first.Groups[0], first.Withheld[0] = GroupDecision{}, Withheld{}
	if d := decide(t, e, in); !d.Groups[0].Allow || d.Withheld[0].Code == "" {
		t.Error("a decision was changed through another")
	}
}

// TestSharedDecisionsAtOnce is for the race detector: the first to decode and
// those who read what is decoded run at the same time.
func TestSharedDecisionsAtOnce(t *testing.T) {
	cfg := sample(t)
	e, in := newEngine(t, cfg), person(allGroups(cfg))
	want := decide(t, newEngine(t, cfg), in).Digest()
	var all sync.WaitGroup
	for range 32 {
		all.Go(func() {
			if d, err := e.Decide(t.Context(), in); err != nil || d.Digest() != want {
				t.Errorf("another decision, %v", err)
			}
		})
	}
	all.Wait()
}

// What is not of the expected form is refused each time, and nothing of it kept.
func TestMalformedIsNotKept(t *testing.T) {
	bad := values(object{"provider": "p", "surprise": true})
	known := newDecoded(nil)
	known.groups.know(bad)
	for range 2 {
		d := decoder{ready: known}
		var out []GroupDecision
		if out = list(&d, ast.NewArray(ast.NewTerm(bad)), (*decoder).readyGroup); d.err == nil {
			t.Errorf("it became %+v", out)
		}
	}
}

// A term under a marking that the rules do not rank has nothing ready: the rules
// come to no decision about it, and what is ready must not either.
func TestUnknownMarkingHasNothingReady(t *testing.T) {
	cfg := sample(t)
	sources, _ := compiled(t, cfg)
	for marking, want := range map[string]bool{"OFFICIAL": true, "FOR ANYBODY": false} {
		a, _ := cfg.Agreements.Get("ISA-SH-WMP-001")
		other := *a
		other.Handling.Marking = marking
		b := builder{texts: sources.texts, a: &other, dataset: other.Datasets[0].Dataset}
		p, use := other.Datasets[0].Purposes[0], object{}
		b.place(use, p.Kinds[0], b.purpose(p))
		if _, ready := use["alone"]; ready != want {
			t.Errorf("%s: an answer stands ready: %t", marking, ready)
		}
	}
}
