package gateway_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/concord-gateway/concord/gateway/httpapi/contract"
	"github.com/concord-gateway/concord/gateway/identity/devissuer"
	"github.com/concord-gateway/concord/schemas"
)

// everyone stands for every persona.
var everyone = []string{"*"}

// access says who may call a route, as DESIGN's table and the separation of
// duties in DOMAIN have it. target is a request that gets past decoding where
// decoding comes before the question of access.
type access struct {
	route, target string
	body          any
	may           []string
}

func submitters() []string {
	return []string{"housing-submitter", "severn-submitter", "health-submitter", "education-submitter", "police-submitter"}
}

func partnerIGs() []string { return []string{"housing-ig", "health-ig", "education-ig"} }

// accessTable is written from the design, not from the code.
func accessTable() []access {
	const leads = "?log_purpose=verify-lawfulness"
	link := map[string]any{"case_ref": opCase, "analyst": "somebody@west-mercia-police.example", "subject": rowan()}
	return []access{
		{"POST /v1/datasets/{dataset}/submissions", "/v1/datasets/none/submissions?agreement=ISA-X", []any{}, submitters()},
		{
			"POST /v1/datasets/{dataset}/withdrawals", "/v1/datasets/none/withdrawals",
			map[string]any{"source_ids": []string{"none"}, "reason": "a test"}, submitters(),
		},
		{
			"POST /v1/datasets/{dataset}/merges", "/v1/datasets/none/merges",
			map[string]any{"into": "one", "source_ids": []string{"none"}, "reason": "a test"}, submitters(),
		},
		{"GET /v1/submissions/{id}", "/v1/submissions/01a20202-f6b6-76df-9487-b2a7582ee4fe", nil, submitters()},
		{"HEAD /v1/submissions/{id}", "/v1/submissions/01a20202-f6b6-76df-9487-b2a7582ee4fe", nil, submitters()},
		{"PATCH /v1/submissions/{id}", "/v1/submissions/01a20202-f6b6-76df-9487-b2a7582ee4fe", nil, submitters()},
		{"DELETE /v1/submissions/{id}", "/v1/submissions/01a20202-f6b6-76df-9487-b2a7582ee4fe", nil, submitters()},
		{"GET /v1/submissions/{id}/errors", "/v1/submissions/01a20202-f6b6-76df-9487-b2a7582ee4fe/errors", nil, submitters()},
		{"GET /v1/submissions/{id}/quality", "/v1/submissions/01a20202-f6b6-76df-9487-b2a7582ee4fe/quality", nil, submitters()},
		{"GET /v1/quality", "", nil, append(append(submitters(), partnerIGs()...), "ig-lead")},
		{"GET /v1/coverage", "", nil, []string{"analyst", "ig-lead"}},
		{"GET /v1/datasets", "", nil, everyone},
		{"GET /v1/datasets/{dataset}/schema", "/v1/datasets/none/schema", nil, everyone},
		{"POST /v1/profiles/subject", "", ask("soc-investigation", rowan()), []string{"analyst"}},
		{
			"POST /v1/profiles/area", "", askArea("soc-local-profile", "E06000020", "2026-01", "2026-06", "none"),
			append(partnerIGs(), "analyst", "supervisor"),
		},
		{"POST /v1/decisions/explain", "", map[string]any{"purpose": "soc-investigation"}, everyone},
		{"GET /v1/agreements", "", nil, everyone},
		{"GET /v1/agreements/{id}", "/v1/agreements/ISA-TH-WMP-001", nil, everyone},
		{
			"POST /v1/agreements/{id}/suspend", "/v1/agreements/ISA-MH-WMP-002/suspend", map[string]any{"reason": "under review"},
			[]string{"approver-police", "approver-health"},
		},
		{"POST /v1/editions", "", nil, []string{"supervisor", "ig-lead"}},
		{"GET /v1/editions", "", nil, []string{"supervisor", "ig-lead"}},
		{
			"POST /v1/policy/impact", "", "", []string{"policy-author", "approver-police", "approver-housing", "approver-severn", "approver-health", "approver-education"},
		},
		{"POST /v1/case-links", "", link, []string{"supervisor"}},
		{"GET /v1/case-links", "", nil, []string{"supervisor", "ig-lead"}},
		{"POST /v1/case-links/import", "", map[string]any{"links": []any{with(link, "reference", "CASE-1")}}, []string{"case-system"}},
		{"POST /v1/case-links/{id}/end", "/v1/case-links/" + absentID + "/end", map[string]any{"reason": "a test"}, []string{"supervisor"}},
		{"GET /v1/audit/entries", "/v1/audit/entries" + leads, nil, []string{"ig-lead"}},
		{"GET /v1/audit/entries/{index}", "/v1/audit/entries/0" + leads, nil, []string{"ig-lead"}},
		{"GET /v1/audit/entries/{index}/proof", "/v1/audit/entries/0/proof", nil, everyone},
		{"GET /v1/audit/checkpoint", "", nil, everyone},
		{"GET /v1/audit/consistency", "/v1/audit/consistency?old=1&new=2", nil, everyone},
		{"GET /v1/audit/export", "/v1/audit/export" + leads, nil, []string{"ig-lead"}},
		{"GET /v1/disclosures", "", nil, partnerIGs()},
		{"GET /openapi.json", "", nil, everyone},
		{"GET /docs", "", nil, everyone},
	}
}

// public routes need no token.
func public() []string {
	return []string{"GET /healthz", "GET /readyz", "GET /tlog/checkpoint", "GET /tlog/tile/{tile}"}
}

// TestRoles asks every route as every persona. A role that may not is refused
// with 403, is logged, and hears the same as everybody else whom the route is
// not for; one that may is never refused for its role.
func TestRoles(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.fill()
	if err := h.gw.PublishCheckpoint(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, a := range accessTable() {
		t.Run(strings.ReplaceAll(a.route, "/", ":"), func(t *testing.T) {
			h := h.in(t)
			method, path, _ := strings.Cut(a.route, " ")
			if a.target != "" {
				path = a.target
			}
			for _, p := range devissuer.Personas() {
				r := h.call(p.Name, method, path, a.body)
				may := slices.Equal(a.may, everyone) || slices.Contains(a.may, p.Name)
				if refused := roleRefused(r); refused == may {
					t.Errorf("%s: status %d, may %v: %s", p.Name, r.status, may, r.body)
				}
			}
			if r := h.call("", method, path, a.body); r.status != http.StatusUnauthorized {
				t.Errorf("without a token: status %d: %s", r.status, r.body)
			}
		})
	}
	for _, route := range public() {
		method, path, _ := strings.Cut(route, " ")
		path = strings.Replace(path, "{tile}", "entries/000.p/1", 1)
		h.call("", method, path, nil).want(http.StatusOK, nil)
	}
}

// roleRefused reports whether an answer is the refusal of concord.access, and
// not one of what the route went on to find.
func roleRefused(r *response) bool {
	if r.status != http.StatusForbidden {
		return false
	}
	if len(r.body) == 0 { // of HEAD
		return true
	}
	var p problemBody
	r.want(http.StatusForbidden, &p)
	if p.AuditIndex == nil {
		r.t.Errorf("a refusal that is not logged: %s", r.body)
	}
	return slices.Contains([]string{"role_missing", "host_only", "link_not_permitted", "not_own", "denied"}, p.Code)
}

// TestRolesTableIsWhole fails when a route is added without a row.
func TestRolesTableIsWhole(t *testing.T) {
	t.Parallel()
	raw, err := schemas.Files.ReadFile("openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	c, err := contract.Load(raw)
	if err != nil {
		t.Fatal(err)
	}
	rows := public()
	for _, a := range accessTable() {
		rows = append(rows, a.route)
	}
	for _, route := range c.Routes() {
		if !slices.Contains(rows, route) {
			t.Errorf("%s has no row in accessTable", route)
		}
	}
	for _, row := range rows {
		if !slices.Contains(c.Routes(), row) {
			t.Errorf("%s is no route of the description", row)
		}
	}
}

// TestRolesAcrossAgencies holds that a role reaches only as far as the agency
// that asserts it: a partner's issuer may not make somebody a lead of the
// force, and a partner's analyst is nobody's analyst of the log.
func TestRolesAcrossAgencies(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.fill()
	for _, role := range []string{"ig-lead", "supervisor", "operator", "emergency", "policy-author", "case-system"} {
		token := h.mint("telford-housing", "x@telford-housing.example", role)
		h.callWith(token, http.MethodGet, "/v1/datasets", nil).problem(http.StatusUnauthorized, "")
	}
	// A partner's analyst may ask, and is given only what agreements give to
	// its own agency: nothing about a person.
	token := h.mint("telford-housing", "x@telford-housing.example", "analyst")
	h.callWith(token, http.MethodPost, subjectPath, ask("soc-investigation", rowan())).problem(http.StatusForbidden, "nothing-permitted")
	h.callWith(token, http.MethodPost, "/v1/case-links", map[string]any{
		"case_ref": opCase, "analyst": "x@telford-housing.example", "subject": rowan(),
	}).problem(http.StatusForbidden, "host_only")
}

// TestRolesThatMustBeApart refuses one person two duties that must be in
// different hands, on every route. Which two those are is held by the matrix of
// concord.access (gateway/httpapi).
func TestRolesThatMustBeApart(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for _, pair := range [][]string{
		{"analyst", "ig-lead"}, {"analyst", "operator"}, {"approver", "policy-author"}, {"ig-lead", "operator"}, {"emergency", "ig-lead"},
		{"operator", "supervisor"}, {"operator", "partner-ig"}, {"partner-ig", "policy-author"},
	} {
		token := h.mint(devissuer.Police, "both@west-mercia-police.example", pair...)
		h.callWith(token, http.MethodGet, "/v1/datasets", nil).problem(http.StatusForbidden, "duties_conflict")
	}
	// A system's role and a person's do not even make a principal.
	token := h.mint(devissuer.Police, "both@west-mercia-police.example", "case-system", "supervisor")
	h.callWith(token, http.MethodGet, "/v1/datasets", nil).problem(http.StatusUnauthorized, "")
	token = h.mint(devissuer.Police, "all@west-mercia-police.example",
		"submitter", "analyst", "emergency", "supervisor", "ig-lead", "partner-ig", "policy-author", "approver", "operator")
	for _, a := range accessTable() {
		method, path, _ := strings.Cut(a.route, " ")
		if a.target != "" {
			path = a.target
		}
		if r := h.callWith(token, method, path, a.body); r.status != http.StatusForbidden {
			t.Errorf("%s with every role: status %d: %s", a.route, r.status, r.body)
		}
	}
}
