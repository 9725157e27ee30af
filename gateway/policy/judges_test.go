package policy

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"runtime"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
	"pgregory.net/rapid"
)

// judgedEnv names how many requests TestThreeJudges judges at least; `make
// judges` sets it.
const judgedEnv = "CONCORD_JUDGED"

// judgedAtLeast is how many where nobody says.
const judgedAtLeast = 4000

// drawnSets is how many sets of agreements rapid draws in one check.
const drawnSets = 100

// court is what judges one set of agreements after another.
type court struct {
	base     Config
	sources  *sources
	wordless *sources // without words nothing stands ready, and the rules say all
	compiler *ast.Compiler
	// each is how many requests are put to one set of agreements.
	each int
	// judged, allowed and conditioned count requests: all, those that release
	// something, and those that a condition of an agreement denies something.
	judged, allowed, conditioned atomic.Int64
}

// Three judges agree on every request to every set of agreements: the rules
// with rule indexing, the rules without, and an oracle in Go that shares nothing
// with them. And what stands ready in the data is, word for word, what the rules
// would say.
func TestThreeJudges(t *testing.T) {
	asked := judgedAtLeast
	if text := os.Getenv(judgedEnv); text != "" {
		var err error
		if asked, err = strconv.Atoi(text); err != nil {
			t.Fatalf("%s: %v", judgedEnv, err)
		}
	}
	c := &court{base: sample(t)}
	var err error
	if c.sources, err = readSources(c.base); err != nil {
		t.Fatal(err)
	}
	wordless := *c.sources
	wordless.texts = nil
	c.wordless, c.compiler = &wordless, compileDrawn(t, c.sources)
	const most = 250 // enough for one set
	benches := runtime.GOMAXPROCS(0)
	share := (asked + benches - 1) / benches
	c.each = min(most, (share+drawnSets-1)/drawnSets)
	t.Run("benches", func(t *testing.T) {
		for n := range benches {
			t.Run(strconv.Itoa(n), func(t *testing.T) {
				t.Parallel()
				for done := 0; done < share; {
					rapid.Check(t, func(rt *rapid.T) {
						c.sit(rt)
						done += c.each
					})
					if t.Failed() {
						return
					}
				}
			})
		}
	})
	judged, allowed, conditioned := c.judged.Load(), c.allowed.Load(), c.conditioned.Load()
	t.Logf("judged %d requests, of which %d were allowed something and %d met a condition that denies", judged, allowed, conditioned)
	if judged < int64(asked) {
		t.Errorf("only %d of %d requests were judged", judged, asked)
	}
	if allowed < judged/50 || conditioned < judged/100 {
		t.Error("the generator tries too little")
	}
}

// sit judges requests to one set of agreements.
func (c *court) sit(t *rapid.T) {
	cfg := c.base
	cfg.Agreements = drawAgreements(t, c.base)
	engine := func(s *sources) *Engine {
		e, err := prepare(context.Background(), cfg, c.compiler, newStore(document(cfg, s)))
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	ready, long := engine(c.sources), engine(c.wordless)
	for n := range c.each {
		// One of the two has rule indexing, the other has not, by turns.
		ready.options = []rego.EvalOption{rego.EvalRuleIndexing(n%2 == 0)}
		long.options = []rego.EvalOption{rego.EvalRuleIndexing(n%2 == 1)}
		in := drawInput(t)
		w := answerOf(t, ready, in)
		got := w.decision("")
		want := oracle{cfg: cfg, in: in, at: timeOf(t, in), met: conditionMet}.decide()
		if diff := differ(want, verdictOf(got)); diff != "" {
			raw, _ := json.Marshal(in)
			t.Fatalf("%s\n(-oracle +rules):\n%s", raw, diff)
		}
		accountsForEveryField(t, cfg, in, got)
		if diff := differInFull(t, answerOf(t, long, in), w); diff != "" {
			t.Fatalf("what stands ready, or rule indexing, makes a difference (-rules +ready, indexed: %t):\n%s", n%2 == 0, diff)
		}
		c.count(got)
	}
}

func (c *court) count(d Decision) {
	c.judged.Add(1)
	if d.Allow {
		c.allowed.Add(1)
	}
	if slices.ContainsFunc(d.Withheld, func(w Withheld) bool { return w.Code == "agreement_condition" }) {
		c.conditioned.Add(1)
	}
}

func timeOf(t rapid.TB, in Input) time.Time {
	at, err := time.Parse(time.RFC3339, in.Request.Time)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func answerOf(t rapid.TB, e *Engine, in Input) wireDecision {
	w, err := e.decide(context.Background(), in)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func verdictOf(d Decision) verdict {
	v := verdict{Granted: map[Group]map[string]Grant{}, Quota: d.Obligations.Quota}
	for _, g := range d.Groups {
		v.Granted[Group{g.Provider, g.Dataset}] = g.Fields
	}
	for _, w := range d.Withheld {
		for _, f := range w.Fields {
			v.Withheld = append(v.Withheld, fmt.Sprintf("%s %s %s %s %s", w.Provider, w.Dataset, w.Code, w.Clause, f))
		}
	}
	slices.Sort(v.Withheld)
	v.Withheld = slices.Compact(v.Withheld)
	return v
}

// differ says how two values differ. What is deeply equal needs no words, which cost
// more than the oracle does.
func differ(want, got any) string {
	if reflect.DeepEqual(want, got) {
		return ""
	}
	return cmp.Diff(want, got)
}

// differInFull says how two answers differ in anything that they say, the explanation
// included. What counts is the JSON, and what is deeply equal has the same.
func differInFull(t rapid.TB, want, got wireDecision) string {
	if reflect.DeepEqual(want.decision(""), got.decision("")) && reflect.DeepEqual(want.items(), got.items()) {
		return ""
	}
	return cmp.Diff(inFull(t, want), inFull(t, got))
}

// inFull is everything that an answer says, the explanation included.
func inFull(t rapid.TB, w wireDecision) string {
	raw, err := json.Marshal([]any{w.decision(""), w.items()})
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}
