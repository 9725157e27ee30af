package dataset_test

import (
	"os"
	"testing"

	"github.com/concord-gateway/concord/gateway/dataset"
)

// shipped loads the schemas that are part of the repository.
func shipped(tb testing.TB) *dataset.Registry {
	tb.Helper()
	r, err := dataset.Load(os.DirFS("../../schemas/datasets"))
	if err != nil {
		tb.Fatal(err)
	}
	return r
}

func get(tb testing.TB, name string) *dataset.Dataset {
	tb.Helper()
	d, ok := shipped(tb).Get(name)
	if !ok {
		tb.Fatalf("dataset %s is not loaded", name)
	}
	return d
}

func TestShippedDatasets(t *testing.T) {
	t.Parallel()
	want := map[string]dataset.Kind{
		"housing.tenancy": dataset.Person, "housing.concern": dataset.Person,
		"health.assault_attendance": dataset.Anonymous, "health.substance_referral": dataset.Person,
		"education.exclusion": dataset.Person, "education.attendance": dataset.Person,
		"police.nominal": dataset.Person, "police.ocg": dataset.Group,
		"police.crime_count": dataset.Anonymous, "police.disruption": dataset.Group,
	}
	all := shipped(t).All()
	if len(all) != len(want) {
		t.Errorf("%d datasets, want %d", len(all), len(want))
	}
	for _, d := range all {
		if d.Kind != want[d.Name] {
			t.Errorf("%s is %q, want %q", d.Name, d.Kind, want[d.Name])
		}
		if len(d.Fields) < 8 || len(d.Fields) > 16 || len(d.Indicators) < 2 || len(d.Indicators) > 6 {
			t.Errorf("%s has %d fields and %d indicators", d.Name, len(d.Fields), len(d.Indicators))
		}
		if d.SourceID != "/source_id" || d.Area != "/area" || d.EventDate == "" {
			t.Errorf("%s: pointers %q %q %q", d.Name, d.SourceID, d.Area, d.EventDate)
		}
	}
}
