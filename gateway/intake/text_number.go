package intake

import (
	"github.com/concord-gateway/concord/gateway/dataset"
)

// groups are the digits that begin at some place, as people write them: in groups
// with a few spaces, hyphens, points or brackets between.
type groups struct {
	digits []byte
	// after is where the text goes on after each digit.
	after []int
	// sizes are the lengths of the groups, and ends the number of digits up to the
	// end of each.
	sizes, ends []int
}

// mostDigits is more than any number has that is looked for.
const mostDigits = 18

// groups reads the digits from i on; a plus or a bracket may stand before them.
func (s *folded) groups(i int) groups {
	g := groups{digits: make([]byte, 0, mostDigits), after: make([]int, 0, mostDigits)}
	between := 0
	for ; i < len(s.text) && len(g.digits) < mostDigits; i++ {
		c := s.text[i]
		if isDigit(c) {
			if between > 0 || len(g.sizes) == 0 {
				g.sizes, g.ends = append(g.sizes, 0), append(g.ends, len(g.digits))
			}
			between = 0
			g.digits, g.after = append(g.digits, byte(c)), append(g.after, i+1)
			g.sizes[len(g.sizes)-1]++
			g.ends[len(g.ends)-1]++
			continue
		}
		const widest = 3 // as in "(01905) - 61"
		if between++; between > widest || !isBetween(c) {
			break
		}
	}
	return g
}

func isBetween(c rune) bool {
	return c == ' ' || c == '-' || c == '.' || c == '(' || c == ')' || c == '+'
}

// upTo returns where the text goes on after n digits, if a group ends there.
func (g groups) upTo(n int) (int, bool) {
	for i, end := range g.ends {
		if end == n {
			// The last group may be cut off.
			return g.after[n-1], i < len(g.ends)-1 || len(g.digits) < mostDigits
		}
	}
	return 0, false
}

// number finds what begins at i with a digit, a plus or a bracket. from is before
// i where letters belong to it. Without a finding to is i.
func (s *folded) number(i int) (sort Sort, from, to int) {
	if isDigit(s.text[i]) {
		if sort, from, to := s.coded(i); to > i {
			return sort, from, to
		}
	}
	g := s.groups(i)
	if to, ok := s.nhsNumber(i, g); ok {
		return SortNHSNumber, i, to
	}
	if to, ok := s.phone(i, g); ok {
		return SortPhone, i, to
	}
	return "", i, i
}

// nhsNumber accepts ten digits together, in 3-3-4, or each by itself.
func (s *folded) nhsNumber(i int, g groups) (int, bool) {
	to, ok := g.upTo(10)
	if !ok || i > 0 && isCurrency(s.text[i-1]) {
		return 0, false
	}
	single := true
	for _, n := range g.sizes[:min(10, len(g.sizes))] {
		single = single && n == 1
	}
	together := g.sizes[0] == 10
	grouped := len(g.sizes) >= 3 && g.sizes[0] == 3 && g.sizes[1] == 3 && g.sizes[2] == 4
	if !single && !together && !grouped {
		return 0, false
	}
	_, err := dataset.Normalise(dataset.NHSNumber, string(g.digits[:10]))
	return to, err == nil
}

func isCurrency(c rune) bool { return c == '£' || c == '$' || c == '€' }

// phone accepts a number of the United Kingdom, with 0 or the country code before
// it. Who writes one in groups writes the area code as one group: a date is none.
func (s *folded) phone(i int, g groups) (int, bool) {
	var national int
	plus := s.text[i] == '+' || s.text[i] == '(' && i+1 < len(s.text) && s.text[i+1] == '+'
	switch d := string(g.digits); {
	case plus && len(d) > 2 && d[:2] == "44":
		national = 2
	case len(d) > 4 && d[:4] == "0044":
		national, plus = 4, true
	case !plus && len(d) > 1 && d[0] == '0':
		national = 1
	default:
		return 0, false
	}
	if plus && national < len(g.digits) && g.digits[national] == '0' { // +44 (0)1905
		national++
	}
	if national >= len(g.digits) || !plus && !areaFirst(g) {
		return 0, false
	}
	switch first := g.digits[national]; first {
	case '1', '2', '3', '5', '7', '8', '9':
		if to, ok := g.upTo(national + 10); ok {
			return to, true
		}
		if to, ok := g.upTo(national + 9); ok && first == '1' {
			return to, true
		}
	}
	return 0, false
}

// areaFirst reports whether the first group can be an area code, and the others
// parts of a number: no group of one digit.
func areaFirst(g groups) bool {
	shortest := 4
	if g.digits[1] == '2' {
		shortest = 3
	}
	if g.sizes[0] < shortest {
		return false
	}
	for i, n := range g.sizes {
		if g.ends[i] <= 11 && n < 2 {
			return false
		}
	}
	return true
}
