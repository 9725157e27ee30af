package gateway_test

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/concord-gateway/concord/gateway/audit"
)

// linkEntry is a link as the list has it.
type linkEntry struct {
	ID, Kind, Analyst, By     string
	CaseRef                   string `json:"case_ref"`
	Expires, Ended, Reference *string
	InForce                   bool `json:"in_force"`
}

func (h *house) links(persona, query string) []linkEntry {
	h.t.Helper()
	var page struct{ Items []linkEntry }
	h.call(persona, http.MethodGet, "/v1/case-links"+query, nil).want(http.StatusOK, &page)
	return page.Items
}

// TestCaseLinkAlert shows a self-claimed link to supervisors and leads while it is in
// force, marks its entry in the log and says so in the operator's log; none of it says
// of whom the link is.
func TestCaseLinkAlert(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.fill()
	if got := h.subject("soc-investigation", opCase, rowan()); got != http.StatusOK { // something stands in the log
		t.Fatalf("status %d", got)
	}
	before := len(h.links("supervisor", ""))
	var claimed, assigned caseLink
	h.link("supervisor", theAnalyst, opCase, rowan()).want(http.StatusCreated, &assigned)
	h.link("analyst", theAnalyst, "OP-CLAIM", rowan()).want(http.StatusCreated, &claimed)
	for _, persona := range []string{"supervisor", "ig-lead"} {
		alerts := h.links(persona, "?kind=self_claimed&in_force=true")
		if len(alerts) != 1 || alerts[0].ID != claimed.ID || alerts[0].CaseRef != "OP-CLAIM" || alerts[0].By != theAnalyst || alerts[0].Expires == nil {
			t.Errorf("%s sees %+v", persona, alerts)
		}
	}
	if got := h.durable(*claimed.AuditIndex); got.Admin["alert"] != "self-claimed" || got.Admin["link"] != claimed.ID {
		t.Errorf("the entry: %+v", got.Admin)
	}
	if got := h.durable(*assigned.AuditIndex); got.Admin["alert"] != "" {
		t.Errorf("an assigned link raises an alert: %+v", got.Admin)
	}
	if n := strings.Count(h.logs.String(), "case-link-self-claimed"); n != 1 {
		t.Errorf("%d alerts in the operator's log", n)
	}
	raw, err := json.Marshal(h.call("supervisor", http.MethodGet, "/v1/case-links", nil).body)
	if err != nil {
		t.Fatal(err)
	}
	for _, personal := range []string{rowan()["nhs_number"], "Ashdown", "2002/0073319Z"} {
		if strings.Contains(string(raw)+h.logs.String()+h.openEntries(), personal) {
			t.Errorf("%s stands in the open", personal)
		}
	}
	h.clock.Advance(24 * time.Hour)
	if alerts := h.links("supervisor", "?kind=self_claimed&in_force=true"); len(alerts) != 0 {
		t.Errorf("after a day: %+v", alerts)
	}
	if all := h.links("supervisor", ""); len(all) != before+2 {
		t.Errorf("all links: %+v", all)
	}
	for _, query := range []string{"?kind=none", "?in_force=1", "?in_force=", "?cursor=x", "?analyst=x"} {
		h.call("supervisor", http.MethodGet, "/v1/case-links"+query, nil).want(http.StatusBadRequest, nil)
	}
}

// TestCaseLinkEnded closes the person to the analyst, once, logged with its reason
// sealed.
func TestCaseLinkEnded(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for _, s := range theirRows() {
		h.submit(s)
	}
	var l caseLink
	h.link("supervisor", theAnalyst, opCase, rowan()).want(http.StatusCreated, &l)
	if got := h.subject("soc-investigation", opCase, rowan()); got != http.StatusOK {
		t.Fatalf("linked: status %d", got)
	}
	end := "/v1/case-links/" + l.ID + "/end"
	var e struct {
		linkEntry

		AuditIndex int64 `json:"audit_index"`
	}
	h.call("supervisor", http.MethodPost, end, map[string]any{"reason": "CANARY-REASON"}).want(http.StatusOK, &e)
	if e.InForce || e.Ended == nil {
		t.Errorf("%+v", e)
	}
	if got := h.subject("soc-investigation", opCase, rowan()); got != http.StatusForbidden {
		t.Errorf("ended: status %d", got)
	}
	if got := h.durable(e.AuditIndex); got.Action != audit.Admin || got.Admin["kind"] != "case-link-end" || got.Admin["link"] != l.ID {
		t.Errorf("%+v", got)
	}
	if strings.Contains(h.openEntries()+h.logs.String(), "CANARY-REASON") {
		t.Error("the reason stands in the open")
	}
	h.call("supervisor", http.MethodPost, end, map[string]any{"reason": "x"}).problem(http.StatusConflict, "link-ended")
	for _, id := range []string{absentID, "x", strings.ToUpper(l.ID), "%7B" + l.ID + "%7D"} {
		h.call("supervisor", http.MethodPost, "/v1/case-links/"+id+"/end", map[string]any{"reason": "x"}).want(http.StatusNotFound, nil)
	}
	// Whoever is linked anew may ask again: another link, not the old one.
	h.link("supervisor", theAnalyst, opCase, rowan()).want(http.StatusCreated, nil)
	if got := h.subject("soc-investigation", opCase, rowan()); got != http.StatusOK {
		t.Errorf("linked anew: status %d", got)
	}
}

// imported is the answer to an import.
type imported struct {
	Created, Unchanged, Refused int
	Items                       []struct {
		Row               int
		Outcome           string
		ID, Code, Pointer *string
	}
	AuditIndex int64 `json:"audit_index"`
}

func importRow(reference, analyst, caseRef string, who map[string]string) map[string]any {
	return map[string]any{"reference": reference, "analyst": analyst, "case_ref": caseRef, "subject": who}
}

func (h *house) imports(rows ...map[string]any) (out imported) {
	h.t.Helper()
	h.call("case-system", http.MethodPost, "/v1/case-links/import", map[string]any{"links": rows}).want(http.StatusOK, &out)
	return out
}

// TestCaseLinkImport takes links from a case system: each row is answered, sent again
// it changes nothing, and nobody's links but its own agency's are made.
func TestCaseLinkImport(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for _, s := range theirRows() {
		h.submit(s)
	}
	const self = "case-system@west-mercia-police.example"
	good := importRow("CASE-1", theAnalyst, opCase, rowan())
	got := h.imports(good,
		importRow("CASE-2", self, opCase, rowan()),
		importRow("CASE 3", theAnalyst, opCase, rowan()),
		importRow("CASE-4", "an analyst", opCase, rowan()),
		importRow("CASE-5", theAnalyst, "", rowan()),
		importRow("CASE-6", theAnalyst, opCase, map[string]string{"nhs_number": "9434765871"}),
		importRow("CASE-1", theAnalyst, "OP-OTHER", nobody()),
		importRow("CASE-8", supervisor, opCase, nobody()),
	)
	if got.Created != 2 || got.Refused != 6 || got.Unchanged != 0 {
		t.Errorf("%+v", got)
	}
	for i, code := range []string{"", "link_not_permitted", "reference-form", "analyst-form", "required", "*", "reference-twice", ""} {
		item := got.Items[i]
		if item.Row != i+1 || (item.Code == nil) != (code == "") || item.Code != nil && code != "*" && *item.Code != code {
			raw, _ := json.Marshal(item)
			t.Errorf("row %d, want %q: %s", i+1, code, raw)
		}
	}
	if status := h.subject("soc-investigation", opCase, rowan()); status != http.StatusOK {
		t.Errorf("linked by import: status %d", status)
	}
	if e := h.durable(got.AuditIndex); e.Admin["kind"] != "case-link-import" || e.Admin["rows"] != "8" || e.Admin["created"] != "2" {
		t.Errorf("%+v", e.Admin)
	}
	again := h.imports(good, importRow("CASE-8", theAnalyst, opCase, nobody()))
	if again.Unchanged != 1 || again.Refused != 1 || *again.Items[1].Code != "reference-taken" || *again.Items[0].ID != *got.Items[0].ID {
		t.Errorf("again: %+v", again)
	}
	if n := len(h.links("supervisor", "")); n != 2 {
		t.Errorf("%d links", n)
	}
	// A supervisor ends it, and no import brings it back.
	h.call("supervisor", http.MethodPost, "/v1/case-links/"+*got.Items[0].ID+"/end", map[string]any{"reason": "over"}).want(http.StatusOK, nil)
	if once := h.imports(good); once.Refused != 1 || *once.Items[0].Code != "link-ended" {
		t.Errorf("ended: %+v", once)
	}
	if status := h.subject("soc-investigation", opCase, rowan()); status != http.StatusForbidden {
		t.Errorf("ended: status %d", status)
	}
}

// TestCaseLinkImportRefused refuses the whole of what is too much, not well-formed or
// from anybody else.
func TestCaseLinkImportRefused(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	rows := make([]map[string]any, 201)
	for i := range rows {
		rows[i] = importRow("CASE-"+strconv.Itoa(i), theAnalyst, opCase, nobody())
	}
	const path = "/v1/case-links/import"
	h.call("case-system", http.MethodPost, path, map[string]any{"links": rows}).problem(http.StatusBadRequest, "too-many")
	h.call("case-system", http.MethodPost, path, map[string]any{"links": []any{}}).problem(http.StatusBadRequest, "too-many")
	h.call("case-system", http.MethodPost, path, map[string]any{"links": []any{with(rows[0], "state", "assigned")}}).problem(http.StatusBadRequest, "unknown-field")
	h.call("case-system", http.MethodPost, path, `{"links":[`+strings.Repeat(" ", 256<<10)+`]}`).want(http.StatusRequestEntityTooLarge, nil)
	h.call("case-system", http.MethodPost, "/v1/case-links", without(rows[0], "reference")).problem(http.StatusForbidden, "role_missing")
	h.call("case-system", http.MethodPost, subjectPath, ask("soc-investigation", nobody())).problem(http.StatusForbidden, "role_missing")
	var whole imported
	h.call("case-system", http.MethodPost, path, map[string]any{"links": rows[:200]}).want(http.StatusOK, &whole)
	if whole.Created != 200 || len(h.links("supervisor", "")) != 100 {
		t.Errorf("%d made", whole.Created)
	}
}
