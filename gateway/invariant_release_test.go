package gateway_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/concord-gateway/concord/gateway/identity/devissuer"
)

// full fills in every field that an agreement lets a provider send, so that
// whatever is released wrongly is there to be seen.
func fullRows() []sent {
	child := map[string]string{
		"upn": "T884999924001", "given_name": "Rowan", "family_name": "Ashdown-Quill", "date_of_birth": "1990-04-12", "postcode": "TF1 5AB",
	}
	marks := map[string]any{"fact_or_opinion": "fact", "subject_category": "not_known"}
	exclusion := row(child, compoundIDs("upn"), map[string]any{
		"source_id": "X-CANARY-1", "area": "E06000020", "school_urn": "140201", "academic_year": "2025/26", "exclusion_type": "SUSP",
		"reasons": []string{"DA"}, "start_date": "2026-03-03", "sessions": 41, "sen_provision": "ehc_plan",
		"fact_or_opinion": marks["fact_or_opinion"], "subject_category": marks["subject_category"],
	})
	attendance := row(child, compoundIDs("upn"), map[string]any{
		"source_id": "A-CANARY-1", "area": "E06000020", "school_urn": "140201", "academic_year": "2025/26", "year_group": 11,
		"session_date": "2026-03-04", "session": "AM", "code": "G", "minutes_late": 43,
		"fact_or_opinion": marks["fact_or_opinion"], "subject_category": marks["subject_category"],
	})
	ten := with(tenancy(rowan(), "T-CANARY-1"), "household_size", 29)
	ten["tenancy_end"] = "2026-09-09"
	nom := with(nominal(rowan(), "N-CANARY-1"), "cro", "123456/24X")
	nom["handling_conditions"] = "Not to be shown to the subject CANARY."
	nom["ocg_reference"] = "OCG-CANARY-7"
	ref := with(referral(rowan(), "R-CANARY-1"), "key_worker_phone", "01952 000 017")
	severn := with(tenancy(rowan(), "S-CANARY-1"), "area", "E07000237")
	conc := without(concern(rowan(), "C-CANARY-1"), "reporter_role")
	return []sent{
		{"housing-submitter", "housing.tenancy", "ISA-TH-WMP-001", []map[string]any{ten}},
		{"severn-submitter", "housing.tenancy", "ISA-SH-WMP-001", []map[string]any{severn}},
		{"housing-submitter", "housing.concern", "ISA-TH-WMP-001", []map[string]any{conc}},
		{"police-submitter", "police.nominal", "ISA-WMP-WMP-001", []map[string]any{nom}},
		{"health-submitter", "health.substance_referral", "ISA-MH-WMP-002", []map[string]any{ref}},
		{"education-submitter", "education.exclusion", "ISA-ME-WMP-001", []map[string]any{exclusion}},
		{"education-submitter", "education.attendance", "ISA-ME-WMP-002", []map[string]any{attendance}},
	}
}

// child is Rowan by the pupil number as well.
func everyIdentifier() map[string]string {
	who := rowan()
	who["upn"] = "T884999924001"
	return who
}

// grounds are the coded grounds of emergency access.
func grounds() []string {
	return []string{"", "threat_to_life", "imminent_serious_harm", "child_at_immediate_risk", "court_order"}
}

func purposes() []string {
	return []string{
		"soc-local-profile", "serious-violence-prevention", "soc-investigation", "child-exploitation-safeguarding",
		"modern-slavery-safeguarding", "protection-of-life", "tenancy-enforcement", "unheard-of",
	}
}

// named returns the treatments that the papers name for a field that may leave:
// by provider, dataset, purpose or ground, and field.
func named(t *testing.T, recipient, purpose, ground string) map[string][]string {
	t.Helper()
	out := map[string][]string{}
	for _, p := range papers(t) {
		if p.Recipient.Agency != recipient || p.ID == "ISA-ME-WMP-003" || p.ID == "ISA-SH-WMP-002" { // expired, suspended
			continue
		}
		for _, d := range p.Datasets {
			at := p.Provider.Agency + " " + d.Dataset + " "
			if ground != "" {
				for f, treatment := range d.Emergency[ground].Fields {
					out[at+f] = append(out[at+f], treatment)
				}
				continue
			}
			for _, u := range d.Purposes {
				if u.Purpose != purpose || !slices.Contains(u.Kinds, "subject") {
					continue
				}
				for f, treatment := range u.Fields {
					out[at+f] = append(out[at+f], treatment)
				}
			}
		}
	}
	return out
}

// TestInvariant02OnlyWhatAnAgreementNames asks as every persona, for every
// purpose and on every ground about a person of whom every provider holds every
// field: no field comes back that no agreement in force names for that
// recipient, provider, dataset and purpose, and each comes back as it is named.
func TestInvariant02OnlyWhatAnAgreementNames(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for _, s := range fullRows() {
		if got := h.submit(s); got.Accepted != 1 {
			t.Fatalf("%s: %+v", s.dataset, got)
		}
	}
	h.assign(everyIdentifier())
	released := map[string]bool{}
	for _, p := range devissuer.Personas() {
		for _, purpose := range purposes() {
			for _, ground := range grounds() {
				if p.Name != "analyst" && (purpose != "soc-investigation" && purpose != "protection-of-life" || ground != "" && ground != "threat_to_life") {
					continue // refused before the purpose counts; two are enough
				}
				q := ask(purpose, everyIdentifier())
				if ground != "" {
					q = emergency(q, ground)
				}
				r := h.call(p.Name, http.MethodPost, subjectPath, q)
				if p.Name != "analyst" && r.status == http.StatusOK {
					t.Errorf("%s got an answer: %s", p.Name, r.body)
				}
				if r.status != http.StatusOK {
					if strings.Contains(string(r.body), "CANARY") || strings.Contains(string(r.body), "Ashdown") {
						t.Errorf("%s, %s %s: a refusal with data: %s", p.Name, purpose, ground, r.body)
					}
					continue
				}
				checkNamed(t, r, named(t, p.Agency, purpose, ground), released, purpose+" "+ground)
			}
		}
	}
	for _, group := range []string{
		"telford-housing housing.tenancy", "severn-homes housing.tenancy", "telford-housing housing.concern", "west-mercia-police police.nominal",
		"mercia-health health.substance_referral", "mercia-education education.exclusion", "mercia-education education.attendance",
	} {
		if !released[group] {
			t.Errorf("nothing of %s was released for any purpose: the test has not seen it", group)
		}
	}
}

// checkNamed holds one answer against the papers.
func checkNamed(t *testing.T, r *response, allowed map[string][]string, released map[string]bool, why string) {
	t.Helper()
	var a subjectAnswer
	r.want(http.StatusOK, &a)
	if a.Match.Outcome != "matched" {
		t.Errorf("%s: %+v", why, a.Match)
	}
	for _, s := range a.Sections {
		released[s.Provider+" "+s.Dataset] = true
		for _, rec := range s.Records {
			for field := range rec.Fields {
				at := s.Provider + " " + s.Dataset + " " + field
				treatment := rec.Treatments[field]
				if !slices.Contains(allowed[at], treatment) || treatment == "withhold" || treatment == "count_only" {
					t.Errorf("%s: %s released as %q, agreed %v", why, at, treatment, allowed[at])
				}
			}
		}
	}
	// What no agreement names for this question appears nowhere, whatever it
	// would be called.
	for value, fields := range map[string][]string{
		`ehc_plan`:          {"mercia-education education.exclusion /sen_provision"},
		`123456/24X`:        {"west-mercia-police police.nominal /cro"},
		`OCG-CANARY-7`:      {"west-mercia-police police.nominal /ocg_reference"},
		`01952 000 017`:     {"mercia-health health.substance_referral /key_worker_phone"},
		`opiates`:           {"mercia-health health.substance_referral /substance"},
		`in_treatment`:      {"mercia-health health.substance_referral /treatment_status"},
		`afraid`:            {"telford-housing housing.concern /summary"},
		`R-CANARY-1`:        {"mercia-health health.substance_referral /source_id"},
		`CANARY.`:           {"west-mercia-police police.nominal /handling_conditions"},
		`"minutes_late`:     {},
		`:41`:               {"mercia-education education.exclusion /sessions"},
		`9990000018`:        {"mercia-health health.substance_referral /nhs_number"},
		`/household_size":`: {"telford-housing housing.tenancy /household_size"},
	} {
		full := slices.ContainsFunc(fields, func(f string) bool {
			return slices.ContainsFunc(allowed[f], func(treatment string) bool { return treatment != "withhold" && treatment != "count_only" })
		})
		if !full && strings.Contains(string(r.body), value) {
			t.Errorf("%s: the answer holds %q: %s", why, value, r.body)
		}
	}
}
