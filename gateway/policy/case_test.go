package policy

import (
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/open-policy-agent/opa/v1/rego"

	"github.com/concord-gateway/concord/gateway/agreement"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/release"
)

// TestCases puts every case of policies/cases to the shipped policies.
func TestCases(t *testing.T) {
	cases, err := ReadCases(os.DirFS("../../policies"), "cases")
	if err != nil || len(cases) < 30 {
		t.Fatalf("%d cases, %v", len(cases), err)
	}
	cfg := sample(t)
	e := newEngine(t, cfg)
	for _, c := range cases {
		t.Run(strings.TrimSuffix(path.Base(c.File), ".yaml"), func(t *testing.T) {
			if r := c.Run(t.Context(), e); !r.Passed {
				t.Error(r.Detail)
			}
			got, err := e.Decide(t.Context(), c.Input)
			if err != nil {
				t.Fatal(err)
			}
			accountsForEveryField(t, cfg, c.Input, got)
		})
	}
}

// TestThreeJudgesOfCases has every case judged by the rules with rule indexing and
// without, with what stands ready and without, and by the oracle.
func TestThreeJudgesOfCases(t *testing.T) {
	cases, err := ReadCases(os.DirFS("../../policies"), "cases")
	if err != nil {
		t.Fatal(err)
	}
	cfg := sample(t)
	with, err := readSources(cfg)
	if err != nil {
		t.Fatal(err)
	}
	compiler, err := compile(with.modules)
	if err != nil {
		t.Fatal(err)
	}
	without := *with
	without.texts = nil
	var engines []*Engine
	for _, s := range []*sources{with, &without} {
		for _, indexing := range []bool{true, false} {
			e, err := prepare(t.Context(), cfg, compiler, newStore(document(cfg, s)))
			if err != nil {
				t.Fatal(err)
			}
			e.options = []rego.EvalOption{rego.EvalRuleIndexing(indexing)}
			engines = append(engines, e)
		}
	}
	for _, c := range cases {
		t.Run(strings.TrimSuffix(path.Base(c.File), ".yaml"), func(t *testing.T) {
			first := answerOf(t, engines[0], c.Input)
			want := oracle{cfg: cfg, in: c.Input, at: timeOf(t, c.Input), met: shippedConditionMet}.decide()
			if diff := cmp.Diff(want, verdictOf(first.decision(""))); diff != "" {
				t.Errorf("(-oracle +rules):\n%s", diff)
			}
			for _, e := range engines[1:] {
				if diff := cmp.Diff(inFull(t, first), inFull(t, answerOf(t, e, c.Input))); diff != "" {
					t.Errorf("what stands ready, or rule indexing, makes a difference:\n%s", diff)
				}
			}
		})
	}
}

// shippedConditionMet says in Go what the conditions of the shipped agreements
// say.
func shippedConditionMet(a *agreement.Agreement, in Input) bool {
	if a.ID != "ISA-ME-WMP-001" || in.Request.Kind == kindArea || in.Request.Emergency != nil {
		return true
	}
	return strings.HasPrefix(in.Request.CaseRef, "OP-") || strings.HasPrefix(in.Request.CaseRef, "CE-")
}

// A case that does not come out as it must says in words what is otherwise.
func TestCaseDifferences(t *testing.T) {
	c := Case{Want: Wanted{
		Allow:    true,
		Released: map[string]map[string][]string{"homes housing.tenancy": {"year": {"/date_of_birth"}}},
		Withheld: map[string][]string{"homes housing.concern": {"expired", "expired"}},
	}}
	d := Decision{Groups: []GroupDecision{{
		Provider: "homes", Dataset: "housing.tenancy", Fields: map[string]Grant{"/date_of_birth": {Treatment: release.Full}},
	}}, Withheld: []Withheld{{Provider: "homes", Dataset: "housing.concern", Code: "expired"}}}
	want := []string{
		"allow is false",
		"not released: homes housing.tenancy /date_of_birth as year",
		"not withheld: homes housing.concern for expired (2)",
		"unexpectedly released: homes housing.tenancy /date_of_birth as full",
	}
	if diff := cmp.Diff(want, c.Differences(d)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A case is read strictly: a misspelt key would test nothing.
func TestReadCasesRefuses(t *testing.T) {
	for name, text := range map[string]string{
		"unknown key": "title: x\nwants: {allow: true}\n", "not YAML": "title: [", "input of another form": "input: {actor: 1}\n",
	} {
		_, err := ReadCases(fstest.MapFS{"cases/a.yaml": {Data: []byte(text)}}, "cases")
		if !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), "cases/a.yaml") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// accountsForEveryField checks that each field of each dataset asked for is
// either released or withheld, never both, and that lists are sorted.
func accountsForEveryField(tb interface {
	Helper()
	Errorf(format string, args ...any)
}, cfg Config, in Input, d Decision,
) {
	tb.Helper()
	released, withheld := map[Group]map[string]bool{}, map[Group]map[string]bool{}
	for _, g := range d.Groups {
		released[Group{g.Provider, g.Dataset}] = map[string]bool{}
		for f := range g.Fields {
			released[Group{g.Provider, g.Dataset}][f] = true
		}
	}
	for _, w := range d.Withheld {
		key := Group{w.Provider, w.Dataset}
		if withheld[key] == nil {
			withheld[key] = map[string]bool{}
		}
		if !slices.IsSorted(w.Fields) || w.Code == "" || w.Reason == "" {
			tb.Errorf("withheld entry is unsorted or gives no reason: %+v", w)
		}
		for _, f := range w.Fields {
			withheld[key][f] = true
			if released[key][f] {
				tb.Errorf("%v %s is both released and withheld (%s)", key, f, w.Code)
			}
		}
	}
	for _, g := range in.Groups {
		ds, ok := cfg.Datasets.Get(g.Dataset)
		if !ok {
			continue
		}
		both := maps.Clone(released[g])
		maps.Copy(both, withheld[g])
		if len(both) != len(ds.Fields) {
			tb.Errorf("%v: %d of %d fields are accounted for", g, len(both), len(ds.Fields))
		}
	}
}
