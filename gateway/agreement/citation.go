package agreement

import (
	"cmp"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// act is an enactment that a legal power cites.
type act string

// The enactments that the checks tell apart. Any other is otherAct.
const (
	otherAct     act = "another"
	sentencing   act = "Police, Crime, Sentencing and Courts Act 2022"
	disorder     act = "Crime and Disorder Act 1998"
	depersonally act = "SI 2007/1831"
)

// citation is one section of one enactment, in capitals and without
// subsections, or the enactment alone.
type citation struct {
	act     act
	section string
}

// names finds enactments by the names that people write. The first that
// matches at a place counts.
var names = []struct {
	act  act
	expr *regexp.Regexp
}{
	{depersonally, regexp.MustCompile(`(?i)\bS\.?\s?I\.?\s*2007\s*(?:/|No\.?)\s*1831\b`)},
	{depersonally, regexp.MustCompile(`(?i)\bcrime\s+(?:and|&)\s+disorder\s+\(prescribed\s+information\)\s+regulations(?:\s+2007)?`)},
	{sentencing, regexp.MustCompile(`(?i)\b(?:police,?\s+crime,?\s+)?sentencing\s+(?:and|&)\s+courts\s+act(?:\s+2022)?|\bPCSC\s?A?\b(?:\s*act)?(?:\s+2022)?`)},
	{disorder, regexp.MustCompile(`(?i)\bcrime\s+(?:and|&)\s+disorder\s+act(?:\s+1998)?|\bCDA\b(?:\s+1998)?`)},
	{otherAct, regexp.MustCompile(`(?i)\b[a-z' ]*\b(?:act|DPA|GDPR|measure)\b(?:\s+\d{4})?|\bcommon\s+law\b|\bcode\s+of\s+practice\b`)},
}

// sectionList finds "s.16", "ss 8, 16 and 17", "sections 8 to 16". Where "s." is
// said again, another list begins: it may belong to another enactment.
var sectionList = regexp.MustCompile(`(?i)(?:\b(?:ss?|secs?|sections?)\.?\s*|§+\s*)` +
	`\d+[a-z]{0,2}\b(?:\s*\(\w+\))*(?:\s*(?:,|;|and|&|or|to|-|–)\s*(?:and\s+)?\d{1,3}[a-z]{0,2}\b(?:\s*\(\w+\))*)*`)

var (
	sectionToken = regexp.MustCompile(`(?i)\d+[a-z]{0,2}\b|\bto\b|-|–`)
	subsection   = regexp.MustCompile(`\s*\(\w+\)`)
	follows      = regexp.MustCompile(`(?i)^\s*,?\s*(?:of\s+)?(?:the\s+)?$`)
	adjoins      = regexp.MustCompile(`^[\s,:(]*$`)
)

// mention is an enactment named at a place in a text.
type mention struct {
	act        act
	start, end int
}

// citations reads what a text cites. A section belongs to the enactment right
// before it, else to the one right after it ("section 16 of the ..."), else to
// the last one named. What it cannot read it does not guess.
func citations(text string) []citation {
	named := mentions(text)
	var out []citation
	cited := map[int]bool{}
	for _, span := range sectionList.FindAllStringIndex(text, -1) {
		owner, ok := ownerOf(text, named, span)
		of := otherAct
		if ok {
			of, cited[owner] = named[owner].act, true
		}
		for _, section := range sections(text[span[0]:span[1]]) {
			out = append(out, citation{of, section})
		}
	}
	for i, m := range named {
		if !cited[i] {
			out = append(out, citation{act: m.act})
		}
	}
	return out
}

func mentions(text string) []mention {
	var out []mention
	for _, n := range names {
		for _, span := range n.expr.FindAllStringIndex(text, -1) {
			overlaps := func(m mention) bool { return span[0] < m.end && m.start < span[1] }
			if !slices.ContainsFunc(out, overlaps) {
				out = append(out, mention{n.act, span[0], span[1]})
			}
		}
	}
	slices.SortFunc(out, func(a, b mention) int { return cmp.Compare(a.start, b.start) })
	return out
}

func ownerOf(text string, named []mention, span []int) (int, bool) {
	before, after := -1, -1
	for i, m := range named {
		if m.end <= span[0] {
			before = i
		} else if m.start >= span[1] && after < 0 {
			after = i
		}
	}
	if before >= 0 && adjoins.MatchString(text[named[before].end:span[0]]) {
		return before, true
	}
	if after >= 0 && follows.MatchString(text[span[1]:named[after].start]) {
		return after, true
	}
	return before, before >= 0
}

// sections writes a list out: "8 to 16" is every section between them.
func sections(list string) []string {
	var out []string
	span := false
	for _, token := range sectionToken.FindAllString(subsection.ReplaceAllString(list, ""), -1) {
		if token[0] < '0' || token[0] > '9' {
			span = true
			continue
		}
		if span && len(out) > 0 {
			low, okLow := strconv.Atoi(strings.TrimRight(out[len(out)-1], "ABCDEFGHIJKLMNOPQRSTUVWXYZ"))
			high, okHigh := strconv.Atoi(token)
			for n := low + 1; okLow == nil && okHigh == nil && n < high && n < low+1000; n++ {
				out = append(out, strconv.Itoa(n))
			}
		}
		span = false
		out = append(out, strings.ToUpper(token))
	}
	return out
}

// citesViolenceDuty reports whether a text cites section 16 of the 2022 Act,
// whose subsection (4) does not authorise patient information, nor personal
// information that a health or social care authority holds.
func citesViolenceDuty(text string) bool {
	return slices.Contains(citations(text), citation{sentencing, "16"})
}

// onlyDepersonalised reports whether a text cites nothing but the duty to share
// depersonalised information: section 17A of the 1998 Act, and the regulations
// that say what it covers.
func onlyDepersonalised(text string) bool {
	cited := citations(text)
	return len(cited) > 0 && !slices.ContainsFunc(cited, func(c citation) bool {
		return c.act != depersonally && c != citation{disorder, "17A"}
	})
}
