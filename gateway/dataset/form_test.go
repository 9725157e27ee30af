package dataset_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/concord-gateway/concord/gateway/dataset"
)

func TestForm(t *testing.T) {
	t.Parallel()
	tenancy := get(t, "housing.tenancy")
	for pointer, want := range map[string]dataset.Form{
		"/area":           {Type: "string", Format: "ons-code", Description: "ONS code of the unitary authority or district."},
		"/date_of_birth":  {Type: "string", Format: "date"},
		"/household_size": {Type: "integer"},
		"/support_needs":  {Type: "array", Item: "string", Description: "Reveals health, so special category data."},
	} {
		if got, ok := tenancy.Form(pointer); !ok || got != want {
			t.Errorf("%s: %+v, want %+v", pointer, got, want)
		}
	}
	if got, ok := tenancy.Form("/nothing"); ok {
		t.Errorf("an unknown pointer gives %+v", got)
	}
}

func TestAdmits(t *testing.T) {
	t.Parallel()
	tenancy := get(t, "housing.tenancy")
	for _, c := range []struct {
		pointer string
		value   any
		want    bool
	}{
		{"/tenancy_status", "current", true},
		{"/tenancy_status", "Current", false},
		{"/tenancy_status", 1.0, false},
		{"/household_size", 4.0, true},
		{"/household_size", "4", false},
		{"/household_size", true, false},
		{"/support_needs", "care_leaver", true},
		{"/support_needs", []any{"care_leaver"}, false},
		{"/nothing", "current", false},
	} {
		if got := tenancy.Admits(c.pointer, c.value); got != c.want {
			t.Errorf("%s admits %v: %t", c.pointer, c.value, got)
		}
	}
}

func TestFreeText(t *testing.T) {
	t.Parallel()
	for name, want := range map[string][]string{
		"housing.tenancy": nil, "housing.concern": {"/summary"}, "health.assault_attendance": {"/location_text", "/method_text"},
		"health.substance_referral": nil, "police.disruption": {"/summary"}, "education.attendance": nil,
	} {
		if diff := cmp.Diff(want, get(t, name).FreeText()); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
	}
}

func TestReplace(t *testing.T) {
	t.Parallel()
	d := get(t, "housing.concern")
	row := valid(t, d, sample("housing.concern"))
	d.Replace(row, map[string]string{"/summary": "Less.", "/nothing": "x"})
	want := valid(t, d, with("housing.concern", map[string]any{"summary": "Less."}))
	if diff := cmp.Diff(want, row); diff != "" {
		t.Error(diff)
	}
}
