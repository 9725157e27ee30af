package policy

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/concord-gateway/concord/gateway/fault"
)

// requests are questions of every kind to the shipped policies.
func requests(cfg Config) []Input {
	var out []Input
	groups := allGroups(cfg)
	for _, agency := range []string{"west-mercia-police", "telford-housing", "mercia-health"} {
		for _, p := range cfg.Purposes {
			for _, kind := range []string{kindSubject, kindArea} {
				in := person(groups)
				in.Actor.Agency, in.Request.Purpose, in.Request.Kind = agency, p.ID, kind
				out = append(out, in)
			}
		}
		for _, ground := range []string{"threat_to_life", "child_at_immediate_risk", "imminent_serious_harm", "court_order"} {
			in := person(groups)
			in.Actor.Agency, in.Request.Purpose, in.Request.CaseLink = agency, "protection-of-life", "none"
			in.Request.Emergency = &Emergency{Ground: ground, Incident: "INC-1"}
			out = append(out, in)
		}
	}
	return out
}

// A field that no agreement names is never released: here a field that every
// schema could have and no agreement knows, and a dataset nobody agreed about.
func TestInvariant02FieldOutsideAgreementsIsNeverReleased(t *testing.T) {
	cfg := sample(t)
	e := newEngine(t, cfg)
	released := 0
	for _, in := range requests(cfg) {
		in.Groups = append(in.Groups, Group{Provider: "west-mercia-police", Dataset: "housing.tenancy"})
		d, err := e.Decide(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		accountsForEveryField(t, cfg, in, d)
		for _, g := range d.Groups {
			for field, grant := range g.Fields {
				released++
				a, ok := cfg.Agreements.Get(grant.Agreement)
				if !ok || a.Provider.Agency != g.Provider || a.Recipient.Agency != in.Actor.Agency {
					t.Fatalf("%s of %s rests on %s, which is not between these parties", field, g.Provider, grant.Agreement)
				}
				share, ok := a.Share(g.Dataset)
				if !ok {
					t.Fatalf("%s does not cover %s", a.ID, g.Dataset)
				}
				named := false
				for _, p := range share.Purposes {
					_, has := p.Fields[field]
					named = named || (has && p.Purpose == in.Request.Purpose && in.Request.Emergency == nil)
				}
				if em := in.Request.Emergency; em != nil {
					_, named = share.Emergency[em.Ground].Fields[field]
				}
				if !named {
					t.Errorf("%s of %s is released for %s, where %s does not name it", field, g.Dataset, in.Request.Purpose, a.ID)
				}
			}
		}
	}
	if released == 0 {
		t.Fatal("nothing was released at all: the test proves nothing")
	}
}

// Without rules that answer wholly and in time there is no decision.
func TestInvariant03EngineFailureIsNoDecision(t *testing.T) {
	cfg := sample(t)
	in := person(allGroups(cfg))
	core := func(release string) Config {
		c := cfg
		c.Core = fstest.MapFS{
			"agencies.json":        {Data: []byte(`{}`)},
			"release/release.rego": {Data: []byte("package concord.release\n\n" + release)},
			"access/access.rego":   {Data: []byte("package concord.access\n\n" + strings.ReplaceAll(release, "groups", "reasons"))},
		}
		return c
	}
	cases := map[string]struct {
		cfg  Config
		code string
	}{
		"undefined":           {core("decision := 1 if false\n"), "policy-undefined"},
		"conflict":            {core("decision := 1\n\ndecision := 2\n"), "policy-failed"},
		"built-in error":      {core("decision := time.parse_rfc3339_ns(input.actor.subject)\n"), "policy-failed"},
		"time-out":            {cfg, "policy-failed"},
		"another shape":       {core("decision := {\"allow\": \"yes\"}\n"), "policy-malformed"},
		"unknown key":         {core("decision := {\"allow\": true, \"also\": 1}\n"), "policy-malformed"},
		"no group answered":   {core("decision := {\"allow\": true, \"groups\": []}\n"), "policy-incomplete"},
		"allow with no field": {core("decision := {\"groups\": [object.union(g, {\"allow\": true}) | some g in input.groups]}\n"), "policy-incomplete"},
		"denied, unexplained": {core("decision := {\"groups\": [g | some g in input.groups]}\n"), "policy-incomplete"},
		"answered twice": {
			core("decision := {\"groups\": array.concat(input.groups, input.groups)}\n"), "policy-incomplete",
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			e := newEngine(t, c.cfg)
			if name == "time-out" {
				e.limits.processor = time.Nanosecond
			}
			d, err := e.Decide(t.Context(), in)
			failsClosed(t, err, c.code)
			if diff := cmp.Diff(Decision{}, d); diff != "" {
				t.Errorf("part of a decision came with the fault: %s", diff)
			}
			if _, err := e.Explain(t.Context(), in); !fault.Is(err, fault.Unavailable) {
				t.Errorf("Explain: %v", err)
			}
			if c.code != "policy-incomplete" {
				a, err := e.Access(t.Context(), AccessInput{Actor: in.Actor, Action: "profiles.subject", Time: now})
				failsClosed(t, err, c.code)
				if a.Allow {
					t.Error("access is allowed")
				}
			}
		})
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := newEngine(t, cfg).Decide(cancelled, in)
	failsClosed(t, err, "policy-failed")
}

func failsClosed(t *testing.T, err error, code string) {
	t.Helper()
	var f *fault.Error
	if !fault.Is(err, fault.Unavailable) {
		t.Fatalf("want Unavailable, got %v", err)
	}
	if !errors.As(err, &f) || f.Code != code {
		t.Errorf("want code %s, got %v", code, err)
	}
}

// The same input gives the same bytes, whatever the order of groups and roles;
// and the facts that the log keeps give them again.
func TestInvariant10SameInputSameDecision(t *testing.T) {
	cfg := sample(t)
	first, second := newEngine(t, cfg), newEngine(t, sample(t))
	if first.Revision() != second.Revision() || len(first.Revision()) != 64 {
		t.Fatalf("revisions %s and %s", first.Revision(), second.Revision())
	}
	for _, in := range requests(cfg) {
		want := decided(t, first, in)
		facts, err := in.Facts()
		if err != nil {
			t.Fatal(err)
		}
		var replayed Input
		if err := json.Unmarshal(facts, &replayed); err != nil {
			t.Fatal(err)
		}
		if got := decided(t, second, replayed); got != want {
			t.Fatalf("replay differs:\n%s\n%s", want, got)
		}
		shuffled := in
		shuffled.Groups, shuffled.Actor.Roles = slices.Clone(in.Groups), slices.Clone(in.Actor.Roles)
		rand.Shuffle(len(shuffled.Groups), func(i, j int) {
			shuffled.Groups[i], shuffled.Groups[j] = shuffled.Groups[j], shuffled.Groups[i]
		})
		slices.Reverse(shuffled.Actor.Roles)
		if got := decided(t, first, shuffled); got != want {
			t.Fatalf("order matters:\n%s\n%s", want, got)
		}
	}
}

func decided(t *testing.T, e *Engine, in Input) string {
	t.Helper()
	d, err := e.Decide(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	if d.Revision != e.Revision() {
		t.Errorf("the decision names revision %q", d.Revision)
	}
	raw, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// Whatever a decision depends on changes the revision.
func TestInvariant10RevisionCoversWhatDecides(t *testing.T) {
	base := sample(t)
	seen := map[string]string{newEngine(t, base).Revision(): "the shipped policies"}
	other := func(name string, cfg Config) {
		t.Helper()
		r := newEngine(t, cfg).Revision()
		if was, ok := seen[r]; ok {
			t.Errorf("%s has the revision of %s", name, was)
		}
		seen[r] = name
	}
	core := copied(t, base.Core)
	rule := core["release/terms.rego"]
	core["release/terms.rego"] = &fstest.MapFile{Data: append(slices.Clone(rule.Data), "\n# more\n"...)}
	changed := base
	changed.Core = core
	other("another rule file", changed)

	purposes := base
	purposes.Purposes = slices.Clone(base.Purposes)
	purposes.Purposes[0].Kinds = []string{kindArea, kindSubject}
	other("another purpose", purposes)

	other("another agreement", manyAgreements(t, base, len(base.Agreements.All())+1))
}

// copied copies a file system, so that a file of it can be changed.
func copied(t *testing.T, from fs.FS) fstest.MapFS {
	t.Helper()
	out := fstest.MapFS{}
	err := fs.WalkDir(from, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := fs.ReadFile(from, name)
		out[name] = &fstest.MapFile{Data: raw}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}
