package intake

import (
	"cmp"
	"slices"
	"strings"
)

// Sort is a sort of identifier that may stand in free text. Its value is the end
// of the code "text-<sort>".
type Sort string

// The sorts of identifier that are looked for.
const (
	SortNHSNumber Sort = "nhs-number"
	SortPhone     Sort = "phone"
	SortPostcode  Sort = "postcode"
	SortEmail     Sort = "email"
	SortUPN       Sort = "upn"
	SortPNCID     Sort = "pnc-id"
	SortCRO       Sort = "cro"
	SortNINO      Sort = "national-insurance"
	SortName      Sort = "name"
)

// Finding is a place in a text at which an identifier stands, in bytes.
type Finding struct {
	Sort       Sort
	Start, End int
}

// Find looks for identifiers in a text: numbers and addresses by their published
// shapes and check digits, and the names given. It reads a text as a person would:
// full-width digits, unusual spaces and characters of no width make no difference.
// It takes time in proportion to the text. The findings are in order and do not
// overlap.
//
// A number of another kind is no finding: ten digits with a wrong check digit, a
// date, a sum of money, the twelve digits of a UPRN.
func Find(text string, names Names) []Finding {
	if len(names.words) == 0 && !suspicious(text) {
		return nil
	}
	s := fold(text)
	var found []Finding
	add := func(sort Sort, from, to int) {
		if to > from { // an @ without an address has none
			found = append(found, Finding{Sort: sort, Start: int(s.start[from]), End: int(s.end[to-1])})
		}
	}
	for i := 0; i < len(s.text); {
		c := s.text[i]
		switch {
		case c == '@':
			from, to := s.email(i)
			add(SortEmail, from, to)
			i++
		case isDigit(c) || c == '+' || c == '(':
			sort, from, to := s.number(i)
			if sort != "" {
				add(sort, from, to)
			}
			i = max(to, s.skip(i))
		case isLetter(c) && (i == 0 || !isLetter(s.text[i-1])):
			sort, to := s.word(i, names)
			if sort != "" {
				add(sort, i, to)
			}
			i = max(to, i+1)
		default:
			i++
		}
	}
	return apart(found)
}

// suspicious reports whether a text has any character without which it can hold
// no number and no address.
func suspicious(text string) bool {
	for i := range len(text) {
		if c := text[i]; c >= 0x80 || c == '@' || c >= '0' && c <= '9' {
			return true
		}
	}
	return false
}

// apart orders the findings and leaves out those that lie over another: what
// begins first, or is longer, stays.
func apart(found []Finding) []Finding {
	slices.SortFunc(found, func(a, b Finding) int { return cmp.Or(cmp.Compare(a.Start, b.Start), cmp.Compare(b.End, a.End)) })
	out := found[:0]
	for _, f := range found {
		if n := len(out); n > 0 && f.Start < out[n-1].End {
			// What sticks out is hidden too.
			out[n-1].End = max(out[n-1].End, f.End)
			continue
		}
		out = append(out, f)
	}
	return out
}

// Mask puts a word for each identifier in the place of it. What it returns has no
// finding under the same names, and masking it again changes nothing.
func Mask(text string, names Names) string {
	// What is taken out can bring together what stood apart. That settles at once
	// in all but hostile text, of which nothing is kept.
	const passes = 4
	for range passes {
		found := Find(text, names)
		if len(found) == 0 {
			return text
		}
		var b strings.Builder
		b.Grow(len(text))
		at := 0
		for _, f := range found {
			b.WriteString(text[at:f.Start])
			b.WriteString(f.Sort.mask())
			at = f.End
		}
		b.WriteString(text[at:])
		text = b.String()
	}
	if len(Find(text, names)) > 0 {
		return "[text removed]"
	}
	return text
}

// mask is what stands in the place of an identifier.
func (s Sort) mask() string { return "[" + s.noun() + "]" }

func (s Sort) noun() string {
	switch s {
	case SortNHSNumber:
		return "NHS number"
	case SortPhone:
		return "phone number"
	case SortPostcode:
		return "postcode"
	case SortEmail:
		return "e-mail address"
	case SortUPN:
		return "UPN"
	case SortPNCID:
		return "PNC ID"
	case SortCRO:
		return "CRO number"
	case SortNINO:
		return "National Insurance number"
	case SortName:
		return "name"
	}
	return "identifier"
}
