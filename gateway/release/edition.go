package release

// kind is what is known of a cell in one edition, by someone who knows the
// rules and can tell the two sorts of suppressed cells apart.
type kind uint8

const (
	outside       kind = iota // not a cell of the edition
	empty                     // no data
	zero                      // published: exactly 0 when set
	rounded                   // published: within 2 of value when set
	primary                   // suppressed as small: 1..limit when set
	complementary             // suppressed to protect others: not negative
	withdrawn                 // suppressed with the whole edition
)

// retained is the move of a true count from its basis that no longer keeps
// the published state.
const retained = 8

// smallest is the largest count that is suppressed everywhere.
const smallest = 7

// fact is a cell in an edition.
type fact struct {
	kind  kind
	value int // of rounded
	limit int // of primary
	truth int
	// since is the edition in which the state was set; that of the edition
	// itself if it is new.
	since int
	// before is, for a state that is new, the edition in which the state that
	// it replaced had been set, or -1 if there was none.
	before int
}

func (f fact) suppressed() bool { return f.kind == primary || f.kind == complementary }

func (f fact) published() bool { return f.kind == zero || f.kind == rounded }

// stays tells whether a count keeps the state that was set at the basis.
func stays(truth, basis int) bool { return max(truth-basis, basis-truth) < retained }

func round5(n int) int { return (n + 2) / 5 * 5 }

// history is the facts of all editions: history[edition][cell].
type history [][]fact

// complete tells whether the sealed parts of an earlier edition are all there.
func complete(s Series) bool {
	for _, c := range s.Cells {
		if c.Mark != NoData && c.Basis != Withdrawn && !stays(c.True, c.Basis) {
			return false
		}
	}
	return true
}

// recall reads an earlier edition back into facts.
func (h history) recall(g *grid, edition int, s Series) {
	facts := h[edition]
	for _, cell := range g.order {
		z, p := g.split(cell)
		was, ok := s.Cells[CellKey{Area: g.zones[z].names[0], Period: g.periods[p].name}]
		if !ok {
			continue
		}
		f := h.follow(edition, cell, was.True, was.Mark == NoData)
		switch {
		case was.Mark == NoData:
		case was.Basis == Withdrawn:
			f.kind = withdrawn
		case was.Mark == Shown:
			f.kind, f.value = zero, was.Count
			if was.Count > 0 {
				f.kind = rounded
			}
		case was.Protects:
			f.kind = complementary
		case f.since < edition:
			f.kind, f.limit = primary, h[edition-1][cell].limit
		default:
			f.kind, f.limit = primary, g.limit(facts, cell)
		}
		facts[cell] = f
	}
}

// decide sets the state of every cell of a new edition before complementary
// suppression. Only the cells of the given periods belong to it.
func (h history) decide(g *grid, edition int, leaf func(leafMonth int) (count int, ok bool), has func(period int) bool) {
	facts := h[edition]
	for _, cell := range g.order {
		if _, p := g.split(cell); !has(p) {
			continue
		}
		truth, data := 0, false
		g.eachLeaf(cell, func(leafMonth int) {
			if n, ok := leaf(leafMonth); ok {
				truth, data = truth+n, true
			}
		})
		f := h.follow(edition, cell, truth, !data)
		limit := g.limit(facts, cell)
		switch {
		case !data:
		case f.since < edition:
			was := h[edition-1][cell]
			f.kind, f.value, f.limit = was.kind, was.value, was.limit
		case truth == 0:
			f.kind = zero
		case truth <= limit:
			f.kind, f.limit = primary, limit
		default:
			f.kind, f.value = rounded, round5(truth)
		}
		facts[cell] = f
	}
}

// follow starts the fact of a cell from the edition before.
func (h history) follow(edition, cell, truth int, noData bool) fact {
	f := fact{kind: empty, truth: truth, since: edition, before: -1}
	if edition == 0 || noData {
		return f
	}
	was := h[edition-1][cell]
	if !was.suppressed() && !was.published() {
		return f
	}
	if stays(truth, h[was.since][cell].truth) {
		f.since = was.since
	} else {
		f.before = was.since
	}
	return f
}

// limit is the largest count of a cell that is suppressed as small. That is 7,
// but for a crowded cell: n suppressed leaf-months below it, each at least 1,
// in a cell whose count is known to be close to n, would all be known to be 1.
// So where the range that 7 or the rounding leaves above n is too short, counts
// up to n+3 are suppressed.
func (g *grid) limit(facts []fact, cell int) int {
	if g.isLeaf(cell) {
		return smallest
	}
	n := 0
	g.eachLeaf(cell, func(leafMonth int) {
		if facts[leafMonth].kind == primary {
			n++
		}
	})
	top := smallest
	if n > smallest {
		top = round5(n) + 2
	}
	if top-n < 3 {
		return n + 3
	}
	return smallest
}
