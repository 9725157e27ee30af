package gateway_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/concord-gateway/concord/gateway/attacktest"
	"github.com/concord-gateway/concord/gateway/text"
)

// hiddenTexts end lines of a log, steer terminals, or turn the direction of writing.
func hiddenTexts() []string {
	return []string{
		"x\nlevel=ERROR msg=forged", "x\r\n{\"level\":\"ERROR\"}", "x\x00y", "x\x1b[2J\x1b[31my", "x\x7f\x08y", "x\u009b2Jy",
		"x\u202egnihton\u202c", "x\u2066y\u2069", "x\u200fy", "x\u2028y", "\ufeffx", "x\U000e0041y",
	}
}

// saying is a request with one text that an attacker chooses.
type saying struct {
	persona, path string
	body          map[string]any
	field         string // a name, or two with a dot between
}

// sayings are all the texts of bodies that come into the log, open or sealed, and those
// that do not but might.
func sayings() []saying {
	subject := emergency(ask("soc-investigation", rowan()), "threat_to_life")
	area := askArea("soc-local-profile", "E06000020", "2026-01", "2026-06", "none")
	explain := map[string]any{"purpose": "soc-investigation", "provider": "telford-housing", "dataset": "housing.tenancy"}
	link := map[string]any{"case_ref": opCase, "analyst": theAnalyst, "subject": rowan()}
	gone := map[string]any{"source_ids": "T-1", "reason": "sent in error", "into": "T-1"}
	var out []saying
	add := func(persona, path string, body map[string]any, fields ...string) {
		for _, f := range fields {
			out = append(out, saying{persona, path, body, f})
		}
	}
	add("analyst", subjectPath, subject, "purpose", "justification", "case_ref", "emergency.ground", "emergency.incident",
		"subject.nhs_number", "subject.family_name", "subject.given_name", "subject.date_of_birth", "subject.postcode", "x\x1b[2J")
	add("analyst", "/v1/profiles/area", area, "purpose", "justification", "case_ref", "area", "from", "to", "by")
	add("analyst", "/v1/decisions/explain", explain, "purpose", "provider", "dataset")
	add("supervisor", "/v1/case-links", link, "case_ref", "analyst", "subject.family_name")
	add("housing-submitter", "/v1/datasets/housing.tenancy/withdrawals", without(gone, "into"), "source_ids", "reason")
	add("housing-submitter", "/v1/datasets/housing.tenancy/merges", gone, "source_ids", "reason", "into")
	add("approver-housing", "/v1/agreements/ISA-TH-WMP-001/suspend", map[string]any{"reason": "r"}, "reason")
	return out
}

// says is the body with the text in the field.
func (s *saying) says(said string) map[string]any {
	outer, inner, deep := strings.Cut(s.field, ".")
	if !deep {
		inner = outer
	}
	var value any = said
	if inner == "source_ids" {
		value = []string{said}
	} else if ids, ok := s.body["source_ids"].(string); ok {
		return with(with(s.body, "source_ids", []string{ids}), inner, value)
	}
	if !deep {
		return with(s.body, outer, value)
	}
	members := map[string]any{inner: value}
	return with(s.body, outer, members)
}

// TestHostileTexts says what is hidden wherever a caller says anything: it is refused
// where nobody needs it, and what is written down, in the log and for the operator, is
// one line each and holds nothing hidden.
func TestHostileTexts(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.submit(sent{"housing-submitter", "housing.tenancy", "ISA-TH-WMP-001", []map[string]any{tenancy(rowan(), "T-1")}})
	h.assign(rowan())
	n := 0
	all := hiddenTexts()
	for i, s := range sayings() {
		for j := range 4 { // each place some of them, and so each of them in places of each kind
			said := all[(4*i+j)%len(all)]
			if lines := strings.ContainsAny(said, "\r\n"); lines && (s.field == "justification" || s.field == "reason") {
				continue // a text in sentences may have lines; below
			}
			h.call(s.persona, http.MethodPost, s.path, s.says(said)).want(http.StatusBadRequest, nil)
			n++
		}
	}
	n += h.hostileAddresses()
	attacktest.LogInjection.Refused(t, "texts, names, queries, paths and headers", n)
	h.call("analyst", http.MethodPost, subjectPath, with(ask("soc-investigation", rowan()), "justification", "two\nlines\n{\"level\":\"ERROR\"}")).want(http.StatusOK, nil)
	h.plainly()
}

// hostileAddresses says what is hidden in paths, queries and headers.
func (h *house) hostileAddresses() (n int) {
	plain := *h
	plain.http = h.srv.Client() // which may send what the description does not have
	refused := func(r *response) {
		h.t.Helper()
		if n++; r.status < 400 || r.status >= 500 {
			h.t.Errorf("status %d: %s", r.status, r.body)
		}
	}
	for _, said := range hiddenTexts() {
		q := url.QueryEscape(said)
		for _, path := range []string{
			"/v1/audit/entries?log_purpose=" + q, "/v1/audit/entries?log_purpose=verify-lawfulness&from=" + q, "/v1/audit/entries?log_purpose=verify-lawfulness&cursor=" + q,
			"/v1/audit/entries/" + url.PathEscape(said) + "?log_purpose=verify-lawfulness", "/v1/audit/entries/1/" + url.PathEscape(said),
		} {
			refused(h.call("ig-lead", http.MethodGet, path, nil))
		}
		refused(h.call("housing-submitter", http.MethodPost, submissionsPath("housing.tenancy", q), "[]"))
		refused(h.call("housing-submitter", http.MethodPost, submissionsPath(url.PathEscape(said), "ISA-TH-WMP-001"), "[]"))
		refused(h.call("housing-submitter", http.MethodGet, "/v1/submissions/"+url.PathEscape(said), nil))
		refused(h.call("analyst", http.MethodGet, "/v1/agreements/"+url.PathEscape(said), nil))
		for _, filter := range []string{"actor", "agency", "action", "provider", "purpose", "request_id"} { // these find nothing
			if r := plain.call("ig-lead", http.MethodGet, "/v1/audit/entries?log_purpose=verify-lawfulness&"+filter+"="+q, nil); r.status >= 500 {
				h.t.Errorf("status %d: %s", r.status, r.body)
			}
		}
		if strings.ContainsAny(said, "\r\n\x00") || strings.ContainsFunc(said, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			continue // net/http does not send these; TestHostileHTTP does
		}
		for _, header := range []string{"Idempotency-Key", "Upload-Complete", "Content-Type", "Content-Encoding"} {
			refused(h.call("housing-submitter", http.MethodPost, submissionsPath("housing.tenancy", "ISA-TH-WMP-001"), "[]", header, said))
		}
		h.call("analyst", http.MethodGet, "/v1/agreements", nil, "User-Agent", said, "Accept-Language", said).want(http.StatusOK, nil)
	}
	return n
}

// plainly checks that nothing hidden is in the entries of the log or in what the gateway
// has written for its operator, and that each line of that is one of JSON.
func (h *house) plainly() {
	h.t.Helper()
	hidden := func(line string) bool {
		return strings.ContainsFunc(strings.TrimSuffix(line, "\n"), text.Hidden)
	}
	lines := 0
	for line := range strings.Lines(h.logs.String()) {
		lines++
		if hidden(line) || !json.Valid([]byte(line)) {
			h.t.Errorf("the gateway's log has the line %+q", line)
		}
	}
	entries := 0
	for line := range strings.Lines(h.openEntries()) {
		entries++
		var e any
		if err := json.Unmarshal([]byte(line), &e); err != nil || hidden(line) {
			h.t.Errorf("the log has the entry %+q: %v", line, err)
		}
		for _, part := range []string{`\u00`, `\n`, `\r`, "forged", "gnihton"} {
			if strings.Contains(line, part) {
				h.t.Errorf("the log has %s in %+q", part, line)
			}
		}
	}
	if lines < 100 || entries < 60 {
		h.t.Errorf("only %d lines and %d entries", lines, entries)
	}
}
