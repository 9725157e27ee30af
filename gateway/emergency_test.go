package gateway_test

import (
	"maps"
	"net/http"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestEmergencyReleasesTheShortList gives on each ground exactly the fields
// that the agreement lists for it, in full, and without a case link.
func TestEmergencyReleasesTheShortList(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for _, s := range fullRows() {
		h.submit(s)
	}
	for _, c := range []struct {
		ground, provider, dataset string
		want                      []string
	}{
		{"threat_to_life", "mercia-health", "health.substance_referral", []string{
			"/date_of_birth", "/fact_or_opinion", "/family_name", "/given_name", "/key_worker_phone", "/risk_to_others",
			"/subject_category", "/substance", "/treatment_status",
		}},
		{"child_at_immediate_risk", "mercia-health", "health.substance_referral", []string{
			"/exploitation_concern", "/family_name", "/given_name", "/key_worker_phone",
		}},
		{"threat_to_life", "telford-housing", "housing.tenancy", []string{
			"/family_name", "/given_name", "/postcode", "/tenancy_status", "/uprn",
		}},
		{"child_at_immediate_risk", "mercia-education", "education.exclusion", []string{
			"/date_of_birth", "/family_name", "/given_name", "/postcode", "/school_urn",
		}},
		{"threat_to_life", "mercia-education", "education.exclusion", nil},
		{"imminent_serious_harm", "mercia-health", "health.substance_referral", nil},
		{"imminent_serious_harm", "telford-housing", "housing.tenancy", nil},
	} {
		var a subjectAnswer
		h.call("analyst", http.MethodPost, subjectPath, emergency(ask("protection-of-life", everyIdentifier()), c.ground)).want(http.StatusOK, &a)
		records := a.records(c.provider, c.dataset)
		if c.want == nil {
			if len(records) > 0 || !slices.Contains(a.whyWithheld(c.provider, c.dataset), "ground_not_covered") {
				t.Errorf("%s, %s: %v, withheld %v", c.ground, c.dataset, records, a.whyWithheld(c.provider, c.dataset))
			}
			continue
		}
		if len(records) != 1 {
			t.Errorf("%s, %s: %d records", c.ground, c.dataset, len(records))
			continue
		}
		if diff := cmp.Diff(c.want, slices.Sorted(maps.Keys(records[0]))); diff != "" {
			t.Errorf("%s, %s (-want +got):\n%s", c.ground, c.dataset, diff)
		}
	}
}

// TestEmergencyByWhom refuses a claim from who does not hold the role, on an
// unknown ground, and for another purpose.
func TestEmergencyByWhom(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.fill()
	claim := emergency(ask("protection-of-life", rowan()), "threat_to_life")
	plain := h.mint("west-mercia-police", "plain@west-mercia-police.example", "analyst")
	withheldFor := func(r *response) []string {
		var p struct{ Withheld []struct{ Code string } }
		r.want(http.StatusForbidden, &p)
		var out []string
		for _, w := range p.Withheld {
			if !slices.Contains(out, w.Code) {
				out = append(out, w.Code)
			}
		}
		return out
	}
	for _, c := range []struct {
		name string
		r    *response
		code string
	}{
		{"no emergency role", h.callWith(plain, http.MethodPost, subjectPath, claim), "emergency_role_required"},
		{"unknown ground", h.call("analyst", http.MethodPost, subjectPath, emergency(ask("protection-of-life", rowan()), "curiosity")), "ground_unknown"},
		{"another purpose", h.call("analyst", http.MethodPost, subjectPath, emergency(ask("soc-investigation", rowan()), "threat_to_life")), "emergency_purpose_required"},
	} {
		if got := withheldFor(c.r); !slices.Contains(got, c.code) {
			t.Errorf("%s: codes %v, want %s", c.name, got, c.code)
		}
	}
	// The purpose without a claim permits nothing.
	h.call("analyst", http.MethodPost, subjectPath, ask("protection-of-life", rowan())).problem(http.StatusForbidden, "nothing-permitted")
	// There is no emergency for an area: the field does not exist there.
	area := askArea("soc-local-profile", "E06000020", "2026-01", "2026-06", "none")
	area["emergency"] = map[string]string{"ground": "threat_to_life", "incident": "INC-1"}
	if p := h.call("analyst", http.MethodPost, "/v1/profiles/area", area).problem(http.StatusBadRequest, "unknown-field"); p.Pointer != "/emergency" {
		t.Errorf("pointer %q", p.Pointer)
	}
	h.call("supervisor", http.MethodPost, subjectPath, claim).problem(http.StatusForbidden, "role_missing")
}
