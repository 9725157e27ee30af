package gateway_test

import (
	"maps"
	"net/http"
)

// rowan is a synthetic person of whom four providers hold a record.
func rowan() map[string]string {
	return map[string]string{
		"nhs_number": "9990000018", "pnc_id": "2002/0073319Z",
		"given_name": "Rowan", "family_name": "Ashdown-Quill", "date_of_birth": "1990-04-12", "postcode": "TF1 5AB",
	}
}

// nobody is a synthetic person of whom nobody holds a record.
func nobody() map[string]string {
	return map[string]string{
		"nhs_number": "9990000026", "pnc_id": "1981/0000034U",
		"given_name": "Ines", "family_name": "Thistlewood", "date_of_birth": "1988-09-30", "postcode": "TF2 7DE",
	}
}

// row builds a row from a person's identifiers and the rest.
func row(who map[string]string, ids []string, rest map[string]any) map[string]any {
	out := maps.Clone(rest)
	for _, id := range ids {
		out[id] = who[id]
	}
	return out
}

func compoundIDs(more ...string) []string {
	return append([]string{"given_name", "family_name", "date_of_birth", "postcode"}, more...)
}

// tenancy is a row of housing.tenancy; source ids begin with "T".
func tenancy(who map[string]string, source string) map[string]any {
	return row(who, compoundIDs(), map[string]any{
		"source_id": source, "area": "E06000020", "uprn": "100023336956", "tenancy_type": "secure",
		"tenancy_status": "current", "tenancy_start": "2024-03-04", "reason_left_last_home": "57",
		"fact_or_opinion": "fact", "subject_category": "not_known",
	})
}

// concern is a row of housing.concern.
func concern(who map[string]string, source string) map[string]any {
	return row(who, compoundIDs(), map[string]any{
		"source_id": source, "area": "E06000020", "uprn": "100023336956", "concern_type": "cuckooing",
		"reported_on": "2026-08-17", "severity": "high", "reporter_role": "neighbour", "status": "open",
		"children_present": false, "summary": "Visitors at all hours; the tenant seems afraid.",
		"fact_or_opinion": "opinion", "subject_category": "victim",
	})
}

// nominal is a row of police.nominal.
func nominal(who map[string]string, source string) map[string]any {
	return row(who, compoundIDs("pnc_id"), map[string]any{
		"source_id": source, "area": "E06000020", "recorded_on": "2026-05-02", "soc_role": "peripheral",
		"crime_type": "drugs", "grading": "2BP", "fact_or_opinion": "opinion", "subject_category": "suspect",
	})
}

// referral is a row of health.substance_referral.
func referral(who map[string]string, source string) map[string]any {
	return row(who, compoundIDs("nhs_number"), map[string]any{
		"source_id": source, "area": "E06000020", "referral_date": "2026-06-11", "substance": "opiates",
		"referral_route": "gp", "treatment_status": "in_treatment", "risk_to_others": "low",
		"exploitation_concern": true, "fact_or_opinion": "fact", "subject_category": "not_known",
	})
}

// sent is one submission of the test's people.
type sent struct {
	persona, dataset, agreement string
	rows                        []map[string]any
}

func theirRows() []sent {
	return []sent{
		{"housing-submitter", "housing.tenancy", "ISA-TH-WMP-001", []map[string]any{tenancy(rowan(), "T-1")}},
		{"housing-submitter", "housing.concern", "ISA-TH-WMP-001", []map[string]any{concern(rowan(), "C-1")}},
		{"police-submitter", "police.nominal", "ISA-WMP-WMP-001", []map[string]any{nominal(rowan(), "N-1")}},
		{"health-submitter", "health.substance_referral", "ISA-MH-WMP-002", []map[string]any{referral(rowan(), "R-1")}},
	}
}

// submission is the answer to one.
type submission struct {
	SubmissionID                                       string `json:"submission_id"`
	State                                              string
	Received, Accepted, Unchanged, Corrected, Rejected int
	Errors                                             []struct {
		Row                            int
		Pointer, Code, Message, Remedy string
	}
	AuditIndex *int64 `json:"audit_index"`
}

func (h *house) submit(s sent) submission {
	h.t.Helper()
	var out submission
	h.call(s.persona, http.MethodPost, "/v1/datasets/"+s.dataset+"/submissions?agreement="+s.agreement, s.rows).want(http.StatusCreated, &out)
	return out
}

// fill submits the test's people and assigns the case.
func (h *house) fill() {
	h.t.Helper()
	for _, s := range theirRows() {
		if got := h.submit(s); got.Accepted != len(s.rows) {
			h.t.Fatalf("%s: %+v", s.dataset, got)
		}
	}
	for _, who := range []map[string]string{rowan(), nobody()} {
		h.assign(who)
	}
}

func (h *house) assign(who map[string]string) {
	h.t.Helper()
	h.call("supervisor", http.MethodPost, "/v1/case-links", map[string]any{
		"case_ref": opCase, "analyst": "analyst@west-mercia-police.example", "subject": who,
	}).want(http.StatusCreated, nil)
}

// ask is the body of a question about a person.
func ask(purpose string, who map[string]string) map[string]any {
	return map[string]any{
		"purpose": purpose, "justification": "needed for the operation", "case_ref": opCase, "subject": who,
	}
}

// emergency adds a claim of emergency access.
func emergency(q map[string]any, ground string) map[string]any {
	q["emergency"] = map[string]string{"ground": ground, "incident": "INC-2026-0001"}
	return q
}

// askArea is the body of a question about an area.
func askArea(purpose, area, from, to, by string) map[string]any {
	return map[string]any{
		"purpose": purpose, "justification": "refresh of the local profile", "case_ref": "PROFILE-2026",
		"area": area, "from": from, "to": to, "by": by,
	}
}

// without returns a copy with one member left out.
func without(body map[string]any, name string) map[string]any {
	out := maps.Clone(body)
	delete(out, name)
	return out
}

// with returns a copy with one member set.
func with(body map[string]any, name string, value any) map[string]any {
	out := maps.Clone(body)
	out[name] = value
	return out
}

// subjectAnswer is the answer to a question about a person.
type subjectAnswer struct {
	ProfileID string `json:"profile_id"`
	Match     struct{ Outcome, Method string }
	Sections  []struct {
		Dataset, Provider string
		Records           []struct {
			Fields     map[string]any
			Treatments map[string]string
			Provenance map[string]any
		}
	}
	Withheld []struct {
		Provider, Dataset, Code, Reason, Clause string
		Fields                                  []string
	}
	Salts      map[string]string
	Handling   map[string]any
	AuditIndex *int64 `json:"audit_index"`
	Audit      map[string]any
}

// records returns the records of a section, or none.
func (a *subjectAnswer) records(provider, dataset string) []map[string]any {
	var out []map[string]any
	for _, s := range a.Sections {
		if s.Provider == provider && s.Dataset == dataset {
			for _, r := range s.Records {
				out = append(out, r.Fields)
			}
		}
	}
	return out
}

// whyWithheld returns the codes under which a group is withheld.
func (a *subjectAnswer) whyWithheld(provider, dataset string) []string {
	var out []string
	for _, w := range a.Withheld {
		if w.Provider == provider && w.Dataset == dataset {
			out = append(out, w.Code)
		}
	}
	return out
}
