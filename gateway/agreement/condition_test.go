package agreement

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/concord-gateway/concord/gateway/release"
)

// A row condition whose attribute, operation and value do not fit each other
// would withhold every row without a word.
func TestConditionsThatFit(t *testing.T) {
	condition := func(attr, op, value string) string {
		return `{"attr": "` + attr + `", "op": "` + op + `", "value": ` + value + `}`
	}
	fits := [][3]string{
		{"area", "area_in", `["E06000020", "lpa:north-worcestershire"]`},
		{"area", "area_in", `"E10000034"`},
		{"/area", "in", `["E06000020"]`},
		{"date_of_birth", "age_gte", `18`},
		{"/date_of_birth", "age_lte", `17.5`},
		{"event_date", "within_days", `0`},
		{"/tenancy_end", "lte", `"2026-01-01"`},
		{"event_date", "gte", `"2026-01-01"`},
		{"/household_size", "gte", `2`},
		{"/household_size", "eq", `2`},
		{"subject_category", "in", `["suspect", "convicted"]`},
		{"subject_category", "eq", `"victim"`},
	}
	for _, c := range fits {
		if err := withCondition(t, condition(c[0], c[1], c[2])); err != nil {
			t.Errorf("%v is refused: %v", c, err)
		}
		if !met(t, condition(c[0], c[1], c[2])) {
			t.Errorf("%v is taken, and no record meets it", c)
		}
	}
	misfits := [][3]string{
		{"area", "area_in", `[]`},
		{"area", "area_in", `["Telford"]`},
		{"area", "area_in", `7`},
		{"/tenancy_type", "area_in", `["E06000020"]`},
		{"date_of_birth", "age_gte", `"18"`},
		{"date_of_birth", "age_gte", `-1`},
		{"subject_category", "age_gte", `18`},
		{"event_date", "within_days", `"365"`},
		{"event_date", "within_days", `null`},
		{"/tenancy_status", "within_days", `30`},
		{"event_date", "gte", `2026`},
		{"event_date", "gte", `"1 January 2026"`},
		{"/tenancy_status", "gte", `"current"`},
		{"/household_size", "lte", `"2"`},
		{"subject_category", "eq", `["victim"]`},
		{"subject_category", "eq", `"Victim"`},
		{"subject_category", "in", `"victim"`},
		{"subject_category", "in", `["victim", "nobody"]`},
		{"subject_category", "in", `{}`},
		{"/support_needs", "eq", `"care_leaver"`},
		{"/support_needs", "in", `["care_leaver"]`},
	}
	for _, c := range misfits {
		f := finding(t, withCondition(t, condition(c[0], c[1], c[2])))
		if f.Rule != "condition-value" || f.Pointer != "/datasets/0/purposes/1/conditions/row/0/value" || f.Line == 0 || f.Remedy == "" {
			t.Errorf("%v: got %s", c, f)
		}
		// A limit below zero always holds, and one false code leaves the others.
		always := c[2] == `-1` || c[2] == `["victim", "nobody"]`
		if met(t, condition(c[0], c[1], c[2])) != always {
			t.Errorf("%v is refused, and a record meets it: %t", c, !always)
		}
	}
}

// met tells whether package release lets any of some records through, which have
// between them every kind of value that the conditions of the tests are about.
func met(t *testing.T, condition string) bool {
	t.Helper()
	var c release.Condition
	if err := json.Unmarshal([]byte(condition), &c); err != nil {
		t.Fatal(err)
	}
	in := release.Context{
		Now:    at(t, "2026-11-25T12:00:00Z"),
		InArea: func(code, within string) bool { return code == within || within == "E10000034" },
	}
	for _, born := range []string{"1990-04-12", "2012-01-01"} {
		for _, category := range []string{"suspect", "convicted", "victim", "witness_other", "not_known"} {
			r := release.Record{EventDate: "2026-11-25", Area: "E06000020", Value: map[string]any{
				"area": "E06000020", "date_of_birth": born, "subject_category": category, "tenancy_end": "2025-12-31",
				"tenancy_status": "current", "tenancy_type": "secure", "household_size": 2.0, "support_needs": []any{"care_leaver"},
			}}
			if release.Meets(r, []release.Condition{c}, in) {
				return true
			}
		}
	}
	return false
}

// withCondition loads an agreement on housing.tenancy with one row condition.
func withCondition(t *testing.T, condition string) error {
	t.Helper()
	const id = "ISA-SH-WMP-001"
	text := edited(t, source(t, id), `{
                "attr": "/tenancy_status",
                "op": "in",
                "value": ["current", "notice_served"]
              }`, condition)
	return lawful(t, folder(map[string]string{id: text}))
}

// A dataset without the field that an attribute stands for has no row that
// could meet the condition.
func TestConditionOnWhatTheDatasetLacks(t *testing.T) {
	const id = "ISA-WMP-SH-001"
	text := edited(t, source(t, id), `"kinds": ["area"]`,
		`"kinds": ["subject"], "conditions": {"row": [{"attr": "date_of_birth", "op": "age_gte", "value": 18}]}`)
	err := lawful(t, folder(map[string]string{id: text}))
	var found Findings
	if !errors.As(err, &found) || !slices.ContainsFunc(found, func(f Finding) bool {
		return f.Rule == "attribute-unknown" && strings.HasSuffix(f.Pointer, "/row/0/attr")
	}) {
		t.Errorf("got %v", err)
	}
}
