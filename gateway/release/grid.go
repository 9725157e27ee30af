package release

import (
	"cmp"
	"slices"
	"time"

	"github.com/concord-gateway/concord/gateway/fault"
)

// grid numbers the cells of all editions: zones of the geography by periods.
type grid struct {
	*Geography

	months  []string
	periods []period
	// periodsOf lists for each month the periods that contain it.
	periodsOf [][]int
	// order is all cells, those of fewer leaf-months first.
	order []int
}

// period is a set of months, the months themselves first.
type period struct {
	name   string
	months []int
	has    []bool
}

func newGrid(g *Geography, months []string) *grid {
	out := &grid{Geography: g, months: months, periodsOf: make([][]int, len(months))}
	for i, month := range months {
		out.addPeriod(month, []int{i})
	}
	for _, of := range []struct {
		name func(string) string
		n    int
	}{{QuarterOf, 3}, {YearOf, 12}} {
		for i := range months {
			// Months are sorted and distinct: n of them in one period fill it.
			if i+of.n <= len(months) && of.name(months[i]) == of.name(months[i+of.n-1]) {
				run := make([]int, of.n)
				for k := range run {
					run[k] = i + k
				}
				out.addPeriod(of.name(months[i]), run)
			}
		}
	}
	out.order = make([]int, out.cells())
	for cell := range out.order {
		out.order[cell] = cell
	}
	slices.SortStableFunc(out.order, func(a, b int) int { return cmp.Compare(out.size(a), out.size(b)) })
	return out
}

func (g *grid) addPeriod(name string, months []int) {
	p := period{name: name, months: months, has: make([]bool, len(g.months))}
	for _, m := range months {
		p.has[m] = true
		g.periodsOf[m] = append(g.periodsOf[m], len(g.periods))
	}
	g.periods = append(g.periods, p)
}

func (g *grid) cells() int { return len(g.zones) * len(g.periods) }

func (g *grid) cell(zone, period int) int { return zone*len(g.periods) + period }

func (g *grid) split(cell int) (zone, period int) {
	return cell / len(g.periods), cell % len(g.periods)
}

// size is the number of leaf-months of a cell.
func (g *grid) size(cell int) int {
	z, p := g.split(cell)
	return len(g.zones[z].leaves) * len(g.periods[p].months)
}

// isLeaf tells whether the cell is one leaf in one month.
func (g *grid) isLeaf(cell int) bool { return g.size(cell) == 1 }

// eachLeaf calls f with every leaf-month of a cell, in order.
func (g *grid) eachLeaf(cell int, f func(leafMonth int)) {
	z, p := g.split(cell)
	for _, leaf := range g.zones[z].leaves {
		for _, m := range g.periods[p].months {
			f(g.cell(leaf, m))
		}
	}
}

// above lists the cells that contain a leaf-month, itself included.
func (g *grid) above(leafMonth int) []int {
	leaf, month := g.split(leafMonth)
	out := make([]int, 0, len(g.zonesOf[leaf])*len(g.periodsOf[month]))
	for _, z := range g.zonesOf[leaf] {
		for _, p := range g.periodsOf[month] {
			out = append(out, g.cell(z, p))
		}
	}
	return out
}

// check refuses counts that cannot be counts of this geography and these
// months, and earlier editions without what was sealed with them.
func check(g *Geography, months []string, truth map[CellKey]int, previous []Series) error {
	const op = "release.Protect"
	for _, s := range previous {
		if !complete(s) {
			return fault.New(fault.Invalid, op, "an earlier edition lacks the true counts sealed with it")
		}
	}
	for i, m := range months {
		if _, err := time.Parse(monthLayout, m); err != nil || i > 0 && months[i-1] == m {
			return fault.New(fault.Invalid, op, "the months of an edition are distinct, as 2006-01")
		}
	}
	for key, n := range truth {
		_, isLeaf := slices.BinarySearch(g.leaves, key.Area)
		_, isMonth := slices.BinarySearch(months, key.Period)
		if !isLeaf || !isMonth {
			return fault.New(fault.Invalid, op, "a true count is of a local authority and a month of the edition")
		}
		if n < 0 {
			return fault.New(fault.Invalid, op, "a count is not negative")
		}
	}
	return nil
}
