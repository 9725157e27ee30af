package profile

import (
	"fmt"
	"io/fs"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/concord-gateway/concord/gateway/dataset"
	"github.com/concord-gateway/concord/gateway/release"
	"github.com/concord-gateway/concord/gateway/rulebook"
	"github.com/concord-gateway/concord/schemas"
)

// viewOf is a view of one series that holds the cells given as "area period" to
// count; a negative count is a suppressed cell.
func viewOf(t *testing.T, q AreaQuestion, cells map[string]int) (view, release.Series) {
	t.Helper()
	raw, err := fs.ReadFile(schemas.Files, "places.json")
	if err != nil {
		t.Fatal(err)
	}
	places, err := dataset.LoadPlaces(raw)
	if err != nil {
		t.Fatal(err)
	}
	series := release.Series{Cells: map[release.CellKey]release.Cell{}}
	for text, n := range cells {
		var key release.CellKey
		if _, err := fmt.Sscan(text, &key.Area, &key.Period); err != nil {
			t.Fatal(err)
		}
		c := release.Cell{Count: n}
		if n < 0 {
			c = release.Cell{Mark: markSuppressed}
		}
		series.Cells[key] = c
	}
	return view{rules: &rulebook.Rules{Draft: &rulebook.Draft{Places: places}}, question: q}, series
}

func write(cells []areaCell) []string {
	out := []string{}
	for _, c := range cells {
		text := c.Area + " " + c.Period + " " + c.Mark
		if c.Count != nil {
			text += fmt.Sprint(*c.Count)
		}
		out = append(out, text)
	}
	return out
}

// TestCells reads cells in each breakdown: the fewest periods that make up the
// time, a coarser cell after one that is suppressed, and no data as such.
func TestCells(t *testing.T) {
	t.Parallel()
	const telford, south = "E06000020", "lpa:south-worcestershire"
	for _, c := range []struct {
		name  string
		q     AreaQuestion
		cells map[string]int
		want  []string
	}{
		{
			"whole year", AreaQuestion{Area: telford, From: "2025-01", To: "2025-12", By: ByNone},
			map[string]int{telford + " 2025": 120, telford + " 2025-Q1": 30}, []string{telford + " 2025 120"},
		},
		{
			"no whole period", AreaQuestion{Area: telford, From: "2025-02", To: "2025-07", By: ByNone},
			map[string]int{telford + " 2025-02": 10, telford + " 2025-03": 15, telford + " 2025-Q2": 40, telford + " 2025-07": 20},
			[]string{telford + " 2025-02 10", telford + " 2025-03 15", telford + " 2025-Q2 40", telford + " 2025-07 20"},
		},
		{
			"month rolled up to its quarter, once", AreaQuestion{Area: telford, From: "2025-01", To: "2025-03", By: ByMonth},
			map[string]int{telford + " 2025-01": -1, telford + " 2025-02": 10, telford + " 2025-03": -1, telford + " 2025-Q1": 25},
			[]string{telford + " 2025-01 r", telford + " 2025-Q1 25", telford + " 2025-02 10", telford + " 2025-03 r"},
		},
		{
			"no roll-up beyond the time asked for", AreaQuestion{Area: telford, From: "2025-01", To: "2025-02", By: ByMonth},
			map[string]int{telford + " 2025-01": -1, telford + " 2025-02": 10, telford + " 2025-Q1": 25},
			[]string{telford + " 2025-01 *", telford + " 2025-02 10"},
		},
		{
			"quarter suppressed, year published", AreaQuestion{Area: telford, From: "2025-01", To: "2025-12", By: ByQuarter},
			map[string]int{telford + " 2025-Q1": -1, telford + " 2025-Q2": -1, telford + " 2025-Q3": 10, telford + " 2025-Q4": 10, telford + " 2025": 30},
			[]string{telford + " 2025-Q1 r", telford + " 2025 30", telford + " 2025-Q2 r", telford + " 2025-Q3 10", telford + " 2025-Q4 10"},
		},
		{
			"area rolled up to the one asked for", AreaQuestion{Area: south, From: "2025-01", To: "2025-01", By: ByArea},
			map[string]int{"E07000235 2025-01": -1, "E07000237 2025-01": 30, "E07000238 2025-01": -1, south + " 2025-01": 40},
			[]string{"E07000235 2025-01 r", south + " 2025-01 40", "E07000237 2025-01 30", "E07000238 2025-01 r"},
		},
		{
			"an area without parts stands for itself", AreaQuestion{Area: telford, From: "2025-01", To: "2025-01", By: ByArea},
			map[string]int{telford + " 2025-01": 10}, []string{telford + " 2025-01 10"},
		},
		{
			"no data is not zero", AreaQuestion{Area: telford, From: "2025-01", To: "2025-02", By: ByMonth},
			map[string]int{telford + " 2025-01": 0}, []string{telford + " 2025-01 0", telford + " 2025-02 -"},
		},
	} {
		v, series := viewOf(t, c.q, c.cells)
		if diff := cmp.Diff(c.want, write(v.cells(series))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

// TestTrend compares with the year before, and says nothing where a cell of
// either is not published.
func TestTrend(t *testing.T) {
	t.Parallel()
	const a = "E06000020"
	for want, cells := range map[string]map[string]int{
		"up":      {a + " 2025-05": 20, a + " 2024-05": 10},
		"down":    {a + " 2025-05": 10, a + " 2024-05": 20},
		"flat":    {a + " 2025-05": 10, a + " 2024-05": 10},
		"unknown": {a + " 2025-05": 10, a + " 2024-05": -1},
	} {
		v, series := viewOf(t, AreaQuestion{Area: a, From: "2025-05", To: "2025-05"}, cells)
		if got := v.trend(series); got.Change != want || got.From != "2024-05" || got.To != "2024-05" {
			t.Errorf("%+v, want %s", got, want)
		}
	}
	v, series := viewOf(t, AreaQuestion{Area: a, From: "2025-05", To: "2025-05"}, map[string]int{a + " 2025-05": 10})
	if got := v.trend(series); got.Change != "unknown" {
		t.Errorf("without data for the year before: %+v", got)
	}
}

// TestComparator sets an area against the force, and the force against nothing.
func TestComparator(t *testing.T) {
	t.Parallel()
	cells := map[string]int{"E23000016 2025-01": 200, "E23000016 2025-02": -1}
	v, series := viewOf(t, AreaQuestion{Area: "E06000020", From: "2025-01", To: "2025-01"}, cells)
	if got := v.comparator(series); got.Area != "E23000016" || *got.Count != 200 || got.Mark != "" {
		t.Errorf("%+v", got)
	}
	v.question.To = "2025-02"
	if got := v.comparator(series); got.Count != nil || got.Mark != markSuppressed {
		t.Errorf("with a suppressed month: %+v", got)
	}
	v.question.Area = "E23000016"
	if got := v.comparator(series); got != nil {
		t.Errorf("of the force itself: %+v", got)
	}
}

// TestPeriods holds the arithmetic of the calendar.
func TestPeriods(t *testing.T) {
	t.Parallel()
	for month, want := range map[string]string{"2025-03": "2024-03", "2000-01": "1999-01", "2010-12": "2009-12"} {
		if got := yearBefore(month); got != want {
			t.Errorf("the year before %s: %s", month, got)
		}
	}
	for period, want := range map[string][]string{
		"2025-05": {"2025-Q2", "2025"}, "2025-Q2": {"2025"}, "2025": nil, "2025-12": {"2025-Q4", "2025"},
	} {
		if got := coarser(period); !slices.Equal(got, want) {
			t.Errorf("coarser than %s: %v", period, got)
		}
	}
	for period, want := range map[string][2]string{
		"2025": {"2025-01", "2025-12"}, "2025-Q1": {"2025-01", "2025-03"}, "2025-Q3": {"2025-07", "2025-09"}, "2025-Q4": {"2025-10", "2025-12"},
		"2025-Q2": {"2025-04", "2025-06"}, "2025-07": {"2025-07", "2025-07"},
	} {
		if first, last := span(period); [2]string{first, last} != want {
			t.Errorf("%s: %s to %s", period, first, last)
		}
	}
}
