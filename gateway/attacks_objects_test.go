package gateway_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/concord-gateway/concord/gateway/attacktest"
)

// TestAttackMassAssignment names in bodies what is not the caller's to say: who
// provides, which agreement, which state, whose link. Nothing of it is taken.
func TestAttackMassAssignment(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.fill()
	mine, n := h.stored().records, 0
	link := map[string]any{"case_ref": "OP-GRAB", "analyst": theAnalyst, "subject": rowan()}
	for _, c := range []struct {
		persona, path string
		body          map[string]any
		extra         []string
	}{
		{"analyst", "/v1/case-links", link, []string{"id", "state", "kind", "by", "at", "expires", "agency", "assigned", "service"}},
		{
			"analyst", subjectPath, ask("soc-investigation", rowan()),
			[]string{"actor", "roles", "agency", "clearance", "case_link", "time", "usage", "groups", "provider", "fields", "treatments", "withheld", "profile_id"},
		},
		{
			"analyst", subjectPath, emergency(ask("protection-of-life", rowan()), "threat_to_life"),
			[]string{"review", "obligations", "allow"},
		},
		{
			"supervisor", "/v1/profiles/area", askArea("soc-local-profile", "E06000020", "2026-01", "2026-06", "none"),
			[]string{"edition", "threshold", "suppress", "round", "indicators", "sections", "provider"},
		},
		{"approver-health", "/v1/agreements/ISA-MH-WMP-002/suspend", map[string]any{"reason": "a test"}, []string{"id", "agreement", "version", "on", "by", "status", "party"}},
		{"housing-submitter", withdrawalsPath, withdraw("a test", "T-1"), []string{"provider", "agency", "dataset", "agreement", "all", "filter"}},
		{
			"housing-submitter", "/v1/datasets/housing.tenancy/merges", map[string]any{"into": "T-1", "source_ids": []string{"T-2"}, "reason": "a test"},
			[]string{"provider", "agency", "dataset", "into_provider"},
		},
		{"housing-ig", "/v1/decisions/explain", map[string]any{"purpose": "soc-investigation"}, []string{"actor", "agency", "recipient", "roles", "case_link"}},
		{"ig-lead", "/v1/editions", map[string]any{}, []string{"cells", "threshold", "number", "by"}},
	} {
		for _, name := range c.extra {
			h.call(c.persona, http.MethodPost, c.path, with(c.body, name, "severn-homes")).problem(http.StatusBadRequest, "unknown-field")
			n++
		}
	}
	// Values where a member has only names of its own, and names in another case.
	for _, body := range []string{
		`{"Reason":"x"}`, `{"reason":"x","REASON":"y"}`, `{"reason":"x","reason":"y"}`, `{"reason":{"$ne":null}}`, `{"reason":["x"]}`, `[{"reason":"x"}]`,
	} {
		h.call("approver-health", http.MethodPost, "/v1/agreements/ISA-MH-WMP-002/suspend", body).want(http.StatusBadRequest, nil)
		n++
	}
	if got := h.stored().records; got != mine {
		t.Errorf("%d records, %d before", got, mine)
	}
	if got := h.subject("soc-investigation", "OP-GRAB", rowan()); got != http.StatusForbidden {
		t.Errorf("a refused link opened the person: status %d", got)
	}
	h.call("police-submitter", http.MethodPost, submissionsPath("health.substance_referral", "ISA-MH-WMP-002"), []any{}).want(http.StatusNotFound, nil)
	attacktest.MassAssignment.Refused(t, "members of a body that are not the caller's to say", n)
}

// TestAttackRows names provider, agreement, state and time in rows: a row is its
// sender's, under the agreement of the request, whatever it says of itself.
func TestAttackRows(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	claims := map[string]any{
		"provider": "mercia-health", "agency": "mercia-health", "agreement": "ISA-MH-WMP-002", "dataset": "health.substance_referral",
		"state": "complete", "received": "2020-01-01T00:00:00Z", "expires": "2099-01-01", "version": 99,
		"restricted": false, "_id": "x", "__proto__": map[string]any{"provider": "mercia-health"}, "submission_id": absentID,
	}
	n := 0
	for name, value := range claims {
		// One agreement of Telford Housing drops what it does not list, the other
		// dataset refuses it.
		dropped := with(tenancy(rowan(), "T-1"), name, value)
		refused := with(concern(rowan(), "C-1"), name, value)
		var a, b submission
		h.call("housing-submitter", http.MethodPost, submissionsPath("housing.tenancy", "ISA-TH-WMP-001"), []any{dropped}).want(http.StatusCreated, &a)
		h.call("housing-submitter", http.MethodPost, submissionsPath("housing.concern", "ISA-TH-WMP-001"), []any{refused}).want(http.StatusCreated, &b)
		if a.Accepted+a.Unchanged != 1 || a.Corrected != 0 {
			t.Errorf("%s in a tenancy: %+v", name, a)
		}
		if b.Rejected != 1 || !slices.Contains([]string{"unknown-field", "field-not-agreed"}, b.Errors[0].Code) {
			t.Errorf("%s in a concern: %+v", name, b)
		}
		n += 2
	}
	h.assign(rowan())
	var answer subjectAnswer
	r := h.call("analyst", http.MethodPost, subjectPath, ask("soc-investigation", rowan())).want(http.StatusOK, &answer)
	if len(answer.Sections) != 1 || answer.Sections[0].Provider != "telford-housing" {
		t.Errorf("released: %+v", answer.Sections)
	}
	for _, said := range []string{"2099", "2020-01-01", absentID, `"version":99`} {
		if strings.Contains(string(r.body), said) {
			t.Errorf("the answer says %s", said)
		}
	}
	attacktest.MassAssignment.Refused(t, "provider, agreement, state and time said in a row", n)
}

// severnTenancy is a row of Severn Homes, whose agreement covers other areas.
func severnTenancy(source string) map[string]any {
	return with(tenancy(nobody(), source), "area", "E06000051")
}

// TestAttackOtherObject authorises one object and means to act on another: by ids in
// bodies, queries and headers beside that of the path, and among many ids.
func TestAttackOtherObject(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.fill()
	theirs := h.submit(sent{"severn-submitter", "housing.tenancy", "ISA-SH-WMP-001", []map[string]any{severnTenancy("T-1"), severnTenancy("T-9")}})
	if theirs.Accepted != 2 {
		t.Fatalf("%+v", theirs)
	}
	own := h.submit(sent{"housing-submitter", "housing.tenancy", "ISA-TH-WMP-001", []map[string]any{tenancy(rowan(), "T-2")}})
	n := 0
	refused := func(r *response) {
		t.Helper()
		r.want(http.StatusBadRequest, nil)
		n++
	}
	for _, name := range []string{"id", "submission_id", "submission", "provider", "agency"} {
		query := "?" + name + "=" + theirs.SubmissionID
		refused(h.call("housing-submitter", http.MethodGet, "/v1/submissions/"+own.SubmissionID+query, nil))
		refused(h.call("housing-submitter", http.MethodGet, "/v1/submissions/"+own.SubmissionID+"/errors"+query, nil))
		refused(h.call("housing-submitter", http.MethodDelete, "/v1/submissions/"+own.SubmissionID+query, nil))
		refused(h.call("approver-health", http.MethodPost, "/v1/agreements/ISA-MH-WMP-002/suspend?"+name+"=ISA-TH-WMP-001", map[string]any{"reason": "x"}))
	}
	// The agreement twice, in both orders: which of them counted is not left open.
	for _, query := range []string{"ISA-TH-WMP-001&agreement=ISA-SH-WMP-001", "ISA-SH-WMP-001&agreement=ISA-TH-WMP-001", "ISA-TH-WMP-001&agreement=ISA-TH-WMP-001", "ISA-TH-WMP-001&%61greement=ISA-SH-WMP-001"} {
		refused(h.call("housing-submitter", http.MethodPost, submissionsPath("housing.tenancy", query), []any{tenancy(rowan(), "T-7")}))
	}
	for _, query := range []string{"telford-housing&provider=mercia-health", "mercia-health&provider=telford-housing"} {
		refused(h.call("housing-ig", http.MethodGet, "/v1/quality?provider="+query, nil))
	}
	// Many ids, some of them another's: each agency has a T-1, and Severn a T-9.
	before := h.stored().records
	var got struct{ Withdrawn, Absent int }
	for _, ids := range [][]string{{"T-9", "T-2"}, {"T-8", "T-2"}} { // the second as if the first was never
		h.submit(sent{"housing-submitter", "housing.tenancy", "ISA-TH-WMP-001", []map[string]any{tenancy(rowan(), "T-2")}})
		h.call("housing-submitter", http.MethodPost, withdrawalsPath, withdraw("a test", ids...)).want(http.StatusOK, &got)
		if got.Withdrawn != 1 || got.Absent != 1 || h.stored().records != before-1 {
			t.Errorf("%v: %+v, %d records of %d", ids, got, h.stored().records, before)
		}
		n++
	}
	for _, into := range []string{"T-9", "T-8"} {
		merge := map[string]any{"into": into, "source_ids": []string{"T-1"}, "reason": "x"}
		h.call("housing-submitter", http.MethodPost, "/v1/datasets/housing.tenancy/merges", merge).problem(http.StatusNotFound, "merge-into")
		n++
	}
	attacktest.OtherObject.Refused(t, "one object authorised and another one meant", n)
}

// TestAttackFilters filters, sorts, counts and selects by what is withheld: there is
// no such parameter, and none that is passed over in silence.
func TestAttackFilters(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.fill()
	const leads = "log_purpose=self-monitoring"
	n := 0
	for path, persona := range map[string]string{
		"/v1/datasets?": "housing-submitter", "/v1/datasets/housing.tenancy/schema?": "housing-submitter", "/v1/agreements?": "housing-submitter",
		"/v1/agreements/ISA-TH-WMP-001?": "housing-submitter", "/v1/quality?": "housing-submitter", "/v1/coverage?": "analyst",
		"/v1/editions?": "supervisor", "/v1/audit/entries?" + leads + "&": "ig-lead", "/v1/audit/entries/0?" + leads + "&": "ig-lead",
		"/v1/audit/export?" + leads + "&": "ig-lead", "/v1/audit/checkpoint?": "housing-ig", "/v1/disclosures?": "housing-ig", "/openapi.json?": "housing-ig",
	} {
		queries := []string{
			"x=%zz", "q=Quill", "=x", "case_ref=" + opCase, "filter=fields.family_name+eq+%27Quill%27", "sort=family_name", "$count=true", "nhs_number=9990000018", "subject_ref=x",
			"justification=needed", "client=127.0.0.1", "order_by=date_of_birth", "$filter=x", "count=1", "fields=*", "select=private", "expand=private",
			"include=private", "where[private]=x", "page=2", "provider[]=mercia-health", "Provider=mercia-health", "a;b=c",
		}
		if !strings.Contains(path, leads) { // of the log, all; elsewhere some
			queries = queries[:6]
		}
		for _, query := range queries {
			h.call(persona, http.MethodGet, path+query, nil).want(http.StatusBadRequest, nil)
			n++
		}
	}
	for _, query := range []string{"provider=mercia-health", "recipient=x", "cursor=-1", "cursor=1e3", "limit=5"} {
		h.call("housing-ig", http.MethodGet, "/v1/disclosures?"+query, nil).want(http.StatusBadRequest, nil)
		n++
	}
	attacktest.WithheldFields.Refused(t, "filters, sorting and counts on what is withheld", n)
}

// TestAttackNames presents roles, agencies and subjects in another spelling, or the
// subject of somebody of another agency.
func TestAttackNames(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.fill()
	n := 0
	for _, role := range []string{
		"Submitter", "SUBMITTER", " submitter", "submitter ", "submitter\n", "submitter\u0000", "submitter,ig-lead", "submitter ig-lead", "\u0455ubmitter", "*", "", "ig_lead", "admin",
	} {
		h.callWith(h.mint("telford-housing", "x@telford-housing.example", role), http.MethodGet, "/v1/datasets", nil).want(http.StatusUnauthorized, nil)
		h.callWith(h.mint("telford-housing", "x@telford-housing.example", "submitter", role), http.MethodGet, "/v1/datasets", nil).want(http.StatusUnauthorized, nil)
		n += 2
	}
	for _, provider := range []string{"Telford-Housing", "TELFORD-HOUSING", "telford-housing.", "telford-housing%20", "%20telford-housing", "telford-housing%00", "telford-housing/", "telford_housing"} {
		r := h.call("housing-ig", http.MethodGet, "/v1/quality?provider="+provider, nil)
		r.want(http.StatusForbidden, nil)
		n++
	}
	// The same subject at two agencies are two people: neither submissions, nor
	// idempotency keys, nor case links pass from one to the other.
	const subject = "housing-submitter@telford-housing.example"
	twin := h.mint("severn-homes", subject, "submitter")
	key := []string{"Idempotency-Key", `"night-1"`}
	var own, other submission
	h.call("housing-submitter", http.MethodPost, submissionsPath("housing.tenancy", "ISA-TH-WMP-001"), []any{tenancy(rowan(), "T-3")}, key...).want(http.StatusCreated, &own)
	h.callWith(twin, http.MethodPost, submissionsPath("housing.tenancy", "ISA-SH-WMP-001"), []any{severnTenancy("T-3")}, key...).want(http.StatusCreated, &other)
	if own.SubmissionID == other.SubmissionID || other.Accepted != 1 {
		t.Errorf("the key of another agency was answered: %+v", other)
	}
	for _, o := range objectsOf(own.SubmissionID, absentID)[:7] {
		h.callWith(twin, o.method, o.theirs, o.body, o.headers...).want(http.StatusNotFound, nil)
		n++
	}
	for _, agency := range []string{"telford-housing", "severn-homes", "mercia-health", "mercia-education"} {
		h.callWith(h.mint(agency, theAnalyst, "analyst"), http.MethodPost, subjectPath, ask("soc-investigation", rowan())).problem(http.StatusForbidden, "nothing-permitted")
		n++
	}
	attacktest.Spelling.Refused(t, "roles, agencies and subjects in another spelling or of another agency", n+1)
}

// TestAttackHeaders says in headers who one is: proxies do, and no gateway believes it.
func TestAttackHeaders(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	plain := h.call("housing-submitter", http.MethodGet, "/v1/audit/entries?log_purpose=self-monitoring", nil)
	said := map[string]string{
		"X-Role": "ig-lead", "X-Roles": "ig-lead", "X-User": "ig-lead@west-mercia-police.example", "X-Agency": "west-mercia-police", "X-Forwarded-User": "ig-lead",
		"X-Remote-User": "ig-lead", "X-Original-URL": "/v1/audit/entries", "X-Rewrite-URL": "/v1/datasets", "X-Forwarded-Prefix": "/v1", "X-Forwarded-Host": "west-mercia-police.example",
		"X-Client-Cert": "x", "X-SSL-Client-Verify": "SUCCESS", "Forwarded": "for=127.0.0.1", "X-Real-IP": "127.0.0.1", "X-Http-Method-Override": "GET", "Cookie": "role=ig-lead",
	}
	for _, name := range slices.Sorted(maps.Keys(said)) {
		r := h.call("housing-submitter", http.MethodGet, "/v1/audit/entries?log_purpose=self-monitoring", nil, name, said[name])
		sameAnswer(t, name, plain, r)
		if raw, err := json.Marshal(r.header); err != nil || strings.Contains(string(raw), "ig-lead") {
			t.Errorf("%s is repeated: %s", name, raw)
		}
	}
	plain.want(http.StatusForbidden, nil)
	attacktest.Impersonation.Refused(t, "headers that say who one is", len(said))
}
