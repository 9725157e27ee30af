package gateway_test

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/concord-gateway/concord/gateway/attacktest"
	"github.com/concord-gateway/concord/gateway/audit"
)

// canary is a person whose every value is found again wherever it turns up.
func canary() map[string]string {
	return map[string]string{
		"nhs_number": "9990000026", "pnc_id": "1981/0000034U", "upn": "T884999924001",
		"given_name": "Zephyrcanary", "family_name": "Quokkacanary", "date_of_birth": "1971-11-23", "postcode": "TF9 9ZZ",
	}
}

// canaryTexts are the values of personal fields that are no identifiers, and
// what a caller says that is personal.
func canaryTexts() []string {
	return []string{
		"CANARY-SOURCE-77", "877665544332", "Summarycanary", "07700900456", "Handlingcanary", "OCGCANARY",
		"Methodcanary", "Locationcanary", "Justificationcanary", "CASE-CANARY", "INCIDENT-CANARY", "001234/71D", "Groupcanary",
		"Agencycanary", "Reasoncanary",
	}
}

// forbidden are all spellings of the canaries that must not be found.
func forbidden() []string {
	var out []string
	values := canaryTexts()
	for _, v := range canary() {
		values = append(values, v)
	}
	values = append(values, "81/34U", "TF99ZZ", "999 000 0026", "zephyrcanary", "quokkacanary")
	for _, v := range values {
		b := []byte(v)
		out = append(out, v, hex.EncodeToString(b), strings.ToLower(v))
		for shift := range 3 { // base64 at each alignment, without the ends that neighbours change
			if len(b) < 9 {
				break
			}
			e := base64.StdEncoding.EncodeToString(b[shift : shift+(len(b)-shift)/3*3])
			out = append(out, e)
		}
	}
	return out
}

// canaryRows are rows of every dataset, full of canaries.
func canaryRows() []sent {
	who := canary()
	const source = "CANARY-SOURCE-77"
	ten := with(tenancy(who, source), "uprn", "877665544332")
	conc := with(without(concern(who, source), "reporter_role"), "summary", "Summarycanary is afraid.")
	conc["uprn"] = "877665544332"
	nom := with(nominal(who, source), "handling_conditions", "Handlingcanary")
	nom["ocg_reference"], nom["cro"] = "OCGCANARY", "001234/71D"
	ref := with(referral(who, source), "key_worker_phone", "07700900456")
	assault := map[string]any{
		"source_id": source, "area": "E06000020", "reporting_period": "2026-05", "site_code": "RXW01",
		"arrival_time": "2026-05-03T01:10:00Z", "method": "blade", "location_type": "street",
		"method_text": "Methodcanary", "location_text": "Locationcanary",
	}
	exclusion := row(who, compoundIDs("upn"), map[string]any{
		"source_id": source, "area": "E06000020", "school_urn": "140201", "academic_year": "2025/26", "exclusion_type": "SUSP",
		"reasons": []string{"DA"}, "start_date": "2026-03-03", "sessions": 5, "fact_or_opinion": "fact", "subject_category": "not_known",
	})
	attendance := row(who, compoundIDs("upn"), map[string]any{
		"source_id": source, "area": "E06000020", "school_urn": "140201", "academic_year": "2025/26",
		"session_date": "2026-03-04", "session": "AM", "code": "G", "fact_or_opinion": "fact", "subject_category": "not_known",
	})
	group := map[string]any{
		"source_id": source, "area": "E06000020", "name": "Groupcanary", "status": "active", "crime_type": "drugs", "members": []string{who["pnc_id"]},
		"member_count": 9, "assessed_on": "2026-03-03", "summary": "Summarycanary leads.", "grading": "2BC", "handling_conditions": "Handlingcanary",
		"fact_or_opinion": "opinion",
	}
	disruption := map[string]any{
		"source_id": source, "area": "E06000020", "ocg_reference": "OCGCANARY", "disrupted_on": "2026-03-03", "pillar": "pursue", "level": "minor",
		"crime_type": "drugs", "lead_agency": "Agencycanary", "summary": "Summarycanary was arrested.",
	}
	counts := map[string]any{"source_id": source, "area": "E06000020", "month": "2026-05", "category": "robbery", "count": 7, "data_status": "provisional"}
	return []sent{
		{"housing-submitter", "housing.tenancy", "ISA-TH-WMP-001", []map[string]any{ten}},
		{"housing-submitter", "housing.concern", "ISA-TH-WMP-001", []map[string]any{conc}},
		{"education-submitter", "education.exclusion", "ISA-ME-WMP-001", []map[string]any{exclusion}},
		{"education-submitter", "education.attendance", "ISA-ME-WMP-002", []map[string]any{attendance}},
		{"police-submitter", "police.ocg", "ISA-WMP-WMP-001", []map[string]any{group}},
		{"police-submitter", "police.disruption", "ISA-WMP-WMP-001", []map[string]any{disruption}},
		{"police-submitter", "police.crime_count", "ISA-WMP-WMP-001", []map[string]any{counts}},
		{"police-submitter", "police.nominal", "ISA-WMP-WMP-001", []map[string]any{nom}},
		{"health-submitter", "health.substance_referral", "ISA-MH-WMP-002", []map[string]any{ref}},
		{"health-submitter", "health.assault_attendance", "ISA-MH-WMP-001", []map[string]any{assault}},
	}
}

// canaryTraffic submits the canaries, rightly and wrongly, and asks about them
// in every way. It returns every refusal.
func (h *house) canaryTraffic() []*response {
	h.t.Helper()
	var refusals []*response
	keep := func(r *response) {
		if r.status >= 400 {
			refusals = append(refusals, r)
		}
	}
	for _, s := range canaryRows() {
		if got := h.submit(s); got.Accepted != 1 {
			h.t.Fatalf("%s: %+v", s.dataset, got)
		}
		bad := with(s.rows[0], "area", "Locationcanary")
		bad["fact_or_opinion"] = "Summarycanary"
		bad["Methodcanary"] = "07700900456"
		keep(h.call(s.persona, http.MethodPost, submissionsPath(s.dataset, s.agreement)+"&dry_run=false", []any{bad}))
		keep(h.call(s.persona, http.MethodPost, submissionsPath(s.dataset, s.agreement), `[{"family_name":"Quokkacanary",}]`))
	}
	who := canary()
	ask := func(purpose string) map[string]any {
		return map[string]any{"purpose": purpose, "justification": "Justificationcanary", "case_ref": "CASE-CANARY", "subject": who}
	}
	h.link("supervisor", theAnalyst, "CASE-CANARY", who).want(http.StatusCreated, nil)
	if got := h.imports(importRow("REF-1", theAnalyst, "CASE-CANARY", who), importRow("Quokkacanary 1", "Zephyrcanary Q", "CASE-CANARY", who)); got.Created != 1 {
		h.t.Fatalf("%+v", got)
	}
	keep(h.call("case-system", http.MethodPost, "/v1/case-links/import", `{"links":[{"Quokkacanary":1}]}`))
	keep(h.call("supervisor", http.MethodGet, "/v1/case-links?Quokkacanary=Zephyrcanary", nil))
	keep(h.call("supervisor", http.MethodPost, "/v1/case-links/Quokkacanary/end", map[string]any{"reason": "Justificationcanary"}))
	claim := with(ask("protection-of-life"), "emergency", map[string]string{"ground": "threat_to_life", "incident": "INCIDENT-CANARY"})
	for _, q := range []any{
		ask("soc-investigation"), ask("tenancy-enforcement"), ask("unheard-of"), claim,
		with(claim, "purpose", "soc-investigation"),
		with(ask("soc-investigation"), "subject", map[string]string{"nhs_number": "Quokkacanary"}),
		with(ask("soc-investigation"), "subject", map[string]string{"family_name": "Quokkacanary"}),
		`{"subject":{"family_name":"Quokkacanary","family_name":"Zephyrcanary"}}`,
		`{"justification":"Justificationcanary`, `{"case_ref":{"CASE-CANARY":1}}`,
	} {
		for _, persona := range []string{"analyst", "operator", "housing-submitter"} {
			keep(h.call(persona, http.MethodPost, subjectPath, q))
		}
	}
	withdrawal := map[string]any{"source_ids": []string{"CANARY-SOURCE-77"}, "reason": "Reasoncanary", "into": "CANARY-SOURCE-77"}
	for _, s := range canaryRows() {
		for _, what := range []string{"withdrawals", "merges"} { // each with a field too many
			keep(h.call(s.persona, http.MethodPost, "/v1/datasets/"+s.dataset+"/"+what, with(withdrawal, "cascade", "Summarycanary")))
			keep(h.call("analyst", http.MethodPost, "/v1/datasets/"+s.dataset+"/"+what, without(withdrawal, "into")))
		}
	}
	keep(h.call("approver-housing", http.MethodPost, "/v1/agreements/ISA-NONE/suspend", map[string]any{"reason": "Reasoncanary"}))
	keep(h.call("housing-submitter", http.MethodPost, submissionsPath("housing.concern", "Quokkacanary"), []any{canaryRows()[1].rows[0]}))
	h.call("supervisor", http.MethodPost, "/v1/editions", nil).want(http.StatusCreated, nil)
	area := askArea("soc-local-profile", "E06000020", "2026-01", "2026-06", "none")
	area["justification"], area["case_ref"] = "Justificationcanary", "CASE-CANARY"
	for _, persona := range []string{"analyst", "housing-ig", "operator"} {
		keep(h.call(persona, http.MethodPost, "/v1/profiles/area", area))
	}
	keep(h.link("analyst", supervisor, "CASE-CANARY", who))
	return refusals
}

// TestInvariant05NoPersonalDataInTheWrongPlace sends canaries through every
// route and looks for them in the gateway's own log, in every refusal, in the
// open entries and in the registers.
func TestInvariant05NoPersonalDataInTheWrongPlace(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	refusals := h.canaryTraffic()
	if len(refusals) < 20 {
		t.Fatalf("only %d refusals", len(refusals))
	}
	places := map[string]string{"the gateway's log": h.logs.String()}
	for _, r := range refusals {
		places["a refusal: "+string(r.body[:min(len(r.body), 200)])] = string(r.body)
	}
	places["the open entries"] = h.openEntries()
	var page json.RawMessage
	for _, persona := range []string{"housing-ig", "health-ig"} {
		h.call(persona, http.MethodGet, "/v1/disclosures", nil).want(http.StatusOK, &page)
		places["the register of "+persona] = string(page)
	}
	h.call("ig-lead", http.MethodGet, "/v1/audit/entries?log_purpose=verify-lawfulness", nil).want(http.StatusOK, &page)
	places["a search of the log"] = string(page)
	for place, text := range places {
		if len(text) < 100 {
			t.Errorf("%s is empty", place)
		}
		for _, value := range forbidden() {
			if strings.Contains(text, value) {
				t.Errorf("%s holds %q", place, value)
			}
		}
	}
	attacktest.Canaries.Refused(t, "spellings of planted values", len(forbidden()))
}

// openEntries exports the log and returns the exact bytes of every entry.
func (h *house) openEntries() string {
	h.t.Helper()
	r := h.call("ig-lead", http.MethodGet, "/v1/audit/export?log_purpose=verify-lawfulness", nil).want(http.StatusOK, nil)
	var out strings.Builder // the exact bytes, a line each
	lines := bufio.NewScanner(bytes.NewReader(r.body))
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var line struct{ Batch *audit.Batch }
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			h.t.Fatal(err)
		}
		if line.Batch == nil {
			continue
		}
		if len(line.Batch.Private) > 0 {
			h.t.Error("the export holds sealed parts")
		}
		for _, e := range line.Batch.Entries {
			out.Write(e)
			out.WriteByte('\n')
		}
	}
	if strings.Count(out.String(), `"action":"disclose"`) < 3 {
		h.t.Errorf("the export holds no disclosures: %s", out.String())
	}
	return out.String()
}

// TestInvariant06EncryptedAtRest looks for the canaries in every byte of the
// data folder, while the gateway runs (so in its write-ahead log too) and after
// it has closed.
func TestInvariant06EncryptedAtRest(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.canaryTraffic()
	for _, when := range []string{"running", "closed"} {
		if when == "closed" {
			h.stop()
		}
		files, size := 0, 0
		err := filepath.WalkDir(h.cfg.DataDir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			raw, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			files, size = files+1, size+len(raw)
			for _, value := range forbidden() {
				if bytes.Contains(raw, []byte(value)) {
					t.Errorf("%s, %s holds %q", when, filepath.Base(path), value)
				}
				if wide := utf16(value); bytes.Contains(raw, wide) {
					t.Errorf("%s, %s holds %q in UTF-16", when, filepath.Base(path), value)
				}
			}
			return nil
		})
		if err != nil || files < 5 || size < 100<<10 {
			t.Fatalf("%s: %d files of %d bytes: %v", when, files, size, err)
		}
	}
}

func utf16(s string) []byte {
	out := make([]byte, 0, 2*len(s))
	for _, r := range s {
		out = append(out, byte(r), 0)
	}
	return out
}
