package dataset

import expr "regexp/syntax"

// piece is one part of a simple pattern: between low and high characters of a
// set.
type piece struct {
	set       [128]bool
	low, high int
}

// matcher returns what answers whether a text matches the pattern: for a simple
// one, such as ^E0[67][0-9]{6}$, by one look at each byte; for any other by the
// regular expression itself, given as slow. Simple is a pattern that starts with
// ^, whose sets are ASCII, and in which it is always clear where one part ends
// and the next begins.
func matcher(pattern string, slow func(string) bool) func(string) bool {
	parsed, err := expr.Parse(pattern, expr.Perl)
	if err != nil || parsed.Op != expr.OpConcat || parsed.Sub[0].Op != expr.OpBeginText {
		return slow
	}
	parts := parsed.Sub[1:]
	ends := len(parts) > 0 && parts[len(parts)-1].Op == expr.OpEndText
	if ends {
		parts = parts[:len(parts)-1]
	}
	var pieces []piece
	for _, part := range parts {
		more, ok := piecesOf(part)
		if !ok {
			return slow
		}
		pieces = append(pieces, more...)
	}
	if !unambiguous(pieces) {
		return slow
	}
	return func(s string) bool { return match(pieces, ends, s) }
}

func match(pieces []piece, ends bool, s string) bool {
	at := 0
	for i := range pieces {
		p := &pieces[i]
		n := 0
		for n < p.high && at < len(s) && s[at] < 128 && p.set[s[at]] {
			n++
			at++
		}
		if n < p.low {
			return false
		}
	}
	return !ends || at == len(s)
}

// unbounded is more than any text has.
const unbounded = 1 << 30

func piecesOf(part *expr.Regexp) ([]piece, bool) {
	low, high := 1, 1
	switch part.Op {
	case expr.OpStar:
		low, high = 0, unbounded
	case expr.OpPlus:
		high = unbounded
	case expr.OpQuest:
		low = 0
	case expr.OpRepeat:
		if low, high = part.Min, part.Max; high < 0 {
			high = unbounded
		}
	case expr.OpLiteral, expr.OpCharClass:
		return sets(part)
	default:
		return nil, false
	}
	repeated, ok := sets(part.Sub[0])
	if !ok || len(repeated) != 1 {
		return nil, false
	}
	repeated[0].low, repeated[0].high = low, high
	return repeated, true
}

// sets reads a literal or a class of ASCII characters.
func sets(part *expr.Regexp) ([]piece, bool) {
	if part.Flags&expr.FoldCase != 0 || part.Op != expr.OpLiteral && part.Op != expr.OpCharClass {
		return nil, false
	}
	ranges := part.Rune
	if part.Op == expr.OpLiteral {
		ranges = nil
		for _, r := range part.Rune {
			ranges = append(ranges, r, r)
		}
	}
	var out []piece
	for i := 0; i+1 < len(ranges); i += 2 {
		if ranges[i+1] >= 128 {
			return nil, false
		}
		if part.Op == expr.OpLiteral || len(out) == 0 {
			out = append(out, piece{low: 1, high: 1})
		}
		for r := ranges[i]; r <= ranges[i+1]; r++ {
			out[len(out)-1].set[r] = true
		}
	}
	return out, len(out) > 0
}

// unambiguous reports whether reading as much as possible for each piece is right: no
// character that ends a piece of varying length could also belong to it.
func unambiguous(pieces []piece) bool {
	for i := range pieces {
		if pieces[i].low == pieces[i].high {
			continue
		}
		for j := i + 1; j < len(pieces); j++ {
			for c := range pieces[i].set {
				if pieces[i].set[c] && pieces[j].set[c] {
					return false
				}
			}
			if pieces[j].low > 0 {
				break
			}
		}
	}
	return true
}
