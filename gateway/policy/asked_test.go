package policy

import (
	"slices"
	"testing"

	"github.com/concord-gateway/concord/gateway/dataset"
)

// TestAsked holds what a request is put with against the datasets and the parties
// of the agreements.
func TestAsked(t *testing.T) {
	cfg := sample(t)
	e := newEngine(t, cfg)
	seen := map[bool]int{}
	for _, agency := range []string{"west-mercia-police", "telford-housing", "mercia-health", "nobody"} {
		for _, kind := range []string{kindSubject, kindArea} {
			got := e.Asked(kind, agency)
			for _, g := range allGroups(cfg) {
				ds, _ := cfg.Datasets.Get(g.Dataset)
				of := kind == kindSubject && ds.Kind == dataset.Person || kind == kindArea && len(ds.Indicators) > 0
				want := of && cfg.Agreements.Visible(agency, g.Dataset)
				if seen[want]++; slices.Contains(got, g) != want {
					t.Errorf("%s of %s is asked about by %s: %t", g, kind, agency, !want)
				}
			}
		}
	}
	if seen[true] == 0 || seen[false] == 0 || e.Asked("everyone", "west-mercia-police") == nil || len(e.Asked("everyone", "x")) > 0 {
		t.Errorf("groups that are asked about and not: %v", seen)
	}
}
