package gateway_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/store/sqlite"
)

// durable reads an entry from the data folder by a connection of its own: what
// it finds is in the database, whatever the gateway holds in memory.
func (h *house) durable(index int64) audit.Entry {
	h.t.Helper()
	db, err := sqlite.Open(h.t.Context(), h.cfg.DataDir, sqlite.Options{ReadOnly: true})
	if err != nil {
		h.t.Fatal(err)
	}
	defer db.Close()
	b, err := db.Log().BatchOf(h.t.Context(), index)
	if err != nil {
		h.t.Fatalf("entry %d is not in the database: %v", index, err)
	}
	var e audit.Entry
	if err := json.Unmarshal(b.Entries[index-b.First], &e); err != nil {
		h.t.Fatal(err)
	}
	return e
}

// TestInvariant01LoggedBeforeReleased reads the entry of every answer from the
// database as soon as the answer is there: it is durable by then, describes
// this very request, and stands with an entry for each provider concerned.
func TestInvariant01LoggedBeforeReleased(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.fill()
	h.call("supervisor", http.MethodPost, "/v1/editions", nil).want(http.StatusCreated, nil)
	for _, c := range []struct {
		name, persona, path string
		body                map[string]any
		status              int
		last                audit.Action
	}{
		{"person", "analyst", subjectPath, ask("soc-investigation", rowan()), 200, audit.Disclose},
		{"nobody", "analyst", subjectPath, ask("soc-investigation", nobody()), 200, audit.Disclose},
		{"emergency", "analyst", subjectPath, emergency(ask("protection-of-life", rowan()), "threat_to_life"), 200, audit.Disclose},
		{"denied", "analyst", subjectPath, ask("tenancy-enforcement", rowan()), 403, audit.Deny},
		{"area", "supervisor", "/v1/profiles/area", askArea("soc-local-profile", "E06000020", "2026-01", "2026-06", "none"), 200, audit.Disclose},
		{"area of a partner", "housing-ig", "/v1/profiles/area", askArea("soc-local-profile", "E06000020", "2026-01", "2026-06", "none"), 200, audit.Disclose},
	} {
		r := h.call(c.persona, http.MethodPost, c.path, c.body)
		var a struct {
			AuditIndex *int64 `json:"audit_index"`
		}
		r.want(c.status, &a)
		if a.AuditIndex == nil {
			t.Fatalf("%s: no audit index", c.name)
		}
		e := h.durable(*a.AuditIndex)
		if e.Action != audit.Consult || e.RequestID != r.header.Get("X-Request-Id") || e.Purpose != c.body["purpose"] {
			t.Errorf("%s: entry %d is %+v", c.name, *a.AuditIndex, e)
		}
		if (e.ResponseSHA256 != "") != (c.status == 200) {
			t.Errorf("%s: response hash %q", c.name, e.ResponseSHA256)
		}
		providers, found := 0, false
		for _, i := range h.entries("&request_id=" + e.RequestID) {
			own := h.durable(i.Index)
			if own.Provider != "" {
				providers++
				found = found || own.Action == c.last
			}
		}
		if providers == 0 || !found {
			t.Errorf("%s: %d entries for providers, none of action %s", c.name, providers, c.last)
		}
	}
	if r := h.verify(); !r.OK {
		t.Errorf("%+v", r)
	}
}

// TestInvariant01EverySubmissionLogged holds the same for what comes in.
func TestInvariant01EverySubmissionLogged(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	got := h.submit(theirRows()[0])
	if e := h.durable(*got.AuditIndex); e.Action != audit.Collect || e.Admin["submission"] != got.SubmissionID || e.Admin["accepted"] != "1" {
		t.Errorf("%+v", e)
	}
	correction := theirRows()[0]
	correction.rows = []map[string]any{with(tenancy(rowan(), "T-1"), "tenancy_status", "ended")}
	got = h.submit(correction)
	if got.Corrected != 1 {
		t.Fatalf("%+v", got)
	}
	if e := h.durable(*got.AuditIndex + 1); e.Action != audit.Alter || e.Provider != "telford-housing" {
		t.Errorf("the correction is logged as %+v", e)
	}
}

// noData fails when an answer is anything but a problem without data.
func noData(t *testing.T, what string, r *response) {
	t.Helper()
	var p problemBody
	if err := json.Unmarshal(r.body, &p); err != nil {
		t.Errorf("%s: %v in %s", what, err, r.body)
	}
	if r.status < 500 || len(p.Withheld) > 0 {
		t.Errorf("%s: status %d: %s", what, r.status, r.body)
	}
	for _, data := range []string{"Ashdown", "E06000020", "cuckooing", "opiates", "fields", "sections", "treatments"} {
		if strings.Contains(string(r.body), data) {
			t.Errorf("%s: the answer holds %q: %s", what, data, r.body)
		}
	}
}

// TestInvariant03StoreClosed takes the store away from under a running server:
// every route that needs it answers with an error and no data.
func TestInvariant03StoreClosed(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.fill()
	h.call("supervisor", http.MethodPost, "/v1/editions", nil).want(http.StatusCreated, nil)
	if err := h.gw.Close(context.WithoutCancel(t.Context())); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		persona, method, path string
		body                  any
	}{
		{"analyst", http.MethodPost, subjectPath, ask("soc-investigation", rowan())},
		{"analyst", http.MethodPost, subjectPath, emergency(ask("protection-of-life", rowan()), "threat_to_life")},
		{"analyst", http.MethodPost, subjectPath, ask("tenancy-enforcement", rowan())},
		{"supervisor", http.MethodPost, "/v1/profiles/area", askArea("soc-local-profile", "E06000020", "2026-01", "2026-06", "none")},
		{"supervisor", http.MethodPost, "/v1/editions", nil},
		{"housing-submitter", http.MethodPost, submissionsPath("housing.tenancy", "ISA-TH-WMP-001"), []map[string]any{tenancy(rowan(), "T-2")}},
		{"ig-lead", http.MethodGet, "/v1/audit/entries?log_purpose=verify-lawfulness", nil},
		{"ig-lead", http.MethodGet, "/v1/audit/export?log_purpose=verify-lawfulness", nil},
		{"housing-ig", http.MethodGet, "/v1/disclosures", nil},
		{"", http.MethodGet, "/readyz", nil},
	} {
		r := h.call(c.persona, c.method, c.path, c.body)
		noData(t, c.method+" "+c.path, r)
		if r.status == http.StatusServiceUnavailable && r.header.Get("Retry-After") == "" {
			t.Errorf("%s: 503 without Retry-After", c.path)
		}
	}
	// Even a refusal that needs no data is an error while it cannot be logged.
	noData(t, "refusal", h.call("operator", http.MethodPost, subjectPath, ask("soc-investigation", rowan())))
	noData(t, "bad body", h.call("analyst", http.MethodPost, subjectPath, `{"x":1}`))
	h.call("", http.MethodGet, "/healthz", nil).want(http.StatusOK, nil)
}
