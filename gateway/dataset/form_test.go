package dataset_test

import (
	"testing"

	"github.com/concord-gateway/concord/gateway/dataset"
)

func TestForm(t *testing.T) {
	t.Parallel()
	tenancy := get(t, "housing.tenancy")
	for pointer, want := range map[string]dataset.Form{
		"/area":           {Type: "string", Format: "ons-code", Description: "ONS code of the unitary authority or district."},
		"/date_of_birth":  {Type: "string", Format: "date"},
		"/household_size": {Type: "integer"},
		"/support_needs":  {Type: "array", Description: "Reveals health, so special category data."},
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
