package rulebook_test

import (
	"bytes"
	"errors"
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/concord-gateway/concord/gateway/agreement"
	"github.com/concord-gateway/concord/gateway/approval"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/policy"
	"github.com/concord-gateway/concord/gateway/policy/bundle"
	"github.com/concord-gateway/concord/gateway/rulebook"
	"github.com/concord-gateway/concord/policies"
	"github.com/concord-gateway/concord/schemas"
)

// tenancy is an agreement of one dataset, for which housing answers.
const tenancy = "ISA-TH-WMP-001"

func shipped(tb testing.TB) bundle.Files {
	tb.Helper()
	files, err := bundle.Gather(policies.Files, schemas.Files)
	if err != nil {
		tb.Fatal(err)
	}
	return files
}

// succeeded are the shipped files with a second version of an agreement.
func succeeded(tb testing.TB) bundle.Files {
	tb.Helper()
	files := shipped(tb)
	edit(tb, files, tenancy, tenancy+"/next", `"version": 1`, `"version": 2`)
	return files
}

// edit puts an agreement with one passage replaced into a folder.
func edit(tb testing.TB, files bundle.Files, from, to, old, now string) {
	tb.Helper()
	text := string(files["agreements/"+from+"/agreement.json"])
	if !strings.Contains(text, old) {
		tb.Fatalf("%s does not hold %q", from, old)
	}
	files["agreements/"+to+"/agreement.json"] = []byte(strings.Replace(text, old, now, 1))
}

func read(tb testing.TB, files bundle.Files) *rulebook.Draft {
	tb.Helper()
	d, err := rulebook.Read(files)
	if err != nil {
		tb.Fatal(err)
	}
	return d
}

func rules(tb testing.TB, d *rulebook.Draft, c rulebook.Choice) *rulebook.Rules {
	tb.Helper()
	r, err := d.Rules(tb.Context(), c)
	if err != nil {
		tb.Fatal(err)
	}
	return r
}

func version(id string, n int) rulebook.Version { return rulebook.Version{Agreement: id, Version: n} }

// asShown is a suspension as the agreement has it.
func asShown(s rulebook.Suspension) *agreement.Suspension {
	return &agreement.Suspension{On: s.On, By: s.By, Reason: "see entry 7 of the log"}
}

func suspended(v rulebook.Version, on string) rulebook.Suspension {
	return rulebook.Suspension{Version: v, On: on, By: "telford-housing", Entry: 7}
}

// answers are decisions about everything that the shipped cases ask.
func answers(tb testing.TB, r *rulebook.Rules) []policy.Decision {
	tb.Helper()
	cases, err := policy.ReadCases(policies.Files, "cases")
	if err != nil {
		tb.Fatal(err)
	}
	var out []policy.Decision
	for _, c := range cases {
		d, err := r.Policy.Decide(tb.Context(), c.Input)
		if err != nil {
			tb.Fatal(err)
		}
		out = append(out, d)
	}
	if len(out) < 10 {
		tb.Fatalf("only %d cases", len(out))
	}
	return out
}

func TestReadRefuses(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(bundle.Files){
		"nothing":            func(f bundle.Files) { clear(f) },
		"no datasets":        func(f bundle.Files) { maps.DeleteFunc(f, under("datasets/")) },
		"no core":            func(f bundle.Files) { maps.DeleteFunc(f, under("concord/")) },
		"no agreements":      func(f bundle.Files) { maps.DeleteFunc(f, under("agreements/")) },
		"no places":          func(f bundle.Files) { delete(f, "places.json") },
		"broken places":      func(f bundle.Files) { f["places.json"] = []byte("[") },
		"no purposes":        func(f bundle.Files) { delete(f, "purposes.json") },
		"broken purposes":    func(f bundle.Files) { f["purposes.json"] = []byte("{") },
		"a broken schema":    func(f bundle.Files) { f["datasets/a.b.schema.json"] = []byte("{") },
		"a broken agreement": func(f bundle.Files) { f["agreements/"+tenancy+"/agreement.json"] = []byte("{") },
		"half an agreement":  func(f bundle.Files) { f["agreements/ISA-X-1/conditions.rego"] = []byte("package x") },
		"no successor": func(f bundle.Files) {
			f["agreements/"+tenancy+"/next/agreement.json"] = f["agreements/"+tenancy+"/agreement.json"]
		},
		"a file of no kind": func(f bundle.Files) { f["concord/more.txt"] = nil },
	} {
		files := shipped(t)
		change(files)
		if d, err := rulebook.Read(files); d != nil || !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func under(prefix string) func(string, []byte) bool {
	return func(name string, _ []byte) bool { return strings.HasPrefix(name, prefix) }
}

func TestDraft(t *testing.T) {
	t.Parallel()
	files := succeeded(t)
	note := []byte("a note")
	files["agreements/"+tenancy+"/next/"+rulebook.ApprovalFile] = note
	files["agreements/"+tenancy+"/"+rulebook.ImpactFile] = []byte("{}")
	d := read(t, files)
	one, ok := d.Get(version(tenancy, 1))
	if !ok || one.Folder() != tenancy || d.Approval(one) != nil || string(d.Impact(one)) != "{}" {
		t.Errorf("version 1: %+v", one)
	}
	two, ok := d.Get(version(tenancy, 2))
	if !ok || two.Folder() != tenancy+"/next" || !bytes.Equal(d.Approval(two), note) || d.Impact(two) != nil {
		t.Errorf("version 2: %+v", two)
	}
	for _, v := range []rulebook.Version{version(tenancy, 3), version("ISA-NONE-1", 1)} {
		if _, ok := d.Get(v); ok || d.Digest(v) != "" {
			t.Errorf("%v is there", v)
		}
	}
	if d.Digest(rulebook.VersionOf(one)) == d.Digest(rulebook.VersionOf(two)) {
		t.Error("two versions have one digest")
	}
	approvers, err := approval.NewApprovers(nil)
	if err != nil {
		t.Fatal(err)
	}
	standings := d.Standings(approvers)
	if len(standings) != len(d.Versions) {
		t.Fatalf("%d standings of %d versions", len(standings), len(d.Versions))
	}
	for i, st := range standings {
		if st.Agreement != d.Versions[i].ID || st.Version != d.Versions[i].Version || st.Digest != d.Digest(rulebook.VersionOf(d.Versions[i])) {
			t.Errorf("standing %d is of %s", i, st.Agreement)
		}
		if (st.Void != "") != (st.Agreement == tenancy && st.Version == 2) {
			t.Errorf("%s, version %d: void %q", st.Agreement, st.Version, st.Void)
		}
	}
	r := rules(t, d, d.Newest())
	r.Standings = standings
	if got := r.Standing(version(tenancy, 2)); got.Void == "" {
		t.Errorf("got %+v", got)
	}
	if got := r.Standing(version(tenancy, 3)); !cmp.Equal(got, approval.Standing{}) {
		t.Errorf("of one that is not there: %+v", got)
	}
}

func TestNewest(t *testing.T) {
	t.Parallel()
	d := read(t, succeeded(t))
	c := d.Newest()
	if len(c.Live) != len(d.Versions)-1 || len(c.Suspensions) != 0 {
		t.Errorf("%d live of %d versions", len(c.Live), len(d.Versions))
	}
	for _, v := range c.Live {
		_, newer := d.Get(version(v.Agreement, v.Version+1))
		if _, ok := d.Get(v); !ok || newer || (v.Agreement == tenancy && v.Version != 2) {
			t.Errorf("%s: version %d", v.Agreement, v.Version)
		}
	}
}

func TestRules(t *testing.T) {
	t.Parallel()
	d := read(t, succeeded(t))
	t.Run("nothing is live", func(t *testing.T) {
		t.Parallel()
		for _, decision := range answers(t, rules(t, d, rulebook.Choice{})) {
			for _, g := range decision.Groups {
				if g.Allow || len(g.Fields) > 0 {
					t.Fatalf("without an agreement: %+v", g)
				}
			}
		}
	})
	t.Run("a version that is not there", func(t *testing.T) {
		t.Parallel()
		for _, v := range []rulebook.Version{version(tenancy, 3), version("ISA-NONE-1", 1), {}} {
			r, err := d.Rules(t.Context(), rulebook.Choice{Live: []rulebook.Version{v}})
			if r != nil || !fault.Is(err, fault.Invalid) || code(err) != "agreement-unknown" {
				t.Errorf("%v: %v", v, err)
			}
		}
	})
	t.Run("two versions at once", func(t *testing.T) {
		t.Parallel()
		for _, live := range [][]rulebook.Version{{version(tenancy, 1), version(tenancy, 2)}, {version(tenancy, 1), version(tenancy, 1)}} {
			if r, err := d.Rules(t.Context(), rulebook.Choice{Live: live}); r != nil || !fault.Is(err, fault.Invalid) {
				t.Errorf("%v: %v", live, err)
			}
		}
	})
	t.Run("agreements that contradict each other", func(t *testing.T) {
		t.Parallel()
		files := shipped(t)
		edit(t, files, tenancy, "ISA-TH-WMP-009", tenancy, "ISA-TH-WMP-009")
		path := "agreements/ISA-TH-WMP-009/agreement.json"
		text := strings.Replace(string(files[path]), `"year"`, `"full"`, 1)
		if text == string(files[path]) {
			t.Fatal("no field of the agreement has that treatment")
		}
		files[path] = []byte(text)
		both := read(t, files)
		if r, err := both.Rules(t.Context(), both.Newest()); r != nil || !fault.Is(err, fault.Invalid) {
			t.Errorf("got %v", err)
		}
		rules(t, both, rulebook.Choice{Live: []rulebook.Version{version(tenancy, 1)}}) // one alone is sound
	})
	t.Run("rules that do not compile", func(t *testing.T) {
		t.Parallel()
		files := shipped(t)
		files["concord/release/more.rego"] = []byte("package concord.release\n\nx := http.send({})\n")
		broken := read(t, files)
		if r, err := broken.Rules(t.Context(), broken.Newest()); r != nil || !fault.Is(err, fault.Invalid) {
			t.Errorf("got %v", err)
		}
	})
}

func code(err error) string {
	if f, ok := errors.AsType[*fault.Error](err); ok {
		return f.Code
	}
	return ""
}

func TestSuspensions(t *testing.T) {
	t.Parallel()
	d := read(t, succeeded(t))
	of := func(n int, s ...rulebook.Suspension) *agreement.Suspension {
		r := rules(t, d, rulebook.Choice{Live: []rulebook.Version{version(tenancy, n), version("ISA-ME-WMP-001", 1)}, Suspensions: s})
		if other, _ := r.Agreements.Get("ISA-ME-WMP-001"); other.Suspended != nil {
			t.Error("another agreement is suspended")
		}
		a, _ := r.Agreements.Get(tenancy)
		return a.Suspended
	}
	first, second := suspended(version(tenancy, 1), "2026-12-01"), suspended(version(tenancy, 2), "2026-12-05")
	for _, c := range []struct {
		name string
		got  *agreement.Suspension
		want *agreement.Suspension
	}{
		{"none", of(1), nil},
		{"the version itself", of(1, first), asShown(first)},
		{"a version before", of(1, second), asShown(second)},
		{"a later version goes on", of(2, first), nil},
		{"the later one", of(2, first, second), asShown(second)},
		{"both: the earlier day counts", of(1, second, first), asShown(first)},
		{"another agreement", of(1, suspended(version("ISA-SH-WMP-001", 1), "2026-12-01")), nil},
	} {
		if diff := cmp.Diff(c.want, c.got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
	// The draft itself is as it was.
	if a, _ := d.Get(version(tenancy, 1)); a.Suspended != nil {
		t.Error("suspending has changed the draft")
	}
}

func TestChoiceEqual(t *testing.T) {
	t.Parallel()
	c := rulebook.Choice{Live: []rulebook.Version{version("A", 1)}, Suspensions: []rulebook.Suspension{suspended(version("A", 1), "2026-12-01")}}
	same := rulebook.Choice{Live: []rulebook.Version{version("A", 1)}, Suspensions: []rulebook.Suspension{suspended(version("A", 1), "2026-12-01")}}
	if !c.Equal(same) || !(rulebook.Choice{}).Equal(rulebook.Choice{Live: []rulebook.Version{}}) {
		t.Error("equal choices differ")
	}
	for name, o := range map[string]rulebook.Choice{
		"nothing": {}, "another version": {Live: []rulebook.Version{version("A", 2)}, Suspensions: c.Suspensions},
		"no suspension": {Live: c.Live}, "another day": {Live: c.Live, Suspensions: []rulebook.Suspension{suspended(version("A", 1), "2026-12-02")}},
	} {
		if c.Equal(o) {
			t.Errorf("%s is equal", name)
		}
	}
}
