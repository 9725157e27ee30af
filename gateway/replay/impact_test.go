package replay_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/keyring"
	"github.com/concord-gateway/concord/gateway/keyring/local"
	"github.com/concord-gateway/concord/gateway/replay"
)

// asked has four linked questions about two persons, who were asked about twice
// each, one of them under two names with one number; one question about a third
// person without a link, and one about an area.
func (h *house) asked() {
	h.tb.Helper()
	people := []struct {
		n      int
		both   bool
		linked bool
	}{{1, false, true}, {1, false, true}, {2, true, true}, {3, true, true}, {4, false, false}}
	for i, p := range people {
		s := h.someone(p.n, p.both)
		if p.linked {
			h.assign(1, s, "OP-LANTERN")
		}
		h.subject(day().Add(time.Duration(i)*time.Hour), h.asking(fmt.Sprintf("subject-%d", i), "soc-investigation", 1), s)
	}
	h.area(day().AddDate(0, 0, 1), h.asking("area", "soc-local-profile", 1))
}

func impact(tb testing.TB, h *house, candidate rules, o replay.ImpactOptions) replay.ImpactReport {
	tb.Helper()
	if o.At.IsZero() {
		o.At = day().AddDate(0, 1, 0)
	}
	r, err := replay.Impact(context.Background(), h.source(), h.engine, candidate.engine(tb), o)
	if err != nil {
		tb.Fatal(err)
	}
	return r
}

// inTenancies changes one field of the tenancies of Telford Housing for
// investigations.
func inTenancies(tb testing.TB, r rules, field, treatment string) {
	tb.Helper()
	r.amend(tb, "ISA-TH-WMP-001", func(a map[string]any) { treat(tb, a, "housing.tenancy", "soc-investigation", field, treatment) })
}

// TestImpact changes one thing at a time: the report names that and nothing else,
// with how many requests and persons it is about.
func TestImpact(t *testing.T) {
	h := newHouse(t)
	h.asked()
	change := func(field string, kind replay.ChangeKind, from, to string) []replay.Change {
		return []replay.Change{{
			Provider: "telford-housing", Dataset: "housing.tenancy", Field: field, Kind: kind, From: from, To: to,
			Requests: 4, Subjects: 2,
		}}
	}
	cases := map[string]struct {
		alter func(r rules)
		o     replay.ImpactOptions
		want  []replay.Change
	}{
		"nothing":           {func(rules) {}, replay.ImpactOptions{}, []replay.Change{}},
		"a field is opened": {func(r rules) { inTenancies(t, r, "/household_size", "full") }, replay.ImpactOptions{}, change("/household_size", replay.Released, "withhold", "full")},
		"what was counted is shown": {
			func(r rules) { inTenancies(t, r, "/reason_left_last_home", "full") },
			replay.ImpactOptions{}, change("/reason_left_last_home", replay.Released, "withhold", "full"),
		},
		"a field is withdrawn":      {func(r rules) { inTenancies(t, r, "/area", "withhold") }, replay.ImpactOptions{}, change("/area", replay.Withheld, "full", "withhold")},
		"a field is dropped":        {func(r rules) { inTenancies(t, r, "/area", "") }, replay.ImpactOptions{}, change("/area", replay.Withheld, "full", "withhold")},
		"a treatment is changed":    {func(r rules) { inTenancies(t, r, "/postcode", "full") }, replay.ImpactOptions{}, change("/postcode", replay.Treated, "outward_code", "full")},
		"only words are changed":    {func(r rules) { r.amend(t, "ISA-TH-WMP-001", func(a map[string]any) { a["version"] = 99 }) }, replay.ImpactOptions{}, []replay.Change{}},
		"of that provider":          {func(r rules) { inTenancies(t, r, "/postcode", "full") }, replay.ImpactOptions{Provider: "telford-housing"}, change("/postcode", replay.Treated, "outward_code", "full")},
		"of another provider":       {func(r rules) { inTenancies(t, r, "/postcode", "full") }, replay.ImpactOptions{Provider: "severn-homes"}, []replay.Change{}},
		"after all of it has ended": {func(r rules) { inTenancies(t, r, "/postcode", "full") }, replay.ImpactOptions{At: day().AddDate(9, 0, 0)}, []replay.Change{}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			candidate := shipped(t)
			c.alter(candidate)
			r := impact(t, h, candidate, c.o)
			if diff := cmp.Diff(c.want, r.Changes); diff != "" {
				t.Errorf("changes (-want +got):\n%s", diff)
			}
			affected := replay.Counts{}
			if len(c.want) > 0 {
				affected = replay.Counts{Requests: 4, Subjects: 2}
			}
			want := replay.ImpactReport{
				At: r.At, Candidate: r.Candidate, Current: h.engine.Revision(), Provider: c.o.Provider,
				From: "2026-09-01T09:00:00.000000Z", To: "2026-09-02T09:00:00.000000Z",
				Considered: replay.Counts{Requests: 6, Subjects: 3}, AreaRequests: 1, Affected: affected, Changes: c.want,
				NotConsidered: map[replay.Reason]int64{}, Revisions: map[string]int64{h.engine.Revision(): 6}, Digests: map[string]string{},
			}
			if diff := cmp.Diff(want, r); diff != "" {
				t.Errorf("report (-want +got):\n%s", diff)
			}
		})
	}
}

// TestImpactOfAnAgreement adds and takes away a whole agreement: the gateway with
// the candidate would ask about other datasets than were logged.
func TestImpactOfAnAgreement(t *testing.T) {
	h := newHouse(t)
	without := shipped(t)
	for _, id := range []string{"ISA-SH-WMP-001", "ISA-SH-WMP-002"} {
		delete(without.agreements, id+"/agreement.json")
	}
	whole := h.engine
	h.engine = without.engine(t)
	h.deps.Rules = without.book(t, h.engine)
	h.asked()
	r := impact(t, h, shipped(t), replay.ImpactOptions{})
	seen := map[string]bool{}
	for _, c := range r.Changes {
		seen[c.Provider+" "+c.Dataset+" "+string(c.Kind)] = true
		want := replay.Counts{Requests: 4, Subjects: 2}
		if c.To == "count_only" { // for the area
			want = replay.Counts{Requests: 1}
		}
		if c.From != "withhold" || (replay.Counts{Requests: c.Requests, Subjects: c.Subjects}) != want {
			t.Errorf("%+v", c)
		}
	}
	want := map[string]bool{"severn-homes housing.tenancy released": true, "severn-homes housing.concern released": true}
	if diff := cmp.Diff(want, seen); diff != "" || r.Obligations == 0 {
		t.Errorf("%d with other obligations, released (-want +got):\n%s", r.Obligations, diff)
	}
	back, err := replay.Impact(t.Context(), h.source(), whole, h.engine, replay.ImpactOptions{At: day()})
	if err != nil {
		t.Fatal(err)
	}
	if len(back.Changes) != len(r.Changes) || back.Changes[0].Kind != replay.Withheld || back.Changes[0].To != "withhold" {
		t.Errorf("the other way round: %+v", back.Changes)
	}
}

// TestImpactOfConditions changes which records are released, and how often one
// may ask.
func TestImpactOfConditions(t *testing.T) {
	h := newHouse(t)
	h.asked()
	candidate := shipped(t)
	candidate.amend(t, "ISA-SH-WMP-001", func(a map[string]any) {
		eachEntry(a, func(set string, entry map[string]any) {
			if conditions, ok := entry["conditions"].(map[string]any); ok && set == "housing.tenancy" {
				delete(conditions, "row")
			}
		})
	})
	r := impact(t, h, candidate, replay.ImpactOptions{})
	if len(r.Changes) != 1 || r.Changes[0].Kind != replay.Rows || r.Changes[0].To != "[]" || r.Changes[0].Requests != 4 ||
		!strings.Contains(r.Changes[0].From, "tenancy_status") {
		t.Errorf("other records: %+v", r.Changes)
	}
	// Two in an hour: the four came with none to three before them, and who is
	// refused gets nothing of any provider.
	strict := shipped(t)
	strict.amend(t, "ISA-TH-WMP-001", func(a map[string]any) { quotas(a, map[string]any{"per_hour": 9, "per_day": 2}) })
	r = impact(t, h, strict, replay.ImpactOptions{})
	providers := map[string]bool{}
	for _, c := range r.Changes {
		providers[c.Provider] = true
		if c.Kind != replay.Withheld || c.Requests != 2 || c.Subjects != 1 {
			t.Errorf("%+v", c)
		}
	}
	if len(providers) < 2 || r.Affected.Requests != 2 {
		t.Errorf("refused whole: %v, affected %+v", providers, r.Affected)
	}
}

// TestImpactOfAnotherKeyring reports nothing of a log of which an entry does not open, or
// is not what was written.
func TestImpactOfAnotherKeyring(t *testing.T) {
	h := newHouse(t)
	h.variety()
	other, err := local.Open(filepath.Join(t.TempDir(), "keys"))
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	flipped := rewritten{h.db.Log(), func(e string) []string { return []string{strings.Replace(e, `"private":"`, `"private":"0`, 1)} }}
	for name, source := range map[string]replay.Source{
		"another keyring": {Store: h.db.Log(), Keys: other}, "an entry changed": {Store: flipped, Keys: h.keys},
	} {
		r, err := replay.Impact(t.Context(), source, h.engine, h.engine, replay.ImpactOptions{At: day()})
		if !fault.Is(err, fault.Internal) || r.At != "" {
			t.Errorf("%s: %+v, %v", name, r, err)
		}
	}
}

// TestImpactIsTheSameTwice, says what could not be considered, and names nobody.
func TestImpactIsTheSameTwice(t *testing.T) {
	h := newHouse(t)
	h.variety()
	h.asked()
	h.refuse("refused")
	later := h.someone(8, false)
	h.subject(day().AddDate(0, 1, 0), h.asking("later", "soc-investigation", 1), later)
	if err := h.keys.Destroy(t.Context(), keyring.LogScope(day().AddDate(0, 1, 0))); err != nil {
		t.Fatal(err)
	}
	candidate := shipped(t)
	inTenancies(t, candidate, "/household_size", "full")
	delete(candidate.agreements, "ISA-SH-WMP-001/agreement.json")
	delete(candidate.agreements, "ISA-WMP-TH-001/agreement.json")
	var texts [2]string
	for i := range texts {
		r := impact(t, h, candidate, replay.ImpactOptions{})
		if r.NotConsidered[replay.NoFacts] != 1 || r.NotConsidered[replay.KeyDestroyed] != 1 || len(r.NotConsidered) != 2 {
			t.Errorf("not considered: %v", r.NotConsidered)
		}
		raw, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		texts[i] = string(raw) + r.Text()
	}
	if texts[0] != texts[1] {
		t.Errorf("two reports:\n%s\n%s", texts[0], texts[1])
	}
	for _, personal := range []string{"Rowan", "Quill", "1990", "TF1", "0073319", "analyst-", "OP-LANTERN", "Named in the enquiry", "request-0"} {
		if strings.Contains(texts[0], personal) {
			t.Errorf("the report says %q", personal)
		}
	}
}

func TestImpactFails(t *testing.T) {
	h := newHouse(t)
	_, err := replay.Impact(t.Context(), h.source(), h.engine, h.engine, replay.ImpactOptions{})
	if !fault.Is(err, fault.Invalid) {
		t.Errorf("without a day: %v", err)
	}
	r := impact(t, h, shipped(t), replay.ImpactOptions{})
	if r.Considered.Requests != 0 || r.From != "" {
		t.Errorf("a log without requests: %+v", r)
	}
}

// TestImpactText holds the text against the one that was read and found good.
func TestImpactText(t *testing.T) {
	r := replay.ImpactReport{
		At: "2026-10-01T00:00:00Z", Candidate: "c0ffee", Current: "bea7ed",
		From: "2026-09-01T09:00:00.000000Z", To: "2026-09-02T09:00:00.000000Z",
		Considered: replay.Counts{Requests: 12345, Subjects: 678}, AreaRequests: 45, Affected: replay.Counts{Requests: 1000, Subjects: 99},
		Changes: []replay.Change{
			{Provider: "severn-homes", Dataset: "housing.tenancy", Kind: replay.Rows, From: `[{"attr":"a|b"}]`, To: "[]", Requests: 1, Subjects: 1},
			{Provider: "telford-housing", Dataset: "housing.tenancy", Field: "/household_size", Kind: replay.Released, From: "withhold", To: "full", Requests: 1000, Subjects: 99},
			{Provider: "telford-housing", Dataset: "housing.tenancy", Field: "/postcode", Kind: replay.Treated, From: "outward_code", To: "full", Requests: 4, Subjects: 2},
			{Provider: "telford-housing", Dataset: "housing.tenancy", Field: "/area", Kind: replay.Withheld, From: "full", To: "withhold", Requests: 4, Subjects: 2},
		},
		Obligations: 7, NotConsidered: map[replay.Reason]int64{replay.KeyDestroyed: 3, replay.NoFacts: 1200},
		Digests: map[string]string{"ISA-TH-WMP-001": "d1965700"},
	}
	golden(t, "impact.md", r.Text())
	golden(t, "impact-none.md", replay.ImpactReport{
		At: "2026-10-01T00:00:00Z", Candidate: "c0ffee", Current: "bea7ed", Provider: "severn-homes",
	}.Text())
}

// golden compares with a file; UPDATE=1 in the environment writes it.
func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}
