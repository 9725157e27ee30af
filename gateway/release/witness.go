package release

import (
	"cmp"
	"slices"
)

// A witness is another set of true tables, in which every published cell of
// every edition would have come out as it did. It differs from the truth by a
// few leaf-months, moved by the same amounts in every edition of a span. A
// suppressed cell that takes two other values in witnesses has, with its true
// one, three feasible values.
//
// The search starts with one leaf-month of the cell. Wherever that moves a cell
// out of its room it compensates by another leaf-month in the smallest such
// cell, and so on.
const (
	// deepest is the largest number of leaf-months of a witness.
	deepest = 10
	// never is the cost of what suppression in the newest edition cannot
	// allow.
	never = 1 << 40
)

// effort is how many of the best moves are followed at each depth.
type effort [deepest]int

// quick finds nearly every witness; thorough is for what it does not find.
var (
	quick    = effort{4, 4, 3, 2, 2, 1, 1, 1, 1, 1}
	thorough = effort{12, 10, 6, 4, 3, 3, 2, 1, 1, 1}
)

// step is a move of one leaf-month.
type step struct{ leafMonth, by int }

// plan is a move that published cells of the newest edition stand against, and
// what it would cost to suppress these.
type plan struct {
	span  span
	by    int // of the target
	steps []step
	cost  int
}

// search looks for one witness.
type search struct {
	*grid

	slack  *slack
	cost   []int // of suppressing each cell in the newest edition
	above  [][]int
	target int
	by     int // what the target has to move by
	steps  []step
	moved  []int // by cell
	price  int   // of all cells that are out of their room
	best   *plan
	// accept is the largest price of a cell that is left out of its room: 0
	// in search of a witness, never-1 in search of a plan.
	accept int
	effort effort
	// largest compensates in the largest cell first, not in the smallest.
	largest bool
	span    span
}

// from looks for a witness in which the target moves by the given amount. It
// leaves its steps in s.steps and its moves in s.moved until s.clear; if there
// is none, s.best has the cheapest plan met so far.
func (s *search) from(target, by int) bool {
	s.target, s.by = target, by
	if !s.slack.hidden[target].holds(by) {
		return false
	}
	found := s.repair()
	if !found && s.effort == thorough {
		s.largest = true
		found = s.repair()
		s.largest = false
	}
	if found && s.best != nil && s.best.by == by {
		s.best = nil // nobody needs that plan any more
	}
	return found
}

// follow tries to move one of the leaf-months, or part of the way if it has no
// room for all, the cheapest first.
func (s *search) follow(leafMonths []int, by int) bool {
	type option struct{ step, price int }
	options := make([]option, 0, len(leafMonths))
	steps := make([]step, 0, len(leafMonths))
	for _, lm := range leafMonths {
		r := s.slack.hidden[lm]
		st := step{lm, max(-r.down, min(by, r.up))}
		if s.used(lm) || st.by == 0 {
			continue
		}
		s.move(lm, st.by)
		price, left := s.price, s.left()
		s.move(lm, -st.by)
		if max(left, -left) <= max(s.left(), -s.left()) {
			options = append(options, option{len(steps), price})
			steps = append(steps, st)
		}
	}
	slices.SortStableFunc(options, func(a, b option) int { return cmp.Compare(a.price, b.price) })
	for i, o := range options {
		if i == s.effort[len(s.steps)] {
			break
		}
		st := steps[o.step]
		s.steps = append(s.steps, st)
		s.move(st.leafMonth, st.by)
		if s.price == 0 && s.left() == 0 || s.repair() {
			return true
		}
		s.move(st.leafMonth, -st.by)
		s.steps = s.steps[:len(s.steps)-1]
	}
	return false
}

// left is how far the target still has to move.
func (s *search) left() int { return s.by - s.moved[s.target] }

// repair moves the target on, or else compensates in a cell that is out of its
// room.
func (s *search) repair() bool {
	if s.left() == 0 && s.price < never && (s.best == nil || s.price < s.best.cost) {
		s.best = &plan{span: s.span, by: s.by, steps: slices.Clone(s.steps), cost: s.price}
	}
	if len(s.steps) == deepest {
		return false
	}
	cell, by := s.target, s.left()
	if by == 0 {
		if cell = s.nextBroken(); cell < 0 {
			return false
		}
		by = -s.excess(cell)
	}
	var inside []int
	s.eachLeaf(cell, func(leafMonth int) { inside = append(inside, leafMonth) })
	return s.follow(inside, by)
}

// nextBroken is the smallest (or largest) cell that is out of its room, or -1.
func (s *search) nextBroken() int {
	found := -1
	for _, st := range s.steps {
		for _, cell := range s.above[st.leafMonth] {
			if s.broken(cell) > s.accept && (found < 0 || (s.size(cell) < s.size(found)) != s.largest) {
				found = cell
			}
		}
	}
	return found
}

// excess is how far a cell is above its room (positive) or below it.
func (s *search) excess(cell int) int {
	r, m := s.room(cell), s.moved[cell]
	if m > r.up {
		return m - r.up
	}
	return m + r.down
}

// room is the room that the search has to keep a cell in.
func (s *search) room(cell int) room {
	if s.accept > 0 {
		return s.slack.hidden[cell]
	}
	return s.slack.now[cell]
}

// used tells whether a leaf-month has been moved.
func (s *search) used(leafMonth int) bool {
	for _, st := range s.steps {
		if st.leafMonth == leafMonth {
			return true
		}
	}
	return false
}

// move moves a leaf-month and every cell above it, and keeps the price.
func (s *search) move(leafMonth, by int) {
	for _, cell := range s.above[leafMonth] {
		s.price -= s.broken(cell)
		s.moved[cell] += by
		s.price += s.broken(cell)
	}
}

// broken is the price of a cell being where it is.
func (s *search) broken(cell int) int {
	m := s.moved[cell]
	switch {
	case s.slack.now[cell].holds(m):
		return 0
	case s.slack.hidden[cell].holds(m):
		return s.cost[cell]
	}
	return never
}

// clear undoes all steps.
func (s *search) clear() {
	for _, st := range s.steps {
		s.move(st.leafMonth, -st.by)
	}
	s.steps = s.steps[:0]
}
