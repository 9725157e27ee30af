package release

import (
	"maps"
	"slices"
)

// Protect makes the next edition of a series. The months are those of the
// edition, complete as to quarters and years that are to be published; truth
// has the true count of every leaf and month for which there is data: absent
// means no data, 0 means that nothing happened. previous has all earlier
// editions of the same series as Protect returned them, oldest first. See the
// package's documentation for what the result guarantees.
//
// It depends on nothing else: the same arguments give the same edition. An
// error is of kind Invalid and means that the arguments are not a table of this
// geography.
func Protect(g *Geography, months []string, truth map[CellKey]int, previous []Series) (Series, error) {
	months = slices.Sorted(slices.Values(months))
	if err := check(g, months, truth, previous); err != nil {
		return Series{}, err
	}
	p := newProtector(newGrid(g, allMonths(months, previous)), previous)
	leaf := func(leafMonth int) (int, bool) {
		l, m := p.split(leafMonth)
		n, ok := truth[CellKey{Area: g.leaves[l], Period: p.months[m]}]
		return n, ok
	}
	in := make([]bool, len(p.periods))
	for i, period := range p.periods {
		in[i] = !slices.ContainsFunc(period.months, func(m int) bool {
			_, ok := slices.BinarySearch(months, p.months[m])
			return !ok
		})
	}
	p.facts.decide(p.grid, p.newest(), leaf, func(period int) bool { return in[period] })
	p.run()
	return p.series(), nil
}

// allMonths is the months of all editions, in order.
func allMonths(months []string, previous []Series) []string {
	all := map[string]bool{}
	for _, m := range months {
		all[m] = true
	}
	for _, s := range previous {
		for key := range s.Cells {
			if QuarterOf(key.Period) != "" {
				all[key.Period] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(all))
}

// series turns the newest edition into cells.
func (p *protector) series() Series {
	out := Series{Cells: map[CellKey]Cell{}}
	for cell, f := range p.facts[p.newest()] {
		if f.kind == outside {
			continue
		}
		c := Cell{Mark: Suppressed, Basis: p.facts[f.since][cell].truth, True: f.truth}
		switch f.kind {
		case empty:
			c = Cell{Mark: NoData}
		case zero, rounded:
			c.Mark, c.Count = Shown, f.value
		case withdrawn:
			c.Basis = Withdrawn
		case complementary:
			c.Protects = true
		default:
		}
		z, period := p.split(cell)
		for _, name := range p.zones[z].names {
			out.Cells[CellKey{Area: name, Period: p.periods[period].name}] = c
		}
	}
	return out
}
