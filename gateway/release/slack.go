package release

// span is a run of editions, both ends included: a witness moves the true
// counts of a span and leaves those of the other editions as they are.
type span struct{ first, last int }

func (s span) has(edition int) bool { return s.first <= edition && edition <= s.last }

// room is how far a true count can move down and up, in every edition of a
// span at once, before something published says otherwise.
type room struct{ down, up int }

const unbounded = 1 << 30

func (r room) holds(move int) bool { return -r.down <= move && move <= r.up }

func (r *room) within(down, up int) {
	r.down, r.up = min(r.down, down), min(r.up, up)
}

// slack is the room of every cell for one span: as things stand, and as they
// would stand if the cell were suppressed in the newest edition.
type slack struct {
	now, hidden []room
}

func newSlack(g *grid, h history, s span) *slack {
	out := &slack{now: make([]room, g.cells()), hidden: make([]room, g.cells())}
	for cell := range out.now {
		hidden := room{unbounded, unbounded}
		newest := hidden
		for e := range h {
			f := h[e][cell]
			at := room{unbounded, unbounded}
			if s.has(e) && g.isLeaf(cell) && f.kind != outside {
				at.within(f.truth, unbounded)
			}
			if s.has(e) && g.isLeaf(cell) && f.kind == empty {
				at.within(0, 0)
			}
			said := h.said(cell, e, s)
			if e == len(h)-1 && (f.published() || f.kind == primary && !g.isLeaf(cell)) {
				newest = said
			} else {
				at.within(said.down, said.up)
			}
			hidden.within(at.down, at.up)
		}
		newest.within(hidden.down, hidden.up)
		out.now[cell], out.hidden[cell] = newest, hidden
	}
	return out
}

// said is the room that the state of a cell in one edition leaves.
func (h history) said(cell, edition int, s span) room {
	f, r := h[edition][cell], room{unbounded, unbounded}
	if !f.published() && f.kind != primary {
		return r
	}
	if f.since == edition && s.has(edition) {
		low, high := 0, 0
		switch f.kind {
		case rounded:
			low, high = f.value-2, f.value+2
		case primary:
			low, high = 1, f.limit
		default:
		}
		r.within(f.truth-low, high-f.truth)
	}
	if f.since < edition && s.has(edition) != s.has(f.since) {
		r.near(f.truth-h[f.since][cell].truth, s.has(edition))
	}
	if f.since == edition && f.before >= 0 && s.has(edition) != s.has(f.before) {
		r.far(f.truth-h[f.before][cell].truth, s.has(edition))
	}
	return r
}

// near keeps a difference of two editions below the move that would have
// changed the state. The later of the two moves, or else the earlier.
func (r *room) near(difference int, later bool) {
	if !later {
		difference = -difference
	}
	r.within(retained-1+difference, retained-1-difference)
}

// far keeps a difference of two editions at or above the move that changed the
// state, on the side where it is.
func (r *room) far(difference int, later bool) {
	if !later {
		difference = -difference
	}
	if difference > 0 {
		r.within(difference-retained, unbounded)
	} else {
		r.within(unbounded, -retained-difference)
	}
}
