package release_test

import (
	"encoding/json"
	"testing"

	"github.com/concord-gateway/concord/gateway/release"
)

func TestMeets(t *testing.T) {
	r := release.Record{
		EventDate: "2026-02-01", Area: "E07000237",
		Value: map[string]any{
			"date_of_birth": "2008-03-02", "subject_category": "suspect", "score": 4.0, "open": true, "none": nil,
			"home": map[string]any{"a/b": "x"}, "codes": []any{"PP"}, "seen": "2026-03-05", "area": "elsewhere",
		},
	}
	cases := []struct {
		attr, op string
		value    any
		want     bool
	}{
		{"/subject_category", "eq", "suspect", true},
		{"subject_category", "eq", "suspect", true},
		{"subject_category", "eq", "Suspect", false},
		{"subject_category", "in", []any{"victim", "suspect"}, true},
		{"subject_category", "in", []string{"suspect"}, true},
		{"subject_category", "in", "suspect", false},
		{"subject_category", "in", []any{}, false},
		{"/score", "eq", json.Number("4"), true},
		{"/score", "eq", 4, true},
		{"/score", "eq", "4", false},
		{"/score", "gte", 4.0, true},
		{"/score", "gte", int64(5), false},
		{"/score", "lte", 4, true},
		{"/score", "lte", "9", false},
		{"/score", "gte", json.Number("x"), false},
		{"/open", "eq", true, true},
		{"/open", "eq", "true", false},
		{"/none", "eq", nil, false},
		{"/none", "in", []any{nil}, false},
		{"/home/a~1b", "eq", "x", true},
		{"/home/a/b", "eq", "x", false},
		{"/codes/0", "eq", "PP", true},
		{"/codes", "eq", "PP", false},
		{"event_date", "gte", "2026-02-01", true},
		{"event_date", "lte", "2026-01-31", false},
		{"event_date", "lte", "2026-02-01T23:00:00Z", true},
		{"event_date", "gte", "then", false},
		{"subject_category", "gte", "a", false},
		{"date_of_birth", "age_gte", 17, true},
		{"date_of_birth", "age_gte", 18, false},
		{"date_of_birth", "age_lte", 17.0, true},
		{"date_of_birth", "age_lte", "17", false},
		{"/seen", "age_lte", 17, false},
		{"subject_category", "age_gte", 1, false},
		{"event_date", "within_days", 28, true},
		{"event_date", "within_days", 27, false},
		{"event_date", "within_days", -1, false},
		{"/seen", "within_days", 28, false},
		{"area", "area_in", []any{"E23000016"}, true},
		{"area", "area_in", "E07000237", true},
		{"area", "area_in", []any{"E06000019"}, false},
		{"area", "area_in", []any{7.0}, false},
		{"/score", "area_in", []any{"E23000016"}, false},
		{"/missing", "eq", "x", false},
		{"missing", "eq", "x", false},
		{"score", "eq", 4.0, false},
		{"/score", "neq", 5, false},
		{"/score", "", 4, false},
		{"", "eq", 4, false},
	}
	for _, c := range cases {
		if got := release.Meets(r, []release.Condition{{Attr: c.attr, Op: c.op, Value: c.value}}, testContext()); got != c.want {
			t.Errorf("%s %s %v: got %v", c.attr, c.op, c.value, got)
		}
	}
}

func TestEveryConditionHasToHold(t *testing.T) {
	r := release.Record{Value: map[string]any{"a": "x"}}
	yes, no := release.Condition{Attr: "/a", Op: "eq", Value: "x"}, release.Condition{Attr: "/a", Op: "eq", Value: "y"}
	if !release.Meets(r, nil, release.Context{}) || !release.Meets(r, []release.Condition{yes, yes}, release.Context{}) {
		t.Error("a record that meets all conditions was refused")
	}
	if release.Meets(r, []release.Condition{yes, no}, release.Context{}) {
		t.Error("a record that fails one condition was let through")
	}
	if release.Meets(release.Record{Area: "E06000019"}, []release.Condition{{Attr: "area", Op: "area_in", Value: "E06000019"}}, release.Context{}) {
		t.Error("without a geography every area is outside")
	}
}
