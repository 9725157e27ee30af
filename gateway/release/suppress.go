package release

import "slices"

// protector decides complementary suppression in the newest edition.
type protector struct {
	*grid

	facts  history
	above  [][]int
	cost   []int
	slacks map[span]*slack
	// found has up to two other values, as moves, that each suppressed cell
	// takes in witnesses: found[edition][cell].
	found [][][2]int
	moved []int
	queue []target
}

// target is a suppressed cell that has to keep three feasible values.
type target struct{ edition, cell int }

func newProtector(g *grid, previous []Series) *protector {
	p := &protector{grid: g, slacks: map[span]*slack{}, moved: make([]int, g.cells())}
	for range len(previous) + 1 {
		p.facts = append(p.facts, make([]fact, g.cells()))
		p.found = append(p.found, make([][2]int, g.cells()))
	}
	for e, s := range previous {
		p.facts.recall(g, e, s)
	}
	p.above = make([][]int, g.cells())
	for leaf := range g.leaves {
		for m := range g.months {
			p.above[g.cell(leaf, m)] = g.above(g.cell(leaf, m))
		}
	}
	return p
}

func (p *protector) newest() int { return len(p.facts) - 1 }

// run suppresses until every suppressed cell of every edition has its
// witnesses. Suppressing only ever takes knowledge away, so a witness once
// found stays one, and the loop ends: at the latest with an edition that
// publishes nothing, which tells nothing.
func (p *protector) run() {
	p.price()
	for e := p.newest(); e >= 0; e-- {
		for _, cell := range p.order {
			if p.facts[e][cell].suppressed() {
				p.queue = append(p.queue, target{e, cell})
			}
		}
	}
	for len(p.queue) > 0 {
		failed := p.drain(quick)
		if len(failed) == 0 {
			return
		}
		// What was suppressed since may have helped them.
		p.queue = failed
		if failed = p.drain(thorough); len(failed) > 0 {
			p.withdraw()
			return
		}
	}
}

// drain protects the queue, and what comes to it meanwhile, and returns the
// targets that it could not protect.
func (p *protector) drain(effort effort) []target {
	var failed []target
	for len(p.queue) > 0 {
		t := p.queue[0]
		p.queue = p.queue[1:]
		if !p.protect(t, effort) {
			failed = append(failed, t)
		}
	}
	return failed
}

// price sets what it costs to suppress each cell: its size, more if it is a
// zero, which protects little, and much more if an earlier edition showed it.
func (p *protector) price() {
	p.cost = make([]int, p.cells())
	for cell := range p.cost {
		f := p.facts[p.newest()][cell]
		p.cost[cell] = p.size(cell)
		switch {
		case f.kind == primary:
			p.cost[cell] = 500
		case f.since < p.newest():
			p.cost[cell] *= 50
		case f.kind == zero:
			p.cost[cell] *= 4
		}
	}
}

// protect finds or makes two other values for one suppressed cell.
func (p *protector) protect(t target, effort effort) bool {
	for !p.done(t) {
		best := p.witnesses(t, effort, 0)
		if best == nil && !p.done(t) {
			best = p.witnesses(t, effort, never-1)
		}
		if p.done(t) {
			return true
		}
		if best == nil {
			return false
		}
		p.apply(best)
	}
	return true
}

func (p *protector) done(t target) bool { return p.found[t.edition][t.cell][1] != 0 }

// witnesses looks for what the target still needs among the witnesses that
// nothing stands against. If they are not enough it returns the cheapest plan.
func (p *protector) witnesses(t target, effort effort, accept int) *plan {
	var best *plan
	for _, sp := range p.spans(t.edition) {
		s := &search{grid: p.grid, slack: p.slack(sp), cost: p.cost, above: p.above, moved: p.moved, best: best, span: sp, accept: accept, effort: effort}
		for _, by := range [...]int{1, -1, 2, -2} {
			if p.done(t) {
				return nil
			}
			if p.found[t.edition][t.cell][0] == by {
				continue
			}
			if s.from(t.cell, by) {
				p.record(s)
			}
			s.clear()
		}
		best = s.best
	}
	return best
}

// spans lists the runs of editions to try for a cell of one edition: all of
// them first, as tables change little between editions.
func (p *protector) spans(edition int) []span {
	all := []span{{0, p.newest()}, {edition, p.newest()}, {0, edition}, {edition, edition}}
	var out []span
	for _, s := range all {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

func (p *protector) slack(s span) *slack {
	if p.slacks[s] == nil {
		p.slacks[s] = newSlack(p.grid, p.facts, s)
	}
	return p.slacks[s]
}

// record notes the values that a witness, and its multiples, give to every
// suppressed cell.
func (p *protector) record(s *search) {
	for _, times := range [...]int{1, 2, -1, -2} {
		if p.holds(s, times) {
			for _, st := range s.steps {
				for _, cell := range p.above[st.leafMonth] {
					p.note(s.span, cell, times*s.moved[cell])
				}
			}
		}
	}
}

func (p *protector) holds(s *search, times int) bool {
	for _, st := range s.steps {
		for _, cell := range p.above[st.leafMonth] {
			if !s.slack.now[cell].holds(times * s.moved[cell]) {
				return false
			}
		}
	}
	return true
}

func (p *protector) note(s span, cell, by int) {
	for e := s.first; e <= s.last && by != 0; e++ {
		found := &p.found[e][cell]
		switch {
		case found[0] == 0:
			found[0] = by
		case found[0] != by && found[1] == 0:
			found[1] = by
		}
	}
}

// apply suppresses what stands against a plan.
func (p *protector) apply(best *plan) {
	s := &search{grid: p.grid, slack: p.slack(best.span), cost: p.cost, above: p.above, moved: p.moved, span: best.span, steps: best.steps}
	for _, st := range best.steps {
		s.move(st.leafMonth, st.by)
	}
	for _, st := range best.steps {
		for _, cell := range p.above[st.leafMonth] {
			if !s.slack.now[cell].holds(p.moved[cell]) {
				p.suppress(cell)
			}
		}
	}
	p.record(s)
	s.clear()
}

func (p *protector) suppress(cell int) {
	e := p.newest()
	p.facts[e][cell].kind = complementary
	p.queue = append(p.queue, target{e, cell})
	for _, sl := range p.slacks {
		sl.now[cell] = sl.hidden[cell]
	}
}

// withdraw publishes no count at all in the newest edition: what cannot be
// protected is not published.
func (p *protector) withdraw() {
	for cell, f := range p.facts[p.newest()] {
		if f.kind != outside && f.kind != empty {
			p.facts[p.newest()][cell].kind = withdrawn
		}
	}
}
