package agreement

import (
	"fmt"
	"strings"
	"unicode"
)

// document is an agreement as people read it. Markdown and HTML are two ways to
// write one document, so that they cannot differ.
type document struct {
	Title    string
	Sections []section
}

// section is a heading with what stands below it. Its level is 2 or 3; the
// first section of a document has neither title nor level.
type section struct {
	Level  int
	Title  string
	Blocks []block
}

// block is one of a paragraph, the words that lead to a list, a list, a table and
// text that is shown as it is.
type block struct {
	Paragraph string
	Lead      string
	Items     []string
	Table     *table
	Code      string
}

// table has a caption, a row of column headings, and rows whose first cell is
// their heading. A cell holds any number of short texts.
type table struct {
	Caption string
	Head    []string
	Rows    [][]cell
	// Blank says that the cells are to be filled in by hand.
	Blank bool
}

type cell []string

func (d *document) section(level int, title string) {
	d.Sections = append(d.Sections, section{Level: level, Title: title})
}

func (d *document) add(b block) {
	last := &d.Sections[len(d.Sections)-1]
	last.Blocks = append(last.Blocks, b)
}

func (d *document) say(text string) { d.add(block{Paragraph: text}) }

// list adds a list with the words that lead to it, or nothing where it is empty.
func (d *document) list(lead string, items []string) {
	if len(items) > 0 {
		d.add(block{Lead: lead})
		d.add(block{Items: items})
	}
}

func (d *document) table(caption string, head []string, rows ...[]cell) {
	d.add(block{Table: &table{Caption: caption, Head: head, Rows: rows}})
}

// tidy makes every text one line of what can be seen. Texts come from files that
// other people write: a line break or a mark that turns the direction of
// writing would let a reader see something else than what is enforced.
func (d *document) tidy() {
	d.Title = oneLine(d.Title)
	for i := range d.Sections {
		s := &d.Sections[i]
		s.Title = oneLine(s.Title)
		for j := range s.Blocks {
			s.Blocks[j].tidy()
		}
	}
}

func (b *block) tidy() {
	b.Paragraph, b.Lead, b.Code = oneLine(b.Paragraph), oneLine(b.Lead), visible(b.Code)
	tidyAll(b.Items)
	if b.Table == nil {
		return
	}
	b.Table.Caption = oneLine(b.Table.Caption)
	tidyAll(b.Table.Head)
	for _, row := range b.Table.Rows {
		for _, c := range row {
			tidyAll(c)
		}
	}
}

func tidyAll(texts []string) {
	for i := range texts {
		texts[i] = oneLine(texts[i])
	}
}

// oneLine turns white space into single spaces, and shows what has no shape of
// its own by its number.
func oneLine(text string) string {
	return visible(strings.Join(strings.Fields(text), " "))
}

// visible keeps line breaks and tabs and writes every other control or format
// character, such as one that reverses the direction, as its number.
func visible(text string) string {
	var out strings.Builder
	for _, r := range strings.ReplaceAll(text, "\r\n", "\n") {
		if r != '\n' && r != '\t' && (unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Co) || r == unicode.ReplacementChar) {
			fmt.Fprintf(&out, "[U+%04X]", r)
			continue
		}
		out.WriteRune(r)
	}
	return out.String()
}
