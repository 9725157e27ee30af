package release_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/concord-gateway/concord/gateway/release"
)

func TestTiles(t *testing.T) {
	for _, c := range []struct {
		from, to string
		want     []string
	}{
		{"2025-03", "2025-03", []string{"2025-03"}},
		{"2025-01", "2025-03", []string{"2025-Q1"}},
		{"2025-02", "2025-04", []string{"2025-02", "2025-03", "2025-04"}},
		{"2024-12", "2026-02", []string{"2024-12", "2025", "2026-01", "2026-02"}},
		{"2024-06", "2025-12", []string{"2024-06", "2024-Q3", "2024-Q4", "2025"}},
		{"2025-04", "2025-03", nil},
		{"2025", "2025-03", nil},
		{"2025-13", "2025-14", nil},
	} {
		got := release.Tiles(c.from, c.to)
		if len(got) == 0 && c.want == nil {
			continue
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s..%s: %s", c.from, c.to, diff)
		}
	}
}

func TestTilesCoverEveryMonthOnce(t *testing.T) {
	all := release.Months("2020-01", "2026-12")
	rapid.Check(t, func(t *rapid.T) {
		i := rapid.IntRange(0, len(all)-1).Draw(t, "from")
		j := rapid.IntRange(i, len(all)-1).Draw(t, "to")
		var months []string
		for _, tile := range release.Tiles(all[i], all[j]) {
			for _, m := range all {
				if tile == m || tile == release.QuarterOf(m) || tile == release.YearOf(m) {
					months = append(months, m)
				}
			}
		}
		if diff := cmp.Diff(all[i:j+1], months); diff != "" {
			t.Fatal(diff)
		}
	})
}

func TestQuarterAndYear(t *testing.T) {
	for month, want := range map[string][2]string{
		"2025-01": {"2025-Q1", "2025"}, "2025-06": {"2025-Q2", "2025"}, "2025-12": {"2025-Q4", "2025"}, "2025-1": {}, "2025-Q1": {}, "": {},
	} {
		if got := [2]string{release.QuarterOf(month), release.YearOf(month)}; got != want {
			t.Errorf("%q: got %v, want %v", month, got, want)
		}
	}
}
