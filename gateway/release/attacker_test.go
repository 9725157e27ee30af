package release_test

import (
	"maps"
	"slices"
	"sort"

	"github.com/concord-gateway/concord/gateway/release"
)

// attacker is the independent check of invariant 9. It knows what the package
// documentation grants to a reader, states it as constraints over one integer
// for each leaf, month and edition, and solves them by complete search with
// bounds propagation. It shares no code with the protector, which never solves
// anything but moves the truth.
type attacker struct {
	below    map[string][]string
	leaves   []string
	months   []string
	editions []release.Series
	vars     map[variable]int
	names    []variable // of the variables, by number
	low, top []int      // of each variable at the start
	hint     []int      // a value to try first; only the order of the search
	limits   []limit
	uses     [][]int // the limits of each variable
	nodes    int     // of search that are left
	turn     int     // of the searches
	same     *attacker
	to       []int // of each variable, its variable in same
}

type variable struct {
	edition     int
	leaf, month string
}

// limit says that the sum of plus, less the sum of minus, lies in low..top; or,
// if apart is set, that it does not lie in -7..7.
type limit struct {
	plus, minus []int
	low, top    int
	apart       bool
	shift       int // added to the difference that is to be apart
}

const huge = 400

func newAttacker(below map[string][]string, editions []release.Series) *attacker {
	a := &attacker{below: map[string][]string{}, editions: editions, vars: map[variable]int{}}
	for area, leaves := range below {
		a.below[area] = leaves
		for _, leaf := range leaves {
			a.below[leaf] = []string{leaf}
		}
	}
	for area, leaves := range a.below {
		if len(leaves) == 1 && leaves[0] == area {
			a.leaves = append(a.leaves, area)
		}
	}
	sort.Strings(a.leaves)
	for e, s := range editions {
		for _, key := range slices.SortedFunc(maps.Keys(s.Cells), byName) {
			cell := s.Cells[key]
			if len(key.Period) == 7 && key.Period[5] != 'Q' {
				if slices.Contains(a.leaves, key.Area) {
					a.declare(variable{e, key.Area, key.Period}, cell)
				}
				if !slices.Contains(a.months, key.Period) {
					a.months = append(a.months, key.Period)
				}
			}
		}
	}
	sort.Strings(a.months)
	for _, area := range slices.Sorted(maps.Keys(a.below)) {
		for _, period := range a.periods() {
			a.read(area, period)
		}
	}
	a.index()
	a.same = a.tie()
	return a
}

// index notes which limits each variable is in.
func (a *attacker) index() {
	a.uses = make([][]int, len(a.low))
	for i, l := range a.limits {
		for _, v := range append(slices.Clone(l.plus), l.minus...) {
			a.uses[v] = append(a.uses[v], i)
		}
	}
}

func (a *attacker) declare(v variable, cell release.Cell) {
	a.vars[v] = len(a.low)
	a.names = append(a.names, v)
	top := huge
	if cell.Mark == release.NoData {
		top = 0
	}
	a.low, a.top, a.hint = append(a.low, 0), append(a.top, top), append(a.hint, cell.True)
}

func (a *attacker) periods() []string {
	var all []string
	for _, m := range a.months {
		for _, p := range []string{m, release.QuarterOf(m), release.YearOf(m)} {
			if !slices.Contains(all, p) {
				all = append(all, p)
			}
		}
	}
	return all
}

// sum is the variables of a cell in an edition.
func (a *attacker) sum(edition int, area, period string) []int {
	var out []int
	for _, leaf := range a.below[area] {
		for _, m := range a.months {
			if m == period || release.QuarterOf(m) == period || release.YearOf(m) == period {
				if v, ok := a.vars[variable{edition, leaf, m}]; ok {
					out = append(out, v)
				}
			}
		}
	}
	return out
}

// read turns what is known of one cell over all editions into limits.
func (a *attacker) read(area, period string) {
	base := -1 // the edition in which the present state was set
	for e, s := range a.editions {
		cell, ok := s.Cells[release.CellKey{Area: area, Period: period}]
		if !ok || cell.Mark == release.NoData || cell.Basis == release.Withdrawn {
			base = -1
			continue
		}
		sum := a.sum(e, area, period)
		before := a.editions[max(e-1, 0)].Cells[release.CellKey{Area: area, Period: period}]
		kept := base >= 0 && cell.True-before.Basis < 8 && before.Basis-cell.True < 8
		told := cell.Mark == release.Shown || !cell.Protects
		switch {
		case told && kept:
			a.limits = append(a.limits, limit{plus: sum, minus: a.sum(base, area, period), low: -7, top: 7})
		case told:
			l := limit{plus: sum, low: 1, top: a.small(e, area, period)}
			if cell.Mark == release.Shown {
				l.low, l.top = max(cell.Count-2, 0), cell.Count+2
				if cell.Count == 0 {
					l.top = 0
				}
			}
			a.limits = append(a.limits, l)
			if base >= 0 {
				a.limits = append(a.limits, limit{plus: sum, minus: a.sum(base, area, period), apart: true})
			}
		}
		if !kept {
			base = e
		}
	}
}

// small is the largest count that the rules suppress in a cell by itself.
func (a *attacker) small(edition int, area, period string) int {
	n := 0
	for _, leaf := range a.below[area] {
		for _, m := range a.months {
			if m == period || release.QuarterOf(m) == period || release.YearOf(m) == period {
				c := a.editions[edition].Cells[release.CellKey{Area: leaf, Period: m}]
				if c.Mark == release.Suppressed && !c.Protects && (leaf != area || m != period) {
					n++
				}
			}
		}
	}
	switch end := (n+2)/5*5 + 2; {
	case n <= 4, n > 7 && end-n >= 3:
		return 7
	}
	return n + 3
}

// feasible tells whether the suppressed cell can have the count; decided is
// false if the search was cut off.
func (a *attacker) feasible(edition int, area, period string, count int) (yes, decided bool) {
	extra := limit{plus: a.sum(edition, area, period), low: count, top: count}
	if yes, _ = a.same.try(a.tied(extra)); yes {
		return true, true
	}
	return a.try(extra)
}

// tie is the same problem with the moves of each leaf and month, from the hint,
// equal in all editions: far smaller, and every solution of it is one of the
// whole. It finds what is feasible sooner, and proves nothing infeasible.
func (a *attacker) tie() *attacker {
	b := &attacker{}
	at := map[variable]int{}
	a.to = make([]int, len(a.low))
	for i, v := range a.names {
		v.edition = 0
		j, ok := at[v]
		if !ok {
			j = len(b.low)
			at[v] = j
			b.low, b.top, b.hint = append(b.low, -huge), append(b.top, huge), append(b.hint, 0)
		}
		a.to[i] = j
		b.low[j], b.top[j] = max(b.low[j], a.low[i]-a.hint[i]), min(b.top[j], a.top[i]-a.hint[i])
	}
	for _, l := range a.limits {
		b.limits = append(b.limits, a.tied(l))
	}
	b.index()
	return b
}

// tied writes a limit in moves.
func (a *attacker) tied(l limit) limit {
	out, shift := limit{low: l.low, top: l.top, apart: l.apart}, 0
	for _, v := range l.plus {
		out.plus, shift = append(out.plus, a.to[v]), shift+a.hint[v]
	}
	for _, v := range l.minus {
		shift -= a.hint[v]
		if i := slices.Index(out.plus, a.to[v]); i >= 0 {
			out.plus = slices.Delete(out.plus, i, i+1)
		} else {
			out.minus = append(out.minus, a.to[v])
		}
	}
	out.low, out.top, out.shift = l.low-shift, l.top-shift, shift
	return out
}
