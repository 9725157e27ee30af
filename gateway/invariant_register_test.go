package gateway_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/concord-gateway/concord/gateway/audit"
)

// register returns a partner's register, newest first, with its bytes.
func (h *house) register(persona string) ([]audit.Indexed, string) {
	h.t.Helper()
	var page struct{ Items []audit.Indexed }
	r := h.call(persona, http.MethodGet, "/v1/disclosures", nil).want(http.StatusOK, &page)
	return page.Items, string(r.body)
}

// TestInvariant08ProvidersSeeTheirDisclosures holds each partner's register
// against what was just done with its data: at once, denials and emergencies
// included, in an unbroken chain, and with nothing of any other partner.
func TestInvariant08ProvidersSeeTheirDisclosures(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.fill()
	type use struct {
		action  audit.Action
		purpose string
		ground  string
	}
	uses := []struct {
		question      map[string]any
		status        int
		housing, nhs  use
		housingFields bool
	}{
		{ask("soc-investigation", rowan()), 200, use{audit.Disclose, "soc-investigation", ""}, use{audit.Deny, "soc-investigation", ""}, true},
		{ask("soc-investigation", nobody()), 200, use{audit.Disclose, "soc-investigation", ""}, use{audit.Deny, "soc-investigation", ""}, true},
		{ask("tenancy-enforcement", rowan()), 403, use{audit.Deny, "tenancy-enforcement", ""}, use{audit.Deny, "tenancy-enforcement", ""}, false},
		{emergency(ask("protection-of-life", rowan()), "threat_to_life"), 200, use{audit.Disclose, "protection-of-life", "threat_to_life"}, use{audit.Disclose, "protection-of-life", "threat_to_life"}, true},
		{emergency(ask("protection-of-life", rowan()), "court_order"), 403, use{audit.Deny, "protection-of-life", "court_order"}, use{audit.Deny, "protection-of-life", "court_order"}, false},
	}
	for i, u := range uses {
		h.call("analyst", http.MethodPost, subjectPath, u.question).want(u.status, nil)
		for persona, want := range map[string]use{"housing-ig": u.housing, "health-ig": u.nhs} {
			items, _ := h.register(persona)
			e := items[0].Entry
			got := use{e.Action, e.Purpose, ""}
			if e.Emergency != nil {
				got.ground = e.Emergency.Ground
			}
			if diff := cmp.Diff(want, got, cmp.AllowUnexported(use{})); diff != "" {
				t.Errorf("use %d, %s (-want +got):\n%s", i, persona, diff)
			}
			if e.Actor.Subject != theAnalyst || (len(e.Released)+len(e.Withheld)) == 0 {
				t.Errorf("use %d, %s: %+v", i, persona, e)
			}
		}
		if items, _ := h.register("housing-ig"); u.housingFields != (len(items[0].Entry.Released) > 0) {
			t.Errorf("use %d: released %+v", i, items[0].Entry.Released)
		}
	}
	agencies := map[string]string{"housing-ig": "telford-housing", "health-ig": "mercia-health", "education-ig": "mercia-education"}
	for persona, own := range agencies {
		items, raw := h.register(persona)
		seq := items[0].Entry.ProviderSeq
		for _, i := range items {
			if i.Entry.Provider != own || i.Entry.ProviderSeq != seq {
				t.Errorf("%s: entry %d is number %d of %s, want %d", persona, i.Index, i.Entry.ProviderSeq, i.Entry.Provider, seq)
			}
			seq--
		}
		if seq != 0 {
			t.Errorf("%s: the register begins at %d", persona, seq+1)
		}
		for _, other := range []string{"telford-housing", "severn-homes", "mercia-health", "mercia-education"} {
			if other != own && strings.Contains(raw, other) {
				t.Errorf("the register of %s names %s", persona, other)
			}
		}
		for _, secret := range []string{opCase, "needed for the operation", "INC-2026"} {
			if strings.Contains(raw, secret) {
				t.Errorf("the register of %s holds %q", persona, secret)
			}
		}
	}
}

// TestInvariant08CountsOfRecords says how many records were released, and none
// for a person who is not there.
func TestInvariant08CountsOfRecords(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.fill()
	for _, c := range []struct {
		who  map[string]string
		want int
	}{{rowan(), 1}, {nobody(), 0}} {
		h.call("analyst", http.MethodPost, subjectPath, ask("soc-investigation", c.who)).want(http.StatusOK, nil)
		items, _ := h.register("housing-ig")
		for _, r := range items[0].Entry.Released {
			if r.Records != c.want || r.Agreement != "ISA-TH-WMP-001" || r.Basis.Provider == "" || r.Basis.Recipient == "" {
				t.Errorf("%+v, want %d records", r, c.want)
			}
			if r.Dataset == "housing.tenancy" && r.Fields["/date_of_birth"] != "year" {
				t.Errorf("fields %v", r.Fields)
			}
		}
		datasets := []string{}
		for _, r := range items[0].Entry.Released {
			datasets = append(datasets, r.Dataset)
		}
		if slices.Sort(datasets); !slices.Equal(datasets, []string{"housing.concern", "housing.tenancy"}) {
			t.Errorf("released of %v", datasets)
		}
	}
}

// TestRegisterPages gives a register in pages that together hold each entry
// once.
func TestRegisterPages(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.fill()
	for range 104 {
		h.call("analyst", http.MethodPost, subjectPath, ask("tenancy-enforcement", nobody())).want(http.StatusForbidden, nil)
	}
	var seen []int64
	for cursor, pages := "", 0; pages < 5; pages++ {
		var page struct {
			Items []audit.Indexed
			Next  string
		}
		h.call("housing-ig", http.MethodGet, "/v1/disclosures?cursor="+cursor, nil).want(http.StatusOK, &page)
		for _, i := range page.Items {
			seen = append(seen, i.Entry.ProviderSeq)
		}
		if cursor = page.Next; cursor == "" {
			break
		}
	}
	slices.Reverse(seen)
	if len(seen) != 107 { // its agreement going live, two submissions and the denials
		t.Errorf("%d entries", len(seen))
	}
	for i, n := range seen {
		if n != int64(i+1) {
			t.Fatalf("entry %d has number %d", i, n)
		}
	}
}
