package gateway_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/concord-gateway/concord/gateway/attacktest"
	"github.com/concord-gateway/concord/gateway/identity"
	"github.com/concord-gateway/concord/gateway/identity/devissuer"
)

// object is a route that names an object: a request for one of another agency, and
// the same for one that nobody has.
type object struct {
	name, method, theirs, none string
	body, bodyOfNone           any
	headers                    []string
}

// absentID is the id of no submission and of no link.
const absentID = "01a20202-f6b6-76df-9487-b2a7582ee4fe"

// objectsOf lists every route that names an object which is somebody's. The objects
// belong to Telford Housing and Mercia Health.
func objectsOf(sub, link string) []object {
	part := []string{"Content-Type", "application/partial-upload", "Upload-Offset", "0", "Upload-Complete", "?1"}
	of := func(path string) (string, string) {
		return strings.Replace(path, "{id}", sub, 1), strings.Replace(path, "{id}", absentID, 1)
	}
	var out []object
	for _, r := range []object{
		{name: "submission", method: http.MethodGet, theirs: "/v1/submissions/{id}"},
		{name: "upload", method: http.MethodHead, theirs: "/v1/submissions/{id}"},
		{name: "part of an upload", method: http.MethodPatch, theirs: "/v1/submissions/{id}", body: "x", headers: part},
		{name: "cancellation", method: http.MethodDelete, theirs: "/v1/submissions/{id}"},
		{name: "errors", method: http.MethodGet, theirs: "/v1/submissions/{id}/errors"},
		{name: "error file", method: http.MethodGet, theirs: "/v1/submissions/{id}/errors", headers: []string{"Accept", "text/csv"}},
		{name: "quality of a submission", method: http.MethodGet, theirs: "/v1/submissions/{id}/quality"},
	} {
		r.theirs, r.none = of(r.theirs)
		out = append(out, r)
	}
	erase := map[string]any{"source_ids": []string{"T-1"}, "reason": "a test"}
	merge := map[string]any{"into": "T-1", "source_ids": []string{"T-2"}, "reason": "a test"}
	return append(out, []object{
		{name: "schema", method: http.MethodGet, theirs: "/v1/datasets/health.substance_referral/schema", none: "/v1/datasets/health.nothing/schema"},
		{name: "rows to a dataset", method: http.MethodPost, theirs: submissionsPath("health.substance_referral", "ISA-MH-WMP-002"), none: submissionsPath("health.nothing", "ISA-MH-WMP-002"), body: []any{}},
		{name: "rows under an agreement", method: http.MethodPost, theirs: submissionsPath("housing.tenancy", "ISA-TH-WMP-001"), none: submissionsPath("housing.tenancy", "ISA-XX-WMP-001"), body: []any{}},
		{name: "withdrawal from a dataset", method: http.MethodPost, theirs: "/v1/datasets/health.substance_referral/withdrawals", none: "/v1/datasets/health.nothing/withdrawals", body: erase},
		{name: "merge in a dataset", method: http.MethodPost, theirs: "/v1/datasets/health.substance_referral/merges", none: "/v1/datasets/health.nothing/merges", body: merge},
		{name: "suspension", method: http.MethodPost, theirs: "/v1/agreements/ISA-MH-WMP-002/suspend", none: "/v1/agreements/ISA-XX-WMP-009/suspend", body: map[string]any{"reason": "a test"}},
		{name: "quality of a provider", method: http.MethodGet, theirs: "/v1/quality?provider=mercia-health", none: "/v1/quality?provider=nobody-at-all"},
		{
			name: "explanation", method: http.MethodPost, theirs: "/v1/decisions/explain", none: "/v1/decisions/explain",
			body:       map[string]any{"purpose": "soc-investigation", "dataset": "health.substance_referral"},
			bodyOfNone: map[string]any{"purpose": "soc-investigation", "dataset": "health.nothing"},
		},
		{name: "entry", method: http.MethodGet, theirs: "/v1/audit/entries/0?log_purpose=self-monitoring", none: "/v1/audit/entries/999999999?log_purpose=self-monitoring"},
		{
			name: "link", method: http.MethodPost, theirs: "/v1/case-links/" + link + "/end", none: "/v1/case-links/" + absentID + "/end",
			body: map[string]any{"reason": "a test"},
		},
		{
			name: "subject", method: http.MethodPost, theirs: subjectPath, none: subjectPath,
			body: with(ask("soc-investigation", rowan()), "case_ref", "OP-OTHER"), bodyOfNone: with(ask("soc-investigation", nobody()), "case_ref", "OP-OTHER"),
		},
	}...)
}

// mayKnow reports whether a role of an agency may learn of an object: then the
// answers differ, as they should.
func mayKnow(o object, agency string, role identity.Role) bool {
	host := agency == devissuer.Police
	switch o.name {
	case "suspension": // the police are a party of every agreement of the samples
		return host && role == identity.Approver
	case "link":
		return host && role == identity.Supervisor
	case "quality of a provider", "entry":
		return host && role == identity.IGLead
	case "explanation", "schema", "rows to a dataset", "withdrawal from a dataset", "merge in a dataset":
		return host // both parties of an agreement know what it shares
	}
	return false
}

// TestRolesAndObjects asks every route that names an object as every role, of the
// host and of another partner, for an object of somebody else and for one that
// nobody has: same status, same bytes, and nothing changes.
func TestRolesAndObjects(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.fill()
	bad := with(tenancy(rowan(), "T-3"), "uprn", "x")
	sub := h.submit(sent{"housing-submitter", "housing.tenancy", "ISA-TH-WMP-001", []map[string]any{tenancy(rowan(), "T-2"), bad}}).SubmissionID
	var link caseLink
	h.link("supervisor", theAnalyst, opCase, rowan()).want(http.StatusCreated, &link)
	before, n := h.stored().records, 0
	for agency, roles := range map[string][]identity.Role{
		devissuer.Police: identity.Roles(), "severn-homes": devissuer.Roles("severn-homes"),
	} {
		for _, role := range roles {
			token := h.mint(agency, "somebody@"+agency+".example", string(role))
			for _, o := range objectsOf(sub, link.ID) {
				if mayKnow(o, agency, role) {
					continue
				}
				absent := o.body
				if o.bodyOfNone != nil {
					absent = o.bodyOfNone
				}
				hidden := h.callWith(token, o.method, o.theirs, o.body, o.headers...)
				none := h.callWith(token, o.method, o.none, absent, o.headers...)
				if hidden.status < http.StatusBadRequest {
					t.Errorf("%s as %s of %s: status %d: %s", o.name, role, agency, hidden.status, hidden.body)
				}
				sameAnswer(t, o.name+" as "+string(role)+" of "+agency, hidden, none)
				n++
			}
		}
	}
	if after := h.stored().records; after != before {
		t.Errorf("%d records, %d before", after, before)
	}
	attacktest.OthersObjects.Refused(t, "another agency's object or an absent one, by every role", n)
	// Its own agency reaches it, a colleague too.
	colleague := h.mint("telford-housing", "colleague@telford-housing.example", "submitter")
	for _, o := range objectsOf(sub, link.ID)[:7] {
		if r := h.callWith(colleague, o.method, o.theirs, o.body, o.headers...); slices.Contains([]int{401, 403, 404}, r.status) {
			t.Errorf("%s of one's own agency: status %d: %s", o.name, r.status, r.body)
		}
	}
}
