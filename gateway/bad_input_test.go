package gateway_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/record"
	"github.com/concord-gateway/concord/gateway/store/sqlite"
)

// stored is what a data folder holds, seen by another connection than the
// gateway's own.
type stored struct{ records, entries int64 }

// stored counts what is durable now.
func (h *house) stored() stored {
	h.t.Helper()
	db, err := sqlite.Open(h.t.Context(), h.cfg.DataDir, sqlite.Options{ReadOnly: true})
	if err != nil {
		h.t.Fatal(err)
	}
	defer db.Close()
	n, err := db.Records().Count(h.t.Context(), record.Filter{})
	if err != nil {
		h.t.Fatal(err)
	}
	last, err := db.Log().LastBatch(h.t.Context())
	switch {
	case fault.Is(err, fault.NotFound):
		return stored{records: n}
	case err != nil:
		h.t.Fatal(err)
	}
	return stored{n, last.Size}
}

const subjectPath = "/v1/profiles/subject"

// TestBadBodies holds the bodies that no route takes: each is refused with the
// place that is wrong, is logged as a refusal, and releases nothing.
func TestBadBodies(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.fill()
	const good = `"purpose":"soc-investigation","justification":"j","case_ref":"OP-LANTERN","subject":{"nhs_number":"9990000018"}`
	cases := []struct {
		name, path, body, code, pointer string
		status                          int
	}{
		{"not JSON", subjectPath, `{"purpose":`, "malformed-json", "", 400},
		{"empty", subjectPath, ``, "malformed-json", "", 400},
		{"trailing", subjectPath, `{` + good + `}{}`, "malformed-json", "", 400},
		{"not UTF-8", subjectPath, "{\"purpose\":\"\xff\"}", "malformed-json", "", 400},
		{"array", subjectPath, `[]`, "wrong-type", "", 400},
		{"duplicate key", subjectPath, `{"purpose":"a",` + good + `}`, "duplicate-key", "/purpose", 400},
		{"duplicate key inside", subjectPath, `{"subject":{"upn":"a","upn":"b"}}`, "duplicate-key", "/subject/upn", 400},
		{"unknown field", subjectPath, `{` + good + `,"limit":1}`, "unknown-field", "/limit", 400},
		{"unknown field inside", subjectPath, `{"subject":{"email":"x"}}`, "unknown-field", "/subject/email", 400},
		{"wrong case", subjectPath, `{"Purpose":"soc-investigation"}`, "unknown-field", "/Purpose", 400},
		{"wrong case inside", subjectPath, `{"subject":{"NHS_number":"9990000018"}}`, "unknown-field", "/subject/NHS_number", 400},
		{"a key that is no name", subjectPath, `{"a/b~c":1}`, "unknown-field", "", 400},
		{"wrong type", subjectPath, `{"purpose":7}`, "wrong-type", "/purpose", 400},
		{"wrong type inside", subjectPath, `{"subject":{"upn":["x"]}}`, "wrong-type", "/subject/upn", 400},
		{"NUL", subjectPath, `{"purpose":"a\u0000b"}`, "bad-text", "/purpose", 400},
		{"lone surrogate", subjectPath, `{"purpose":"\ud800"}`, "bad-text", "/purpose", 400},
		{"too deep", subjectPath, `{"purpose":` + strings.Repeat("[", 20) + strings.Repeat("]", 20) + `}`, "too-deep", "", 400},
		{"too large", subjectPath, `{"purpose":"` + strings.Repeat("a", 70<<10) + `"}`, "", "", 413},
		{"area, unknown field", "/v1/profiles/area", `{"filter":"x"}`, "unknown-field", "/filter", 400},
		{"explain, duplicate key", "/v1/decisions/explain", `{"purpose":"a","purpose":"b"}`, "duplicate-key", "/purpose", 400},
		{"case link, unknown field", "/v1/case-links", `{"kind":"assigned"}`, "unknown-field", "/kind", 400},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			h := h.in(t)
			before := h.stored()
			p := h.call("analyst", http.MethodPost, c.path, c.body).problem(c.status, c.code)
			if c.name != "too deep" && p.Pointer != c.pointer {
				t.Errorf("pointer %q, want %q", p.Pointer, c.pointer)
			}
			after := h.stored()
			if p.AuditIndex == nil || *p.AuditIndex != before.entries || after.entries != before.entries+1 || after.records != before.records {
				t.Errorf("audit index %v; %+v before, %+v after", p.AuditIndex, before, after)
			}
		})
	}
}

// TestBadBodiesOtherType refuses a body that does not say it is JSON.
func TestBadBodiesOtherType(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for _, contentType := range []string{"text/plain", "application/x-www-form-urlencoded", "application/jsonp"} {
		h.call("analyst", http.MethodPost, subjectPath, ask("soc-investigation", rowan()), "Content-Type", contentType).
			problem(http.StatusUnsupportedMediaType, "unsupported-media-type")
	}
	h.call("analyst", http.MethodPost, subjectPath, ask("soc-investigation", rowan()), "Content-Type", "application/json; charset=utf-8").
		want(http.StatusForbidden, nil)
	h.call("housing-submitter", http.MethodPost, submissionsPath("housing.tenancy", "ISA-TH-WMP-001"), "a,b\n1,2\n", "Content-Type", "text/tab-separated-values").
		problem(http.StatusUnsupportedMediaType, "unsupported-media-type")
}

func submissionsPath(dataset, agreement string) string {
	return "/v1/datasets/" + dataset + "/submissions?agreement=" + agreement
}

// TestMissingFields holds that a question without purpose, justification, case
// or subject is told which is missing.
func TestMissingFields(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	subject := ask("soc-investigation", rowan())
	area := askArea("soc-local-profile", "E06000020", "2026-01", "2026-06", "none")
	for _, c := range []struct {
		path    string
		body    map[string]any
		missing []string
	}{
		{subjectPath, subject, []string{"purpose", "justification", "case_ref", "subject"}},
		{"/v1/profiles/area", area, []string{"purpose", "justification", "case_ref", "area", "from", "to"}},
		{"/v1/case-links", map[string]any{"case_ref": opCase, "analyst": "analyst@west-mercia-police.example", "subject": rowan()}, []string{"case_ref", "analyst"}},
		{"/v1/decisions/explain", map[string]any{"purpose": "soc-investigation"}, []string{"purpose"}},
	} {
		for _, name := range c.missing {
			for kind, value := range map[string]any{"absent": nil, "empty": "", "blank": "  "} {
				if name == "subject" && kind != "absent" {
					continue
				}
				body := without(c.body, name)
				if value != nil {
					body[name] = value
				}
				p := h.call("analyst", http.MethodPost, c.path, body).problem(http.StatusBadRequest, "required")
				if p.Pointer != "/"+name || !strings.Contains(p.Detail, name) {
					t.Errorf("%s, %s %s: pointer %q, detail %q", c.path, name, kind, p.Pointer, p.Detail)
				}
			}
		}
	}
	long := ask("soc-investigation", rowan())
	long["justification"] = strings.Repeat("x", 4001)
	if p := h.call("analyst", http.MethodPost, subjectPath, long).problem(http.StatusBadRequest, "too-long"); p.Pointer != "/justification" {
		t.Errorf("pointer %q", p.Pointer)
	}
}

// TestMissingEmergencyFields names what a claim of emergency access lacks.
func TestMissingEmergencyFields(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for _, name := range []string{"ground", "incident"} {
		q := emergency(ask("protection-of-life", rowan()), "threat_to_life")
		delete(q["emergency"].(map[string]string), name)
		if p := h.call("analyst", http.MethodPost, subjectPath, q).problem(http.StatusBadRequest, "required"); p.Pointer != "/emergency/"+name {
			t.Errorf("pointer %q", p.Pointer)
		}
	}
}

// TestBadSubjects refuses identifiers that identify nobody, naming the one that
// is wrong and never its value.
func TestBadSubjects(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for _, c := range []struct {
		subject map[string]string
		pointer string
	}{
		{map[string]string{"nhs_number": "9434765871"}, "/subject/nhs_number"},
		{map[string]string{"pnc_id": "2001/0171310S"}, "/subject/pnc_id"},
		{map[string]string{"upn": "A801200005001"}, "/subject/upn"},
		{map[string]string{"given_name": "Rowan"}, "/subject"},
		{map[string]string{"postcode": "TF1 5AB"}, "/subject"},
		{map[string]string{"given_name": "Rowan", "family_name": "Quill", "date_of_birth": "1990-04-12"}, "/subject"},
		{map[string]string{"given_name": "Rowan", "family_name": "Quill", "date_of_birth": "1990-02-30", "postcode": "TF1 5AB"}, "/subject/date_of_birth"},
		{map[string]string{}, "/subject"},
	} {
		r := h.call("analyst", http.MethodPost, subjectPath, ask("soc-investigation", c.subject))
		var p problemBody
		if r.want(http.StatusBadRequest, &p); p.Pointer != c.pointer {
			t.Errorf("%v: pointer %q, want %q", c.subject, p.Pointer, c.pointer)
		}
		for _, value := range c.subject {
			if strings.Contains(string(r.body), value) {
				t.Errorf("the answer repeats %q: %s", value, r.body)
			}
		}
	}
}
