package intake

import (
	"strings"

	"github.com/concord-gateway/concord/gateway/dataset"
)

// coded finds a number with letters in it, of which the digits begin at i: a UPN,
// a PNC ID, a CRO number, a National Insurance number.
func (s *folded) coded(i int) (sort Sort, from, to int) {
	run := s.digitsFrom(i)
	if run-i == 11 || run-i == 12 {
		if to, ok := s.upn(i, run); ok {
			return SortUPN, i - 1, to
		}
	}
	if sort, to, ok := s.police(i, run); ok {
		return sort, i, to
	}
	if from, to, ok := s.nino(i); ok {
		return SortNINO, from, to
	}
	return "", i, i
}

// digitsFrom returns where the digits that begin at i end.
func (s *folded) digitsFrom(i int) int {
	for i < len(s.text) && isDigit(s.text[i]) {
		i++
	}
	return i
}

// skip passes over one thing that is no finding.
func (s *folded) skip(i int) int { return max(s.digitsFrom(i), i+1) }

func (s *folded) at(i int) rune {
	if i < 0 || i >= len(s.text) {
		return 0
	}
	return s.text[i]
}

func (s *folded) ends(i int) bool { return !isDigit(s.at(i)) && !isLetter(s.at(i)) }

// valid holds a part of the text to the published rule of an identifier.
func (s *folded) valid(t dataset.IdentifierType, from, to int) bool {
	_, err := dataset.Normalise(t, string(s.text[from:to]))
	return err == nil
}

// upn takes a letter and twelve digits, or eleven and a letter.
func (s *folded) upn(i, run int) (int, bool) {
	to := run
	if run-i == 11 {
		to++
	}
	if !isASCIILetter(s.at(i-1)) || !s.ends(to) || to > len(s.text) {
		return 0, false
	}
	return to, s.valid(dataset.UPN, i-1, to)
}

// police takes a PNC ID or a CRO number. A serial number of one or two digits is
// not looked for: any house number with a slash would be one.
func (s *folded) police(i, run int) (sort Sort, to int, ok bool) {
	if s.at(run) != '/' {
		return "", 0, false
	}
	to = s.digitsFrom(run + 1)
	before, after := run-i, to-run-1
	if !isASCIILetter(s.at(to)) || !s.ends(to+1) {
		return "", 0, false
	}
	to++
	const leastSerial = 3
	switch {
	case (before == 2 || before == 4) && after >= leastSerial && after <= 7:
		return SortPNCID, to, s.valid(dataset.PNCID, i, to)
	case before >= leastSerial && before <= 6 && after == 2:
		return SortCRO, to, s.valid(dataset.CRO, i, to)
	}
	return "", 0, false
}

// nino takes two letters, six digits in pairs and a letter from A to D. The first
// letters are those that HM Revenue and Customs gives out.
func (s *folded) nino(i int) (from, to int, ok bool) {
	letters := i
	if c := s.at(i - 1); c == ' ' || c == '-' {
		letters--
	}
	from = letters - 2
	if from < 0 || !ninoPrefix(s.text[from], s.text[from+1]) {
		return 0, 0, false
	}
	for range 3 {
		if !isDigit(s.at(i)) || !isDigit(s.at(i+1)) {
			return 0, 0, false
		}
		i += 2
		if c := s.at(i); c == ' ' || c == '-' {
			i++
		}
	}
	if c := s.at(i); c < 'A' || c > 'D' || !s.ends(i+1) {
		return 0, 0, false
	}
	return from, i + 1, true
}

func ninoPrefix(a, b rune) bool {
	if !isASCIILetter(a) || !isASCIILetter(b) || strings.ContainsRune("DFIQUV", a) || strings.ContainsRune("DFIOQUV", b) {
		return false
	}
	switch string([]rune{a, b}) {
	case "BG", "GB", "KN", "NK", "NT", "TN", "ZZ":
		return false
	}
	return true
}

// email takes the address around the @ at i.
func (s *folded) email(i int) (from, to int) {
	from = i
	for from > 0 && isLocal(s.text[from-1]) {
		from--
	}
	label, dots := 0, 0
	for to = i + 1; to < len(s.text); to++ {
		c := s.text[to]
		if c == '.' && label > 0 {
			dots, label = dots+1, 0
			continue
		}
		if !isLetter(c) && !isDigit(c) && c != '-' {
			break
		}
		label++
	}
	if label == 0 && dots > 0 { // the full stop at the end of a sentence
		to--
		dots--
		for label = 0; s.text[to-1-label] != '.' && to-1-label > i; {
			label++
		}
	}
	if from == i || dots == 0 || label < 2 || !isLetter(s.text[to-1]) {
		return i, i
	}
	return from, to
}

func isLocal(c rune) bool {
	return isLetter(c) || isDigit(c) || strings.ContainsRune("._%+-'", c)
}

// word finds what begins with the letter at i: a postcode or a name. Without a
// finding sort is empty, and to is the end of the word.
func (s *folded) word(i int, names Names) (sort Sort, to int) {
	if to, ok := s.postcode(i); ok {
		return SortPostcode, to
	}
	word, to, stem := s.nameAt(i)
	if names.has(word) || stem < len(word) && names.has(word[:stem]) {
		return SortName, to
	}
	return "", to
}

// postcode takes a full postcode that begins at i.
func (s *folded) postcode(i int) (int, bool) {
	if isDigit(s.at(i - 1)) {
		return 0, false
	}
	const outward, full, inward = 4, 7, 3
	first := s.token(i, full)
	if first-i > outward {
		return first, s.ends(first) && s.isPostcode(i, first-inward, first-inward, first)
	}
	second := first
	for second < first+3 && (s.at(second) == ' ' || s.at(second) == '-') {
		second++
	}
	to := s.token(second, inward)
	if second == first || to-second != inward || !s.ends(to) {
		return 0, false
	}
	return to, s.isPostcode(i, first, second, to) && !s.ordinal(second, to)
}

// token returns the end of the ASCII letters and digits from i, at most so many.
func (s *folded) token(i, most int) int {
	to := i
	for to < len(s.text) && to-i < most && (isASCIILetter(s.text[to]) || isDigit(s.text[to])) {
		to++
	}
	return to
}

// isPostcode holds the two parts to the shape of a postcode, and the first to the
// areas that there are.
func (s *folded) isPostcode(i, outEnd, in, to int) bool {
	letters := i
	for letters < outEnd && isASCIILetter(s.text[letters]) {
		letters++
	}
	if letters == i || letters == outEnd || !strings.Contains(postcodeAreas, " "+string(s.text[i:letters])+" ") {
		return false
	}
	_, err := dataset.Normalise(dataset.Postcode, string(s.text[i:outEnd])+string(s.text[in:to]))
	return err == nil
}

// ordinal reports whether the second part is a word such as 2nd, as in "the M5 2nd
// exit": in small letters.
func (s *folded) ordinal(from, to int) bool {
	switch s.original[s.start[from]:s.end[to-1]] {
	case "1st", "2nd", "3rd", "4th", "5th", "6th", "7th", "8th", "9th", "0th":
		return true
	}
	return false
}

// postcodeAreas are the letters with which postcodes begin.
const postcodeAreas = " AB AL B BA BB BD BF BH BL BN BR BS BT BX CA CB CF CH CM CO CR CT CV CW DA DD DE DG DH DL DN DT DY E EC EH EN EX FK FY " +
	"G GL GU GY HA HD HG HP HR HS HU HX IG IM IP IV JE KA KT KW KY L LA LD LE LL LN LS LU M ME MK ML N NE NG NN NP NR NW OL OX " +
	"PA PE PH PL PO PR RG RH RM S SA SE SG SK SL SM SN SO SP SR SS ST SW SY TA TD TF TN TQ TR TS TW UB W WA WC WD WF WN WR WS WV YO ZE "
