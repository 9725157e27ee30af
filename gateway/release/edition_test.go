package release_test

import (
	"maps"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/concord-gateway/concord/gateway/release"
)

func TestMarks(t *testing.T) {
	months := release.Months("2025-01", "2025-03")
	truth := table{}
	for i, m := range months {
		truth[key{Area: "A", Period: m}] = 40 + i
		truth[key{Area: "B", Period: m}] = 23
		truth[key{Area: "D", Period: m}] = 0
	}
	s := protect(t, town, months, truth)[0]
	want := map[key]release.Cell{
		{Area: "A", Period: "2025-01"}:     {Count: 40, Basis: 40, True: 40},
		{Area: "A", Period: "2025-03"}:     {Count: 40, Basis: 42, True: 42},
		{Area: "AB", Period: "2025-03"}:    {Count: 65, Basis: 65, True: 65},
		{Area: "C", Period: "2025-01"}:     {Mark: "-"},
		{Area: "c", Period: "2025-Q1"}:     {Mark: "-"},
		{Area: "D", Period: "2025-Q1"}:     {},
		{Area: "all", Period: "2025-Q1"}:   {Count: 190, Basis: 192, True: 192},
		{Area: "all", Period: "2025"}:      {},
		{Area: "other", Period: "2025-Q1"}: {},
	}
	for k, cell := range want {
		if diff := cmp.Diff(cell, s.Cells[k]); diff != "" {
			t.Errorf("%v: %s", k, diff)
		}
	}
	if _, ok := s.Cells[key{Area: "all", Period: "2025"}]; ok {
		t.Error("a year of three months was published")
	}
}

func TestAreasOfTheSameLeavesShowTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		months := release.Months("2025-01", "2025-06")
		for _, s := range protect(t, mercia, months, tables(t, mercia["E23000016"], months, 2)...) {
			for k, c := range s.Cells {
				if k.Area == "lpa:shropshire" && s.Cells[key{Area: "E06000051", Period: k.Period}] != c {
					t.Fatalf("%v differs from its only authority", k)
				}
			}
		}
	})
}

func TestALaterEditionKeepsWhatMovedByFewerThanEight(t *testing.T) {
	months := release.Months("2025-01", "2025-03")
	first := rest(40, 3, 20)
	second, third := maps.Clone(first), maps.Clone(first)
	k := key{Area: "A", Period: "2025-01"}
	second[k], third[k] = 47, 48
	editions := protect(t, town, months, first, second, third)
	for e, want := range []release.Cell{{Count: 40, Basis: 40, True: 40}, {Count: 40, Basis: 40, True: 47}, {Count: 50, Basis: 48, True: 48}} {
		if diff := cmp.Diff(want, editions[e].Cells[k]); diff != "" {
			t.Errorf("edition %d: %s", e, diff)
		}
	}
	for name, c := range editions[0].Cells {
		if again := editions[1].Cells[name]; again.Mark != c.Mark || again.Count != c.Count {
			t.Errorf("%v changed from %v to %v", name, c, again)
		}
	}
}

func TestTheSameArgumentsGiveTheSameEdition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		months := release.Months("2025-01", "2025-12")
		truth := tables(t, mercia["E23000016"], months, 2)
		if diff := cmp.Diff(protect(t, mercia, months, truth...), protect(t, mercia, months, truth...)); diff != "" {
			t.Fatal(diff)
		}
	})
}

func TestProtectRefusesWhatIsNotATable(t *testing.T) {
	g := release.NewGeography(town)
	months := []string{"2025-01", "2025-02"}
	good := table{{Area: "A", Period: "2025-01"}: 9}
	for name, c := range map[string]struct {
		months   []string
		truth    table
		previous []release.Series
	}{
		"negative":        {months: months, truth: table{{Area: "A", Period: "2025-01"}: -1}},
		"coarse area":     {months: months, truth: table{{Area: "AB", Period: "2025-01"}: 1}},
		"unknown area":    {months: months, truth: table{{Area: "Z", Period: "2025-01"}: 1}},
		"other month":     {months: months, truth: table{{Area: "A", Period: "2025-03"}: 1}},
		"quarter":         {months: []string{"2025-Q1"}, truth: table{}},
		"doubled month":   {months: []string{"2025-01", "2025-01"}, truth: good},
		"unsealed counts": {months: months, truth: good, previous: []release.Series{{Cells: map[key]release.Cell{{Area: "A", Period: "2025-01"}: {Count: 10, Basis: 9}}}}},
	} {
		t.Run(name, func(t *testing.T) {
			if s, err := release.Protect(g, c.months, c.truth, c.previous); err == nil || s.Cells != nil {
				t.Errorf("got %v, %v", s, err)
			}
		})
	}
}
