package linkage_test

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/concord-gateway/concord/gateway/dataset"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/linkage"
	"github.com/concord-gateway/concord/gateway/record"
)

var (
	health    = linkage.Group{Provider: "mercia-health", Dataset: "health.substance_referral"}
	education = linkage.Group{Provider: "mercia-education", Dataset: "education.exclusion"}
	tenancy   = linkage.Group{Provider: "telford-housing", Dataset: "housing.tenancy"}
	severn    = linkage.Group{Provider: "severn-homes", Dataset: "housing.tenancy"}
	nominal   = linkage.Group{Provider: "west-mercia-police", Dataset: "police.nominal"}
	ocg       = linkage.Group{Provider: "west-mercia-police", Dataset: "police.ocg"}
)

// gang is a record about several people.
func gang(source string, members ...string) entry {
	e := entry{group: ocg, source: source, several: true}
	for _, m := range members {
		e.ids = append(e.ids, dataset.Identifier{Type: dataset.PNCID, Value: m})
	}
	return e
}

func barred(e entry) entry {
	e.barred = true
	return e
}

func TestLink(t *testing.T) {
	ring := openRing(t)
	annMoved := plus(ann, ids{"postcode": "TF3 4JA"})
	cases := map[string]struct {
		entries []entry
		groups  []linkage.Group // all, if nil
		subject ids
		outcome linkage.Outcome
		method  string
		want    []string
	}{
		"nothing there": {
			entries: []entry{person(health, "h2", ids{"nhs_number": nhs2})}, subject: ids{"nhs_number": nhs1}, outcome: linkage.None,
		},
		"a strong identifier": {
			entries: []entry{person(health, "h1", ids{"nhs_number": nhs1}), person(health, "h2", ids{"nhs_number": nhs2})},
			subject: ids{"nhs_number": nhs1}, outcome: linkage.Matched, method: "strong:nhs_number", want: []string{"mercia-health/health.substance_referral/h1"},
		},
		"the compound, spelt otherwise": {
			entries: []entry{person(tenancy, "t1", ann), person(tenancy, "t2", annMoved), person(tenancy, "t3", ben)},
			subject: plus(ann, ids{"given_name": "Ann ", "postcode": "wr12ey"}), outcome: linkage.Matched, method: "compound",
			want: []string{"telford-housing/housing.tenancy/t1"},
		},
		"one hop by the compound": {
			entries: []entry{person(health, "h1", plus(ann, ids{"nhs_number": nhs1})), person(tenancy, "t1", ann), person(tenancy, "t2", ben)},
			subject: ids{"nhs_number": nhs1}, outcome: linkage.Matched, method: "strong:nhs_number",
			want: []string{"mercia-health/health.substance_referral/h1", "telford-housing/housing.tenancy/t1"},
		},
		"no second hop": {
			entries: []entry{
				person(health, "h1", plus(ann, ids{"nhs_number": nhs1})), person(education, "e1", plus(ann, ids{"upn": upn1})),
				person(nominal, "p1", plus(annMoved, ids{"upn": upn1, "pnc_id": pnc1})),
			},
			subject: ids{"nhs_number": nhs1}, outcome: linkage.Matched, method: "strong:nhs_number",
			want: []string{"mercia-education/education.exclusion/e1", "mercia-health/health.substance_referral/h1"},
		},
		"a group that is not permitted is no bridge": {
			entries: []entry{person(health, "h1", plus(ann, ids{"nhs_number": nhs1})), person(tenancy, "t1", ann)},
			groups:  []linkage.Group{tenancy}, subject: ids{"nhs_number": nhs1}, outcome: linkage.None,
		},
		"a barred record is no bridge": {
			entries: []entry{barred(person(health, "h1", plus(ann, ids{"nhs_number": nhs1}))), person(tenancy, "t1", ann)},
			subject: ids{"nhs_number": nhs1}, outcome: linkage.None,
		},
		"a barred record is no conflict": {
			entries: []entry{person(health, "h1", plus(ann, ids{"nhs_number": nhs1})), barred(person(health, "h2", plus(ann, ids{"nhs_number": nhs2})))},
			subject: ids{"nhs_number": nhs1}, outcome: linkage.Matched, method: "strong:nhs_number", want: []string{"mercia-health/health.substance_referral/h1"},
		},
		"two providers of one dataset, ordered": {
			entries: []entry{person(tenancy, "b", ann), person(tenancy, "a", ann), person(severn, "c", ann)},
			subject: ann, outcome: linkage.Matched, method: "compound",
			want: []string{"severn-homes/housing.tenancy/c", "telford-housing/housing.tenancy/a", "telford-housing/housing.tenancy/b"},
		},
		"a compound of two people": {
			entries: []entry{person(health, "h1", plus(ann, ids{"nhs_number": nhs1})), person(health, "h2", plus(ann, ids{"nhs_number": nhs2}))},
			subject: ann, outcome: linkage.Ambiguous,
		},
		"a namesake found by the hop": {
			entries: []entry{person(health, "h1", plus(ann, ids{"nhs_number": nhs1})), person(education, "e1", plus(ann, ids{"nhs_number": nhs2}))},
			subject: ids{"nhs_number": nhs1}, outcome: linkage.Ambiguous,
		},
		"two hops that disagree with each other": {
			entries: []entry{
				person(health, "h1", plus(ann, ids{"nhs_number": nhs1})),
				person(education, "e1", plus(ann, ids{"upn": upn1})), person(education, "e2", plus(ann, ids{"upn": upn2})),
			},
			subject: ids{"nhs_number": nhs1}, outcome: linkage.Ambiguous,
		},
		"found by one number, against another that was given": {
			entries: []entry{person(nominal, "p1", ids{"pnc_id": pnc1, "nhs_number": nhs2})},
			subject: ids{"pnc_id": pnc1, "nhs_number": nhs1}, outcome: linkage.Ambiguous,
		},
		"found by the compound, against a number that was given": {
			entries: []entry{person(health, "h1", plus(ann, ids{"nhs_number": nhs2}))},
			subject: plus(ann, ids{"nhs_number": nhs1}), outcome: linkage.Ambiguous,
		},
		"a record that contradicts itself": {
			entries: []entry{{group: health, source: "h1", ids: []dataset.Identifier{{Type: "nhs_number", Value: nhs1}, {Type: "nhs_number", Value: nhs2}}}},
			subject: ids{"nhs_number": nhs1}, outcome: linkage.Ambiguous,
		},
		"namesakes that disagree on nothing": {
			entries: []entry{person(health, "h1", plus(ann, ids{"nhs_number": nhs1})), person(education, "e1", plus(ann, ids{"upn": upn1}))},
			subject: ann, outcome: linkage.Matched, method: "compound",
			want: []string{"mercia-education/education.exclusion/e1", "mercia-health/health.substance_referral/h1"},
		},
		"two people asked for at once": {
			entries: []entry{person(health, "h1", plus(ann, ids{"nhs_number": nhs1})), person(education, "e1", plus(ben, ids{"upn": upn1}))},
			subject: ids{"nhs_number": nhs1, "upn": upn1}, outcome: linkage.Ambiguous,
		},
		"two numbers of one person, joined by the compound": {
			entries: []entry{person(health, "h1", plus(ann, ids{"nhs_number": nhs1})), person(education, "e1", plus(ann, ids{"upn": upn1}))},
			subject: ids{"nhs_number": nhs1, "upn": upn1}, outcome: linkage.Matched, method: "strong:nhs_number",
			want: []string{"mercia-education/education.exclusion/e1", "mercia-health/health.substance_referral/h1"},
		},
		"two numbers of one person, joined by a third record": {
			entries: []entry{
				person(health, "h1", ids{"nhs_number": nhs1}), person(education, "e1", ids{"upn": upn1}),
				person(nominal, "p1", ids{"nhs_number": nhs1, "upn": upn1}),
			},
			subject: ids{"nhs_number": nhs1, "upn": upn1}, outcome: linkage.Matched, method: "strong:nhs_number",
			want: []string{"mercia-education/education.exclusion/e1", "mercia-health/health.substance_referral/h1", "west-mercia-police/police.nominal/p1"},
		},
		"a group of which the person is a member": {
			entries: []entry{person(nominal, "p1", ids{"pnc_id": pnc1}), person(nominal, "p2", ids{"pnc_id": pnc2}), gang("g1", pnc1, pnc2), gang("g2", pnc2)},
			subject: ids{"pnc_id": pnc1}, outcome: linkage.Matched, method: "strong:pnc_id",
			want: []string{"west-mercia-police/police.nominal/p1", "west-mercia-police/police.ocg/g1"},
		},
		"only the group is permitted": {
			entries: []entry{person(nominal, "p2", ids{"pnc_id": pnc2}), gang("g1", pnc1, pnc2)},
			subject: ids{"pnc_id": pnc1}, outcome: linkage.Matched, method: "strong:pnc_id", want: []string{"west-mercia-police/police.ocg/g1"},
		},
		"a group found by the hop": {
			entries: []entry{person(nominal, "p1", plus(ann, ids{"pnc_id": pnc1})), gang("g1", pnc1, pnc2), person(nominal, "p2", ids{"pnc_id": pnc2})},
			subject: ann, outcome: linkage.Matched, method: "compound",
			want: []string{"west-mercia-police/police.nominal/p1", "west-mercia-police/police.ocg/g1"},
		},
		"a group joins nobody": {
			entries: []entry{gang("g1", pnc1, pnc2), person(health, "h1", plus(ann, ids{"nhs_number": nhs1}))},
			subject: ids{"pnc_id": pnc1, "nhs_number": nhs1}, outcome: linkage.Ambiguous,
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w, err := newWorld(ring, c.entries)
			if err != nil {
				t.Fatal(err)
			}
			groups := c.groups
			if groups == nil {
				groups = groupsOf(c.entries)
			}
			got, err := linkage.Link(t.Context(), subject(t, c.subject), groups, w)
			if err != nil {
				t.Fatal(err)
			}
			if got.Outcome != c.outcome || got.Method != c.method {
				t.Errorf("got %s by %q, want %s by %q", got.Outcome, got.Method, c.outcome, c.method)
			}
			if diff := cmp.Diff(c.want, sources(got)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestLookUps: which groups are asked, how often and in what order depends on
// the groups and the request alone.
func TestLookUps(t *testing.T) {
	ring := openRing(t)
	groups := []linkage.Group{tenancy, health, education, health}
	want := []call{{education, 1}, {health, 1}, {tenancy, 1}, {education, 1}, {health, 1}, {tenancy, 1}}
	for name, entries := range map[string][]entry{
		"nobody":       nil,
		"no hop":       {person(health, "h1", ids{"nhs_number": nhs1})},
		"a hop":        {person(health, "h1", plus(ann, ids{"nhs_number": nhs1}))},
		"an ambiguity": {person(health, "h1", ids{"nhs_number": nhs1, "upn": upn1}), person(education, "e1", ids{"nhs_number": nhs2, "upn": upn1})},
	} {
		w, err := newWorld(ring, entries)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := linkage.Link(t.Context(), subject(t, ids{"nhs_number": nhs1}), groups, w); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, w.calls, cmp.AllowUnexported(call{})); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// TestSourceAnswersWrongly: a record that does not carry what was asked for, or
// is of another group, is not believed.
func TestSourceAnswersWrongly(t *testing.T) {
	ring := openRing(t)
	w, err := newWorld(ring, []entry{person(health, "h1", ids{"nhs_number": nhs1}), person(health, "h2", ids{"nhs_number": nhs1})})
	if err != nil {
		t.Fatal(err)
	}
	for ref, candidates := range w.records {
		candidates[0].Row = &dataset.Row{SourceID: "h1", Identifiers: []dataset.Identifier{{Type: "nhs_number", Value: nhs2}}}
		candidates[1].Row = nil
		w.records[ref] = candidates
	}
	got, err := linkage.Link(t.Context(), subject(t, ids{"nhs_number": nhs1}), []linkage.Group{health}, w)
	if err != nil || got.Outcome != linkage.None {
		t.Errorf("got %v, %v; want none", got, err)
	}
	w, err = newWorld(ring, []entry{person(health, "h1", ids{"nhs_number": nhs1})})
	if err != nil {
		t.Fatal(err)
	}
	got, err = linkage.Link(t.Context(), subject(t, ids{"nhs_number": nhs1}), []linkage.Group{education}, careless{w})
	if err != nil || got.Outcome != linkage.None {
		t.Errorf("a record of another group: got %v, %v; want none", got, err)
	}
}

// careless answers with everything it has, whatever it is asked for.
type careless struct{ *world }

func (c careless) Candidates(context.Context, linkage.Group, []record.Ref) ([]linkage.Candidate, error) {
	var out []linkage.Candidate
	for _, candidates := range c.records {
		out = append(out, candidates...)
	}
	return out, nil
}

// TestInvariant03LinkFailsClosed: without keys or store there is no result.
func TestInvariant03LinkFailsClosed(t *testing.T) {
	ring := openRing(t)
	w, err := newWorld(ring, []entry{person(health, "h1", ids{"nhs_number": nhs1})})
	if err != nil {
		t.Fatal(err)
	}
	w.fail = fault.New(fault.Unavailable, "test", "gone")
	got, err := linkage.Link(t.Context(), subject(t, ids{"nhs_number": nhs1}), []linkage.Group{health}, w)
	if !errors.Is(err, w.fail) || got.Outcome != "" || got.Candidates != nil {
		t.Errorf("got %v, %v; want the store's error and nothing else", got, err)
	}
	w.fail = nil
	if err := ring.Close(); err != nil {
		t.Fatal(err)
	}
	got, err = linkage.Link(t.Context(), subject(t, ids{"nhs_number": nhs1}), []linkage.Group{health}, w)
	if err == nil || got.Outcome != "" || got.Candidates != nil {
		t.Errorf("without keys: got %v, %v; want an error and nothing else", got, err)
	}
	if _, err := linkage.Link(t.Context(), linkage.Subject{}, []linkage.Group{health}, w); !fault.Is(err, fault.Invalid) {
		t.Errorf("nobody: got %v, want Invalid", err)
	}
}
