package release

import "testing"

// What cannot be protected is not published, and what was not published binds
// no later edition.
func TestInvariant09AnEditionThatCannotBeProtectedTellsNothing(t *testing.T) {
	g := NewGeography(map[string][]string{"AB": {"A", "B"}})
	months := []string{"2025-01", "2025-02"}
	truth := map[CellKey]int{{"A", "2025-01"}: 30, {"B", "2025-01"}: 0}
	p := newProtector(newGrid(g, months), nil)
	p.facts.decide(p.grid, 0, func(leafMonth int) (int, bool) {
		leaf, m := p.split(leafMonth)
		n, ok := truth[CellKey{g.leaves[leaf], months[m]}]
		return n, ok
	}, func(int) bool { return true })
	p.withdraw()
	first := p.series()
	for k, c := range first.Cells {
		want := Suppressed
		if k.Period == "2025-02" {
			want = NoData
		}
		if c.Mark != want || c.Count != 0 {
			t.Errorf("%v is %+v", k, c)
		}
	}
	truth[CellKey{"A", "2025-01"}] = 33
	second, err := Protect(g, months, truth, []Series{first})
	if err != nil {
		t.Fatal(err)
	}
	if got := second.Cells[CellKey{"AB", "2025-01"}]; got != (Cell{Count: 35, Basis: 33, True: 33}) {
		t.Errorf("the next edition shows %+v", got)
	}
}
