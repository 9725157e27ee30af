package policy

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/concord-gateway/concord/gateway/agreement"
	"github.com/concord-gateway/concord/gateway/fault"
)

// conditioned is the configuration in which ISA-TH-WMP-001 has conditions with
// the given rules below their package.
func conditioned(t *testing.T, base Config, rules string) Config {
	t.Helper()
	files := fstest.MapFS{}
	for _, a := range base.Agreements.All() {
		files[a.ID+"/agreement.json"] = &fstest.MapFile{Data: a.Source}
		if len(a.Conditions) > 0 {
			files[a.ID+"/conditions.rego"] = &fstest.MapFile{Data: a.Conditions}
		}
	}
	files["ISA-TH-WMP-001/conditions.rego"] = &fstest.MapFile{Data: []byte("package concord.agreements[\"ISA-TH-WMP-001\"]\n\n" + rules + "\n")}
	r, err := agreement.Load(files, base.Datasets)
	if err != nil {
		t.Fatal(err)
	}
	base.Agreements = r
	return base
}

// What an insider could put into the conditions of an agreement is refused when
// it is loaded, with file, line, rule and remedy.
func TestConditionsRefused(t *testing.T) {
	base := sample(t)
	for name, c := range map[string]struct {
		rules string
		line  int
		rule  string
	}{
		"http.send":              {"permit if http.send({\"url\": \"https://x.example\", \"method\": \"get\"})", 3, "rego_type_error"},
		"http.send through with": {"permit if {\n\tx := 1 with http.send as count\n\tx == 1\n}", 4, "no-with"},
		"with, of a head":        {"x := 1 with http.send as count", 3, "rego_parse_error"},
		"another as http.send":   {"permit if {\n\tcount([1]) == 1 with count as http.send\n}", 4, "no-with"},
		"with, in a comprehension": {
			"permit if {\n\tsome y in [x | x := count([1]) with input as {}]\n\ty == 1\n}", 4, "no-with",
		},
		"with, inside a head":      {"permit := [x | x := count([1]) with input.request as {}]", 3, "no-with"},
		"environment":              {"permit if opa.runtime().env.HOME", 3, "rego_type_error"},
		"chance":                   {"permit if rand.intn(\"a\", 2) == 1", 3, "rego_type_error"},
		"clock":                    {"permit if time.now_ns() > 0", 3, "rego_type_error"},
		"loop":                     {"permit if other\n\nother if permit", 3, "rego_recursion_error"},
		"agreements":               {"permit if data.agreements[\"mercia-health\"]", 3, "outside"},
		"the core decision":        {"permit if {\n\tdata.concord.release.decision.allow\n}", 4, "outside"},
		"another's conditions":     {"permit if data.concord.agreements[\"ISA-ME-WMP-001\"].permit", 3, "outside"},
		"anybody's conditions":     {"permit if {\n\tsome id\n\tdata.concord.agreements[id].permit\n}", 5, "outside"},
		"all data":                 {"permit if count(data) > 0", 3, "outside"},
		"walk over data":           {"permit if {\n\twalk(data, [_, value])\n\tvalue == \"full\"\n}", 4, "outside"},
		"data in a head":           {"deny contains x if x := sprintf(\"%v\", [data.purposes])", 3, "outside"},
		"import":                   {"import data.agreements\n\npermit if agreements", 3, "import"},
		"import of another":        {"import data.concord.agreements[\"ISA-ME-WMP-001\"] as o\n\npermit if o.permit", 3, "import"},
		"syntax":                   {"permit if {\n\tinput.request.kind ==\n}", 5, "rego_parse_error"},
		"print":                    {"permit if {\n\tprint(input.actor.subject)\n}", 4, "no-output"},
		"trace":                    {"permit if trace(input.actor.subject)", 3, "no-output"},
		"variable without a value": {"permit if x > 1", 3, "rego_unsafe_var_error"},
	} {
		t.Run(name, func(t *testing.T) {
			e, err := New(context.Background(), conditioned(t, base, c.rules))
			var flaws Flaws
			if e != nil || !fault.Is(err, fault.Invalid) || !errors.As(err, &flaws) {
				t.Fatalf("got %v", err)
			}
			f := flaws[0]
			if f.File != "agreements/ISA-TH-WMP-001/conditions.rego" || f.Line != c.line || f.Rule != c.rule || f.Remedy == "" || f.Message == "" {
				t.Errorf("got %s", err)
			}
		})
	}
}

// "with" is for tests in the core too.
func TestCoreRefusesWith(t *testing.T) {
	cfg := sample(t)
	core := copied(t, cfg.Core)
	core["release/more.rego"] = &fstest.MapFile{Data: []byte("package concord.release\n\np := allow with input as {}\n")}
	cfg.Core = core
	if _, err := New(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), "concord/release/more.rego:3:") {
		t.Errorf("got %v", err)
	}
}

// What the conditions do not prove denies, whatever they say instead; and one
// agreement's flaw takes nothing but its own data.
func TestConditionsThatDeny(t *testing.T) {
	base := sample(t)
	in := person(allGroups(base))
	for name, c := range map[string]struct {
		rules string
		allow bool
	}{
		"proved":                    {"permit := true\n\ndeny contains \"x\" if false", true},
		"proved, deny an empty set": {"permit := true\n\ndeny := set()", true},
		"permit undefined":          {"permit if input.request.case_ref == \"no\"\n\ndeny contains \"x\" if false", false},
		"permit false":              {"permit := false\n\ndeny contains \"x\" if false", false},
		"permit not there":          {"deny contains \"x\" if false", false},
		"permit a text":             {"permit := \"yes\"\n\ndeny contains \"x\" if false", false},
		"permit a number":           {"permit := 1\n\ndeny contains \"x\" if false", false},
		"permit an object":          {"permit := {\"a\": true}\n\ndeny contains \"x\" if false", false},
		"permit a set":              {"permit contains true\n\ndeny contains \"x\" if false", false},
		"permit a function":         {"permit(_) := true\n\ndeny contains \"x\" if false", false},
		"deny holds a sentence":     {"permit := true\n\ndeny contains \"no\"", false},
		"deny holds a number":       {"permit := true\n\ndeny contains 7", false},
		"deny an empty text":        {"permit := true\n\ndeny := \"\"", false},
		"deny a text":               {"permit := true\n\ndeny := \"no\"", false},
		"deny an empty object":      {"permit := true\n\ndeny := {}", false},
		"deny an empty array":       {"permit := true\n\ndeny := []", false},
		"deny false":                {"permit := true\n\ndeny := false", false},
		"deny not there":            {"permit := true", false},
	} {
		t.Run(name, func(t *testing.T) {
			d, err := newEngine(t, conditioned(t, base, c.rules)).Decide(t.Context(), in)
			if err != nil {
				t.Fatal(err)
			}
			allowed, others := false, false
			for _, g := range d.Groups {
				if g.Provider == "telford-housing" {
					allowed = allowed || g.Allow
				} else {
					others = others || g.Allow
				}
			}
			denied := slices.ContainsFunc(d.Withheld, func(w Withheld) bool { return w.Code == "agreement_condition" })
			if allowed != c.allow || denied == c.allow || !others {
				t.Errorf("allowed %t, denied with the reason %t, others allowed %t", allowed, denied, others)
			}
		})
	}
}

// Conditions that take too long, or fail, on a question of some kind are
// refused at load.
func TestConditionsOnTrial(t *testing.T) {
	const tail = "\n\ndeny contains \"x\" if not permit"
	long := "permit if {\n\tLEAD\n\tcount([1 | some i in numbers.range(1, 3000); some j in numbers.range(1, 3000); i + j > 0]) > 0\n}"
	base := sample(t)
	base.Timeout = 0
	for name, c := range map[string]struct{ rules, says string }{
		"always long":           {strings.Replace(long, "LEAD", "true", 1), "[trial-time]"},
		"long for an area":      {strings.Replace(long, "LEAD", "input.request.kind == \"area\"", 1), "[trial-time]"},
		"long for a purpose":    {strings.Replace(long, "LEAD", "input.request.purpose == \"modern-slavery-safeguarding\"", 1), "[trial-time]"},
		"long in an emergency":  {strings.Replace(long, "LEAD", "input.request.emergency.ground == \"threat_to_life\"", 1), "[trial-time]"},
		"two answers":           {"permit := true if input.request.kind == \"area\"\n\npermit := false if input.usage.subjects_last_hour == 0", "[trial-error]"},
		"a built-in that fails": {"permit if to_number(input.request.case_ref) > 0", "[trial-error]"},
	} {
		t.Run(name, func(t *testing.T) {
			e, err := New(t.Context(), conditioned(t, base, c.rules+tail))
			if e != nil || !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), "agreements/ISA-TH-WMP-001/conditions.rego:") ||
				!strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v", err)
			}
		})
	}
	if _, err := New(t.Context(), conditioned(t, base, "permit := true"+tail)); err != nil {
		t.Errorf("sound conditions: %v", err)
	}
}
