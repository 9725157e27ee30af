package gateway_test

import (
	"maps"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/concord-gateway/concord/gateway/config"
)

// find asks about a person under a fresh link and returns the answer.
func (h *house) find(purpose string, who map[string]string) subjectAnswer {
	h.t.Helper()
	h.assign(who)
	var a subjectAnswer
	h.call("analyst", http.MethodPost, subjectPath, ask(purpose, who)).want(http.StatusOK, &a)
	return a
}

// of returns some of a person's identifiers.
func of(who map[string]string, ids ...string) map[string]string {
	out := map[string]string{}
	for _, id := range ids {
		out[id] = who[id]
	}
	return out
}

// TestMatching finds a person by a strong identifier, by the whole compound, or
// not at all; and over one hop where a record carries both.
func TestMatching(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for _, s := range theirRows() {
		h.submit(s)
	}
	compound := of(rowan(), compoundIDs()...)
	for _, c := range []struct {
		name           string
		who            map[string]string
		outcome        string
		tenancy, known bool
	}{
		{"strong", of(rowan(), "pnc_id"), "matched", true, true}, // the hop: PNC to nominal, its compound to the tenancy
		{"short form", map[string]string{"pnc_id": "02/73319Z"}, "matched", true, true},
		{"compound", compound, "matched", true, true},
		{"compound, other spelling", map[string]string{
			"given_name": " ROWAN", "family_name": "ashdown quill", "date_of_birth": "1990-04-12", "postcode": "tf15ab",
		}, "matched", true, true},
		{"all", rowan(), "matched", true, true},
		{"nobody", nobody(), "none", false, false},
		{"another birth date", func() map[string]string {
			w := of(rowan(), compoundIDs()...)
			w["date_of_birth"] = "1990-04-13"
			return w
		}(), "none", false, false},
		{"another postcode", func() map[string]string {
			w := of(rowan(), compoundIDs()...)
			w["postcode"] = "TF1 5AD"
			return w
		}(), "none", false, false},
		// The referral alone carries the NHS number, and nothing of it is
		// permitted for this purpose: it is not searched, and finds nobody.
		{"strong in a dataset that is not permitted", of(rowan(), "nhs_number"), "none", false, false},
	} {
		a := h.find("soc-investigation", c.who)
		if a.Match.Outcome != c.outcome {
			t.Errorf("%s: %+v", c.name, a.Match)
		}
		if got := len(a.records("telford-housing", "housing.tenancy")) == 1; got != c.tenancy {
			t.Errorf("%s: tenancy found %v", c.name, got)
		}
		if got := len(a.records("west-mercia-police", "police.nominal")) == 1; got != c.known {
			t.Errorf("%s: nominal found %v", c.name, got)
		}
		if c.outcome != "matched" && (len(a.Sections) > 0 || len(a.Salts) > 0) {
			t.Errorf("%s: %d sections", c.name, len(a.Sections))
		}
	}
}

// TestMatchingAmbiguous gives no data where two people fit, and does not say
// who they are or by what they were found.
func TestMatchingAmbiguous(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for _, s := range theirRows() {
		h.submit(s)
	}
	// Somebody with the same names, birth date and postcode, and another PNC ID.
	twin := rowan()
	twin["pnc_id"] = "1981/0000034U"
	h.submit(sent{"police-submitter", "police.nominal", "ISA-WMP-WMP-001", []map[string]any{nominal(twin, "N-2")}})
	for name, who := range map[string]map[string]string{
		"compound": of(rowan(), compoundIDs()...), "strong": of(rowan(), "pnc_id"),
	} {
		if a := h.find("soc-investigation", who); a.Match.Outcome != "ambiguous" || a.Match.Method != "" || len(a.Sections) > 0 || len(a.Salts) > 0 {
			t.Errorf("%s: %+v with %d sections", name, a.Match, len(a.Sections))
		}
	}
}

// withPNC returns a copy of identifiers with the PNC ID of the stem given.
func withPNC(who map[string]string, stem string) map[string]string {
	const alphabet = "ZABCDEFGHJKLMNPQRTUVWXY"
	n := 0
	for _, c := range stem[2:4] + stem[5:] {
		n = n*10 + int(c-'0')
	}
	out := maps.Clone(who)
	out["pnc_id"] = stem + string(alphabet[n%23])
	return out
}

// TestMatchingTwoPeople gives nothing when a question names two people at once.
func TestMatchingTwoPeople(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	other := withPNC(nobody(), "2003/0000001")
	for source, who := range map[string]map[string]string{"N-1": rowan(), "N-2": other} {
		h.submit(sent{"police-submitter", "police.nominal", "ISA-WMP-WMP-001", []map[string]any{nominal(who, source)}})
	}
	both := of(rowan(), compoundIDs()...)
	both["pnc_id"] = other["pnc_id"]
	if a := h.find("soc-investigation", both); a.Match.Outcome != "ambiguous" || len(a.Sections) > 0 {
		t.Errorf("%+v with %d sections", a.Match, len(a.Sections))
	}
	if a := h.find("soc-investigation", of(other, "pnc_id")); a.Match.Outcome != "matched" || len(a.Sections) != 1 {
		t.Errorf("the other alone: %+v with %d sections", a.Match, len(a.Sections))
	}
}

// TestExpiredRecords releases nothing whose retention has ended, and counts it
// in no edition.
func TestExpiredRecords(t *testing.T) {
	t.Parallel()
	dir := copyPolicies(t)
	for _, id := range []string{"ISA-SH-WMP-001", "ISA-TH-WMP-001"} { // reviewed in time
		name := filepath.Join(dir, "agreements", id, "agreement.json")
		write(t, name, strings.Replace(read(t, name), `"review": "2027`, `"review": "2028`, 1))
	}
	h := newHouse(t, func(c *config.Config) { c.PoliciesDir = dir })
	severn := with(tenancy(rowan(), "S-1"), "area", "E07000237")
	h.submit(sent{"severn-submitter", "housing.tenancy", "ISA-SH-WMP-001", []map[string]any{severn}}) // kept 365 days
	h.submit(theirRows()[0])                                                                          // kept 730 days
	for days, want := range map[int][]bool{364: {true, true}, 366: {false, true}} {
		h.clock.mu.Lock()
		h.clock.now = testDay().Add(time.Duration(days) * 24 * time.Hour)
		h.clock.mu.Unlock()
		a := h.find("soc-investigation", rowan())
		got := []bool{len(a.records("severn-homes", "housing.tenancy")) == 1, len(a.records("telford-housing", "housing.tenancy")) == 1}
		if !slices.Equal(got, want) {
			t.Errorf("after %d days: %v, want %v", days, got, want)
		}
	}
}

// TestCorrections releases the newest version alone, by its own identifiers.
func TestCorrections(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.submit(theirRows()[0])
	corrected := theirRows()[0]
	corrected.rows = []map[string]any{with(with(tenancy(rowan(), "T-1"), "tenancy_status", "notice_served"), "postcode", "WR1 2EY")}
	if got := h.submit(corrected); got.Corrected != 1 {
		t.Fatalf("%+v", got)
	}
	moved := of(rowan(), compoundIDs()...)
	moved["postcode"] = "WR1 2EY"
	records := h.find("soc-investigation", moved)
	if got := records.records("telford-housing", "housing.tenancy"); len(got) != 1 || got[0]["/tenancy_status"] != "notice_served" || got[0]["/postcode"] != "WR1" {
		t.Errorf("%v", got)
	}
	if a := h.find("soc-investigation", of(rowan(), compoundIDs()...)); a.Match.Outcome != "none" {
		t.Errorf("the version before is found: %+v", a.Match)
	}
	// Back to what it was: a third version, not the first again.
	if got := h.submit(theirRows()[0]); got.Corrected != 1 {
		t.Errorf("%+v", got)
	}
	if a := h.find("soc-investigation", of(rowan(), compoundIDs()...)); a.Match.Outcome != "matched" {
		t.Errorf("%+v", a.Match)
	}
}

// TestRowConditions keeps back the attendance rows of which the agreement says
// that they never leave, wherever they are asked for.
func TestRowConditions(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	child := of(rowan(), compoundIDs()...)
	child["upn"] = "T884999924001"
	mark := func(source, code string) map[string]any {
		return row(child, compoundIDs("upn"), map[string]any{
			"source_id": source, "area": "E06000020", "school_urn": "140201", "academic_year": "2025/26", "session_date": "2026-03-04",
			"session": "AM", "code": code, "fact_or_opinion": "fact", "subject_category": "not_known",
		})
	}
	h.submit(sent{"education-submitter", "education.attendance", "ISA-ME-WMP-002", []map[string]any{mark("A-1", "Y5"), mark("A-2", "G"), mark("A-3", "Y5")}})
	a := h.find("child-exploitation-safeguarding", child)
	records := a.records("mercia-education", "education.attendance")
	if len(records) != 1 || records[0]["/code"] != "G" {
		t.Errorf("%v", records)
	}
	items, raw := h.register("education-ig")
	if items[0].Entry.Released[0].Records != 1 || strings.Contains(raw, "Y5") {
		t.Errorf("%+v", items[0].Entry.Released)
	}
	// With rows of that code alone the pupil is not there: the same answer as
	// for a pupil of whom nothing is held.
	h.submit(sent{"education-submitter", "education.attendance", "ISA-ME-WMP-002", []map[string]any{mark("A-2", "Y5")}})
	if a := h.find("child-exploitation-safeguarding", child); a.Match.Outcome != "none" || len(a.Sections) > 0 {
		t.Errorf("%+v", a.Match)
	}
}

// TestRowConditionsOfAnAgreement puts further conditions into a copy of an
// agreement: a row that does not meet them all stays.
func TestRowConditionsOfAnAgreement(t *testing.T) {
	t.Parallel()
	dir := copyPolicies(t)
	name := filepath.Join(dir, "agreements", "ISA-TH-WMP-001", "agreement.json")
	const was = `"conditions": {
            "case_link": "assigned"
          }`
	text := read(t, name)
	if !strings.Contains(text, was) {
		t.Fatal("the agreement has another form than the test expects")
	}
	write(t, name, strings.Replace(text, was, `"conditions": {
            "case_link": "assigned",
            "row": [
              {"attr": "/tenancy_start", "op": "within_days", "value": 400},
              {"attr": "/tenancy_status", "op": "in", "value": ["current", "notice_served"]}
            ]
          }`, 1))
	h := newHouse(t, func(c *config.Config) { c.PoliciesDir = dir })
	recent := with(tenancy(rowan(), "T-1"), "tenancy_start", "2026-01-05")
	h.submit(sent{"housing-submitter", "housing.tenancy", "ISA-TH-WMP-001", []map[string]any{
		recent, tenancy(rowan(), "T-2"), with(with(recent, "source_id", "T-3"), "tenancy_status", "ended"),
	}})
	a := h.find("soc-investigation", rowan())
	if got := a.records("telford-housing", "housing.tenancy"); len(got) != 1 || got[0]["/tenancy_start"] != "2026-01" {
		t.Errorf("%v", got)
	}
}
