package replay

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Text is the report in plain English and in Markdown, for a terminal and for
// the record of a signature.
func (r ImpactReport) Text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# What the candidate would change\n\n")
	of := ""
	if r.Provider != "" {
		of = " It covers the data of " + r.Provider + " alone."
	}
	fmt.Fprintf(&b, "%s past requests were decided twice as if they came in on %s: by the rules in force,\n"+
		"and by the candidate.%s\n\n", number(r.Considered.Requests), r.At, of)
	lines := [][]string{
		{"rules in force", "`" + r.Current + "`"},
		{"candidate", "`" + r.Candidate + "`"},
	}
	if r.Considered.Requests > 0 {
		lines = append(lines, []string{"requests from", r.From}, []string{"to", r.To})
	}
	lines = append(lines,
		[]string{"about persons", fmt.Sprintf("%s requests, at most %s persons",
			number(r.Considered.Requests-r.AreaRequests), number(r.Considered.Subjects))},
		[]string{"about areas", number(r.AreaRequests) + " requests"},
		[]string{"answered otherwise", fmt.Sprintf("%s requests, at most %s persons", number(r.Affected.Requests), number(r.Affected.Subjects))},
		[]string{"other obligations", number(r.Obligations) + " requests (marking, instructions, dates or quota)"})
	for _, id := range slices.Sorted(maps.Keys(r.Digests)) {
		lines = append(lines, []string{"digest of " + id, "`" + r.Digests[id] + "`"})
	}
	table(&b, []string{"", ""}, lines)
	r.sections(&b)
	r.left(&b)
	return b.String()
}

// sections lists the changes by kind, in the order of what matters most.
func (r ImpactReport) sections(b *strings.Builder) {
	if len(r.Changes) == 0 {
		b.WriteString("\nNo field would be released, withheld or treated otherwise.\n")
	}
	for _, s := range []struct {
		kind  ChangeKind
		title string
	}{
		{Released, "Newly released"}, {Withheld, "No longer released"},
		{Treated, "Released with another treatment"}, {Rows, "Released of other records"},
	} {
		var rows [][]string
		for _, c := range r.Changes {
			if c.Kind == s.kind {
				field := c.Field
				if c.Kind == Rows {
					field = "(conditions)"
				}
				rows = append(rows, []string{
					c.Provider, c.Dataset, field, cell(c.From), cell(c.To), number(c.Requests), number(c.Subjects),
				})
			}
		}
		if len(rows) > 0 {
			fmt.Fprintf(b, "\n## %s\n\n", s.title)
			table(b, []string{"provider", "dataset", "field", "from", "to", "requests", "persons"}, rows)
		}
	}
}

// left says what could not be decided.
func (r ImpactReport) left(b *strings.Builder) {
	why := map[Reason]string{
		NoFacts:         "refused before any rule was asked",
		KeyDestroyed:    "past their retention: what was asked can no longer be read",
		FactsUnreadable: "of a form that this program does not know",
		Undecided:       "not decided in time by one of the rules",
		Unanswered:      "given no whole answer by one of the rules",
	}
	var rows [][]string
	for _, reason := range slices.Sorted(maps.Keys(r.NotConsidered)) {
		rows = append(rows, []string{number(r.NotConsidered[reason]), why[reason]})
	}
	if len(rows) > 0 {
		b.WriteString("\n## Not considered\n\n")
		table(b, []string{"requests", "because they were"}, rows)
	}
}

// cell keeps a text within its cell of a table.
func cell(s string) string { return strings.ReplaceAll(s, "|", `\|`) }

// table writes a Markdown table whose columns line up in a terminal.
func table(b *strings.Builder, head []string, rows [][]string) {
	widths := make([]int, len(head))
	for _, row := range append([][]string{head}, rows...) {
		for i, s := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(s), 3)
		}
	}
	line := func(row []string) {
		for i, s := range row {
			fmt.Fprintf(b, "| %s%s ", s, strings.Repeat(" ", widths[i]-utf8.RuneCountInString(s)))
		}
		b.WriteString("|\n")
	}
	line(head)
	for _, w := range widths {
		b.WriteString("|" + strings.Repeat("-", w+2))
	}
	b.WriteString("|\n")
	for _, row := range rows {
		line(row)
	}
}

// number writes a count with commas, as it is written in English.
func number(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
