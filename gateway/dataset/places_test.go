package dataset_test

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/concord-gateway/concord/gateway/dataset"
	"github.com/concord-gateway/concord/gateway/fault"
)

func placesJSON(t *testing.T) []byte {
	t.Helper()
	raw, err := os.ReadFile("../../schemas/places.json")
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestShippedPlaces(t *testing.T) {
	t.Parallel()
	p, err := dataset.LoadPlaces(placesJSON(t))
	if err != nil {
		t.Fatal(err)
	}
	for code, parents := range map[string][]string{
		"E06000019": {"lpa:herefordshire", "E23000016"},
		"E06000051": {"lpa:shropshire", "E23000016"},
		"E06000020": {"lpa:telford-and-wrekin", "E23000016"},
		"E07000234": {"lpa:north-worcestershire", "E10000034", "E23000016"},
		"E07000236": {"lpa:north-worcestershire", "E10000034", "E23000016"},
		"E07000239": {"lpa:north-worcestershire", "E10000034", "E23000016"},
		"E07000235": {"lpa:south-worcestershire", "E10000034", "E23000016"},
		"E07000237": {"lpa:south-worcestershire", "E10000034", "E23000016"},
		"E07000238": {"lpa:south-worcestershire", "E10000034", "E23000016"},
		"E10000034": {"E23000016"},
		"E23000016": nil,
	} {
		place, ok := p.Get(code)
		if diff := cmp.Diff(parents, place.Parents); !ok || diff != "" {
			t.Errorf("%s: %s", code, diff)
		}
	}
	for code, leaves := range map[string][]string{
		"E07000237":                {"E07000237"},
		"lpa:telford-and-wrekin":   {"E06000020"},
		"lpa:north-worcestershire": {"E07000234", "E07000236", "E07000239"},
		"E10000034":                {"E07000234", "E07000235", "E07000236", "E07000237", "E07000238", "E07000239"},
		"E06000001":                nil,
	} {
		if diff := cmp.Diff(leaves, p.Leaves(code)); diff != "" {
			t.Errorf("%s: %s", code, diff)
		}
	}
	if n := len(p.Leaves("E23000016")); n != 9 {
		t.Errorf("the force has %d local authorities, want 9", n)
	}
	want := []string{"E10000034", "lpa:herefordshire", "lpa:shropshire", "lpa:telford-and-wrekin"}
	if diff := cmp.Diff(want, p.Children("E23000016")); diff != "" {
		t.Error(diff)
	}
	if len(p.All()) != 16 || p.BoundaryYear() != 2023 {
		t.Errorf("%d places of %d", len(p.All()), p.BoundaryYear())
	}
	if place, ok := p.Get("E06000001"); ok {
		t.Errorf("an unknown code gives %+v", place)
	}
}

func TestWrongPlaces(t *testing.T) {
	t.Parallel()
	good := string(placesJSON(t))
	for _, c := range []struct{ name, old, replacement string }{
		{"not JSON", "[", ""},
		{"trailing", "\n  ]\n}", "\n  ]\n} {}"},
		{"unknown key", `"boundary_year"`, `"year"`},
		{"no year", `2023`, `0`},
		{"unknown level", `"level": "county"`, `"level": "shire"`},
		{"code of another level", `"E10000034", "name"`, `"E07000034", "name"`},
		{"given twice", `"E06000019"`, `"E06000051"`},
		{"parent not listed", `"parent": "lpa:shropshire"`, `"parent": "lpa:nowhere"`},
		{"parent not larger", `"parent": "lpa:shropshire"`, `"parent": "E06000020"`},
		{"no parent", `"parent": "lpa:shropshire"`, `"parent": ""`},
		{"force with parent", `"parent": ""`, `"parent": "E10000034"`},
		{"no name", `"name": "Redditch"`, `"name": ""`},
		{"nothing below", `"parent": "lpa:shropshire"`, `"parent": "lpa:herefordshire"`},
	} {
		raw := strings.Replace(good, c.old, c.replacement, 1)
		if raw == good {
			t.Errorf("%s: the case changes nothing", c.name)
		}
		if p, err := dataset.LoadPlaces([]byte(raw)); p != nil || !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v, %v", c.name, p, err)
		}
	}
}
