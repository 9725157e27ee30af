package release_test

import (
	"cmp"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/concord-gateway/concord/gateway/release"
)

type (
	key   = release.CellKey
	table = map[key]int
)

// mercia is the geography of West Mercia; three of its five local policing
// areas are one authority each.
var mercia = map[string][]string{
	"lpa:herefordshire": {"E06000019"}, "lpa:shropshire": {"E06000051"}, "lpa:telford": {"E06000020"},
	"lpa:north": {"E07000234", "E07000236", "E07000239"}, "lpa:south": {"E07000235", "E07000237", "E07000238"},
	"E10000034": {"E07000234", "E07000236", "E07000239", "E07000235", "E07000237", "E07000238"},
	"E23000016": {
		"E06000019", "E06000051", "E06000020", "E07000234", "E07000236", "E07000239", "E07000235", "E07000237", "E07000238",
	},
}

// town is the smallest geography with every feature: nested areas, one of them
// a single leaf.
var town = map[string][]string{"AB": {"A", "B"}, "c": {"C"}, "all": {"A", "B", "C", "D"}}

func protect(t rapid.TB, below map[string][]string, months []string, tables ...table) []release.Series {
	t.Helper()
	var editions []release.Series
	for _, truth := range tables {
		s, err := release.Protect(release.NewGeography(below), months, truth, editions)
		if err != nil {
			t.Fatal(err)
		}
		editions = append(editions, s)
	}
	return editions
}

// pinned returns a suppressed cell that the attacker knows to have fewer than
// three feasible values, with these; ok is false if there is none.
func pinned(t rapid.TB, below map[string][]string, editions []release.Series, every int) (where string, values []int, ok bool) {
	t.Helper()
	a := newAttacker(below, editions)
	n := 0
	for e, s := range editions {
		for _, k := range slices.SortedFunc(maps.Keys(s.Cells), byName) {
			c := s.Cells[k]
			if c.Mark != release.Suppressed {
				continue
			}
			if n++; n%every != 0 {
				continue
			}
			values = nil
			var open []int
			for d := 0; d <= 40 && len(values) < 3; d++ {
				for _, v := range slices.Compact([]int{c.True - d, c.True + d}) {
					yes, decided := v >= 0, true
					if yes {
						yes, decided = a.feasible(e, k.Area, k.Period, v)
					}
					if !decided {
						open = append(open, v)
					}
					if yes {
						values = append(values, v)
					}
				}
			}
			if len(values) < 3 {
				t.Logf("edition %d, undecided: %v", e, open)
				return k.Area + " " + k.Period, values, true
			}
		}
	}
	return "", nil, false
}

func byName(a, b key) int {
	return cmp.Or(cmp.Compare(a.Area, b.Area), cmp.Compare(a.Period, b.Period))
}

// count draws counts that sit where rounding and suppression begin and end.
func count() *rapid.Generator[int] {
	return rapid.OneOf(
		rapid.SampledFrom([]int{0, 1, 2, 6, 7, 8, 12, 13, 17, 18}),
		rapid.IntRange(0, 4), rapid.IntRange(0, 30),
	)
}

func tables(t *rapid.T, leaves, months []string, n int) []table {
	out := []table{{}}
	for _, leaf := range leaves {
		for _, m := range months {
			if rapid.IntRange(0, 19).Draw(t, "absent") > 0 {
				out[0][key{Area: leaf, Period: m}] = count().Draw(t, "count")
			}
		}
	}
	for e := 1; e < n; e++ {
		next := maps.Clone(out[e-1])
		for range rapid.IntRange(0, 4).Draw(t, "changes") {
			k := key{Area: rapid.SampledFrom(leaves).Draw(t, "leaf"), Period: rapid.SampledFrom(months).Draw(t, "month")}
			next[k] = max(0, next[k]+rapid.IntRange(-12, 12).Draw(t, "move"))
		}
		out = append(out, next)
	}
	return out
}

func TestInvariant09EverySuppressedCellKeepsThreeFeasibleValuesOverThreeEditions(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		months := release.Months("2025-01", "2025-04")
		editions := protect(t, town, months, tables(t, []string{"A", "B", "C", "D"}, months, 3)...)
		if where, values, bad := pinned(t, town, editions, 1); bad {
			t.Fatalf("%s can only be %v", where, values)
		}
	})
}

// A new month comes with each edition, and data for old months comes late or is
// withdrawn.
func TestInvariant09HoldsWhileTheMonthsMoveOn(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		leaves := []string{"A", "B", "C", "D"}
		g := release.NewGeography(town)
		var editions []release.Series
		truth := tables(t, leaves, release.Months("2025-01", "2025-06"), 3)
		for e, window := range [][]string{release.Months("2025-01", "2025-04"), release.Months("2025-01", "2025-05"), release.Months("2025-02", "2025-06")} {
			in := table{}
			for k, n := range truth[e] {
				if slices.Contains(window, k.Period) && rapid.IntRange(0, 29).Draw(t, "withdrawn") > 0 {
					in[k] = n
				}
			}
			s, err := release.Protect(g, window, in, editions)
			if err != nil {
				t.Fatal(err)
			}
			editions = append(editions, s)
		}
		if where, values, bad := pinned(t, town, editions, 1); bad {
			t.Fatalf("%s can only be %v", where, values)
		}
	})
}

// At this size a complete search may be cut off, which proves nothing and fails
// the test: so the tables are drawn from fixed seeds, for which it is not.
func TestInvariant09HoldsOverTheWholeForceArea(t *testing.T) {
	months := release.Months("2025-01", "2025-03")
	drawn := rapid.Custom(func(t *rapid.T) []table { return tables(t, mercia["E23000016"], months, 3) })
	for seed := range 100 {
		editions := protect(t, mercia, months, drawn.Example(seed)...)
		if where, values, bad := pinned(t, mercia, editions, 3); bad {
			t.Fatalf("seed %d: %s can only be %v", seed, where, values)
		}
	}
}

// The cases are the ones in which suppressing small counts alone gives one of
// them away, as the same check of the naive edition shows.
func TestInvariant09NeedsComplementarySuppression(t *testing.T) {
	one := func(a, b, c, d int) table {
		return table{{Area: "A", Period: "2025-01"}: a, {Area: "B", Period: "2025-01"}: b, {Area: "C", Period: "2025-01"}: c, {Area: "D", Period: "2025-01"}: d}
	}
	quarter := release.Months("2025-01", "2025-03")
	cases := map[string]struct {
		months []string
		truth  table
	}{
		"two small counts that fill their rounded sum":  {months: quarter[:1], truth: one(6, 7, 30, 30)},
		"small counts that all but fill their sum":      {months: quarter[:1], truth: one(7, 7, 7, 7)},
		"two ones whose area is shown beside the total": {months: quarter[:1], truth: one(7, 6, 0, 7)},
		"small months of a quarter that is rounded up":  {months: quarter, truth: rest(7, 7, 7)},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if _, _, bad := pinned(t, town, []release.Series{naive(town, c.months, c.truth)}, 1); !bad {
				t.Error("the check finds no fault with an edition that hides small counts alone")
			}
			if where, values, bad := pinned(t, town, protect(t, town, c.months, c.truth, c.truth), 1); bad {
				t.Errorf("%s can only be %v", where, values)
			}
		})
	}
}

// Six districts with one case each, in a county with six: every count is small
// by itself, and together they would give each other away.
func TestInvariant09HidesCrowdedCells(t *testing.T) {
	for n := 1; n <= 2; n++ {
		truth := table{}
		for _, leaf := range mercia["E23000016"] {
			truth[key{Area: leaf, Period: "2025-01"}] = 0
		}
		for _, leaf := range mercia["E10000034"] {
			truth[key{Area: leaf, Period: "2025-01"}] = 1
		}
		truth[key{Area: "E07000234", Period: "2025-01"}] = n
		if where, values, bad := pinned(t, mercia, protect(t, mercia, []string{"2025-01"}, truth), 1); bad {
			t.Errorf("%s can only be %v", where, values)
		}
	}
}

// The check itself is checked: on tables small enough, it agrees with counting
// out every possible table.
func TestInvariant09CheckAgreesWithEnumeration(t *testing.T) {
	below := map[string][]string{"AB": {"A", "B"}}
	rapid.Check(t, func(t *rapid.T) {
		truth := table{}
		for _, leaf := range below["AB"] {
			truth[key{Area: leaf, Period: "2025-01"}] = rapid.IntRange(0, 14).Draw(t, "count")
		}
		edition := naive(below, []string{"2025-01"}, truth)
		a := newAttacker(below, []release.Series{edition})
		s := edition.Cells
		can := map[int]bool{}
		for x := range 30 {
			for y := range 30 {
				if shows(s[key{Area: "A", Period: "2025-01"}], x) && shows(s[key{Area: "B", Period: "2025-01"}], y) && shows(s[key{Area: "AB", Period: "2025-01"}], x+y) {
					can[x] = true
				}
			}
		}
		for x := range 30 {
			if yes, decided := a.feasible(0, "A", "2025-01", x); !decided || yes != can[x] {
				t.Fatalf("A = %d: the check says %v, enumeration %v", x, yes, can[x])
			}
		}
	})
}

func shows(c release.Cell, n int) bool {
	if c.Mark == release.Suppressed {
		return n >= 1 && n <= 7
	}
	return (n == 0 || n > 7) && (n+2)/5*5 == c.Count
}

func rest(counts ...int) table {
	out := table{}
	for i, m := range release.Months("2025-01", "2025-03") {
		for _, leaf := range []string{"A", "B", "C", "D"} {
			out[key{Area: leaf, Period: m}] = counts[i]
		}
	}
	return out
}

// naive rounds and suppresses small counts, and stops there.
func naive(below map[string][]string, months []string, truth table) release.Series {
	full := newAttacker(below, nil)
	out := release.Series{Cells: map[key]release.Cell{}}
	for area, leaves := range full.below {
		sums := map[string]int{}
		for _, m := range months {
			for _, leaf := range leaves {
				n := truth[key{Area: leaf, Period: m}]
				sums[m] += n
				if len(months) == 3 {
					sums[release.QuarterOf(m)] += n
				}
			}
		}
		for period, n := range sums {
			c := release.Cell{Count: (n + 2) / 5 * 5, Basis: n, True: n}
			if n >= 1 && n <= 7 {
				c.Count, c.Mark = 0, release.Suppressed
			}
			out.Cells[key{Area: area, Period: period}] = c
		}
	}
	return out
}

// Subtracting what is published from a published total never leaves a range
// for a suppressed count that is narrower than three.
func TestInvariant09SubtractionGivesNothingBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		months := release.Months("2024-01", "2024-12")
		leaves := mercia["E23000016"]
		s := protect(t, mercia, months, tables(t, leaves, months, 1)...)[0]
		for area, below := range mercia {
			for _, period := range append(slices.Clone(months), "2024-Q1", "2024-Q2", "2024-Q3", "2024-Q4", "2024") {
				total := s.Cells[key{Area: area, Period: period}]
				if total.Mark != release.Shown {
					continue
				}
				var hidden []key
				low, top := total.Count-2, total.Count+2
				for _, leaf := range below {
					k := key{Area: leaf, Period: period}
					switch c := s.Cells[k]; {
					case c.Mark == release.Suppressed:
						hidden = append(hidden, k)
					case c.Count > 0:
						low, top = low-c.Count-2, top-c.Count+2
					}
				}
				if len(hidden) == 1 && s.Cells[hidden[0]].Mark == release.Suppressed && min(top, 7)-max(low, 1) < 2 && !s.Cells[hidden[0]].Protects {
					t.Fatalf("%v is %d..%d", hidden[0], low, top)
				}
			}
		}
	})
}
