package gateway_test

import (
	"net/http"
	"slices"
	"testing"
	"time"
)

const (
	theAnalyst = "analyst@west-mercia-police.example"
	supervisor = "supervisor@west-mercia-police.example"
)

// caseLink is the answer to a request for one.
type caseLink struct {
	ID, Kind, Analyst string
	Expires           *string
	AuditIndex        *int64 `json:"audit_index"`
}

func (h *house) link(persona, analyst, caseRef string, who map[string]string) *response {
	h.t.Helper()
	return h.call(persona, http.MethodPost, "/v1/case-links", map[string]any{"case_ref": caseRef, "analyst": analyst, "subject": who})
}

// subject asks about a person in a case and returns the status.
func (h *house) subject(purpose, caseRef string, who map[string]string) int {
	h.t.Helper()
	return h.call("analyst", http.MethodPost, subjectPath, with(ask(purpose, who), "case_ref", caseRef)).status
}

// TestCaseLinkAssigned lets an analyst ask about the person of an assigned
// link, in that case alone, and does not end by itself.
func TestCaseLinkAssigned(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for _, s := range theirRows() {
		h.submit(s)
	}
	if got := h.subject("soc-investigation", opCase, rowan()); got != http.StatusForbidden {
		t.Fatalf("without a link: status %d", got)
	}
	var l caseLink
	h.link("supervisor", theAnalyst, opCase, rowan()).want(http.StatusCreated, &l)
	if l.Kind != "assigned" || l.Expires != nil || l.AuditIndex == nil {
		t.Errorf("%+v", l)
	}
	h.clock.Advance(60 * 24 * time.Hour)
	for caseRef, want := range map[string]int{opCase: 200, "OP-OTHER": 403, opCase + " ": 403} {
		if got := h.subject("soc-investigation", caseRef, rowan()); got != want {
			t.Errorf("case %q: status %d, want %d", caseRef, got, want)
		}
	}
	if got := h.subject("soc-investigation", opCase, nobody()); got != http.StatusForbidden {
		t.Errorf("another person: status %d", got)
	}
}

// TestCaseLinkSelfClaimed opens what agreements give to a self-claimed link,
// for 24 hours.
func TestCaseLinkSelfClaimed(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for _, s := range theirRows() {
		h.submit(s)
	}
	var l caseLink
	h.link("analyst", theAnalyst, opCase, rowan()).want(http.StatusCreated, &l)
	expires, err := time.Parse(time.RFC3339, *l.Expires)
	if err != nil || l.Kind != "self_claimed" || !expires.Equal(testDay().Add(24*time.Hour)) {
		t.Fatalf("%+v, %v", l, err)
	}
	if got := h.released("modern-slavery-safeguarding"); !got["telford-housing housing.tenancy"] {
		t.Errorf("released: %v", got)
	}
	// An agreement that asks for an assigned link gives nothing to this one.
	if got := h.released("soc-investigation"); got["telford-housing housing.tenancy"] {
		t.Errorf("released to a self-claimed link: %v", got)
	}
	h.clock.Advance(24*time.Hour - time.Minute)
	if got := h.released("modern-slavery-safeguarding"); !got["telford-housing housing.tenancy"] {
		t.Errorf("within 24 hours: %v", got)
	}
	h.clock.Advance(time.Minute)
	if got := h.released("modern-slavery-safeguarding"); got["telford-housing housing.tenancy"] {
		t.Errorf("after 24 hours: %v", got)
	}
}

// released asks about Rowan and returns the groups that came back, none for a
// refusal.
func (h *house) released(purpose string) map[string]bool {
	h.t.Helper()
	r := h.call("analyst", http.MethodPost, subjectPath, ask(purpose, rowan()))
	out := map[string]bool{}
	if r.status == http.StatusForbidden {
		return out
	}
	var a subjectAnswer
	r.want(http.StatusOK, &a)
	for _, s := range a.Sections {
		out[s.Provider+" "+s.Dataset] = true
	}
	return out
}

// TestCaseLinkOfOthers holds that a link is one analyst's alone.
func TestCaseLinkOfOthers(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.fill()
	other := h.mint("west-mercia-police", "other@west-mercia-police.example", "analyst")
	h.callWith(other, http.MethodPost, subjectPath, ask("soc-investigation", rowan())).problem(http.StatusForbidden, "nothing-permitted")
	// The same name at another agency is another person.
	partner := h.mint("telford-housing", theAnalyst, "analyst")
	h.callWith(partner, http.MethodPost, subjectPath, ask("soc-investigation", rowan())).problem(http.StatusForbidden, "nothing-permitted")
}

// TestCaseLinkByWhom holds that nobody assigns a link to themself, nor claims
// one for another.
func TestCaseLinkByWhom(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for _, s := range theirRows() {
		h.submit(s)
	}
	h.link("supervisor", supervisor, opCase, rowan()).problem(http.StatusForbidden, "link_not_permitted")
	h.link("analyst", "other@west-mercia-police.example", opCase, rowan()).problem(http.StatusForbidden, "link_not_permitted")
	h.link("ig-lead", theAnalyst, opCase, rowan()).want(http.StatusForbidden, nil)
	// Somebody with both roles still only claims for themself.
	both := h.mint("west-mercia-police", "both@west-mercia-police.example", "analyst", "supervisor")
	var l caseLink
	h.callWith(both, http.MethodPost, "/v1/case-links", map[string]any{
		"case_ref": opCase, "analyst": "both@west-mercia-police.example", "subject": rowan(),
	}).want(http.StatusCreated, &l)
	if l.Kind != "self_claimed" {
		t.Errorf("somebody with both roles got a link that is %s", l.Kind)
	}
	if got := h.subject("soc-investigation", opCase, rowan()); got != http.StatusForbidden {
		t.Errorf("a refused link opened the person: status %d", got)
	}
}

// TestCaseLinkByIdentifier holds that a link covers the identifiers it was made
// with, however they are written, and is not stretched by adding the
// identifier of somebody else.
func TestCaseLinkByIdentifier(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for _, s := range theirRows() {
		h.submit(s)
	}
	pnc := map[string]string{"pnc_id": "02/73319Z"}
	h.link("supervisor", theAnalyst, opCase, pnc).want(http.StatusCreated, nil)
	stretched := map[string]string{"pnc_id": pnc["pnc_id"], "nhs_number": nobody()["nhs_number"]}
	for _, c := range []struct {
		name string
		who  map[string]string
		want int
	}{
		{"as linked", pnc, http.StatusOK},
		{"in its long form", map[string]string{"pnc_id": "2002/0073319Z"}, http.StatusOK},
		{"by another identifier", map[string]string{"nhs_number": rowan()["nhs_number"]}, http.StatusForbidden},
		{"with another's identifier added", stretched, http.StatusForbidden},
	} {
		if got := h.subject("soc-investigation", opCase, c.who); got != c.want {
			t.Errorf("%s: status %d, want %d", c.name, got, c.want)
		}
	}
	// A link that is claimed for the other identifier makes the whole a claimed
	// one: the weakest counts.
	h.link("analyst", theAnalyst, opCase, map[string]string{"nhs_number": nobody()["nhs_number"]}).want(http.StatusCreated, nil)
	if got := h.subject("modern-slavery-safeguarding", opCase, stretched); got != http.StatusOK {
		t.Errorf("an assigned and a claimed link, for a purpose that takes claimed ones: status %d", got)
	}
	var got subjectAnswer
	h.call("analyst", http.MethodPost, subjectPath, ask("soc-investigation", stretched)).want(http.StatusOK, &got)
	if codes := got.whyWithheld("telford-housing", "housing.tenancy"); !slices.Contains(codes, "case_link_required") {
		t.Errorf("an assigned and a claimed link, for an agreement that wants assigned ones: %v", codes)
	}
}
