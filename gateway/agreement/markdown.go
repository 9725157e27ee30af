package agreement

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
)

// Markdown prints the agreement in CommonMark with tables, from nothing but
// what is enforced and the titles. The same agreement and titles give the same
// bytes. A dataset without titles is a fault of kind Invalid.
func Markdown(a *Agreement, titles Titles) ([]byte, error) {
	d, err := compose(a, titles)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	fmt.Fprintf(&out, "# %s\n", inMarkdown(d.Title))
	for _, s := range d.Sections {
		if s.Level > 0 {
			fmt.Fprintf(&out, "\n%s %s\n", strings.Repeat("#", s.Level), inMarkdown(s.Title))
		}
		for _, b := range s.Blocks {
			out.WriteByte('\n')
			b.markdown(&out)
		}
	}
	return out.Bytes(), nil
}

func (b block) markdown(out *bytes.Buffer) {
	switch {
	case b.Table != nil:
		b.Table.markdown(out)
	case len(b.Items) > 0:
		for _, item := range b.Items {
			fmt.Fprintf(out, "- %s\n", inMarkdown(item))
		}
	case b.Code != "":
		fence := fenceFor(b.Code)
		fmt.Fprintf(out, "%srego\n%s\n%s\n", fence, strings.TrimRight(b.Code, "\n"), fence)
	case b.Lead != "":
		fmt.Fprintf(out, "**%s**\n", inMarkdown(b.Lead))
	default:
		fmt.Fprintf(out, "%s\n", inMarkdown(b.Paragraph))
	}
}

func (t *table) markdown(out *bytes.Buffer) {
	fmt.Fprintf(out, "**%s**\n\n|", inMarkdown(t.Caption))
	for _, h := range t.Head {
		fmt.Fprintf(out, " %s |", inMarkdown(h))
	}
	fmt.Fprintf(out, "\n|%s\n", strings.Repeat(" --- |", len(t.Head)))
	for _, row := range t.Rows {
		out.WriteByte('|')
		for i, c := range row {
			text := inMarkdown(strings.Join(c, "; "))
			if i == 0 {
				text = "**" + text + "**"
			}
			fmt.Fprintf(out, " %s |", text)
		}
		out.WriteByte('\n')
	}
}

// fenceFor is longer than any run of backticks in the text.
func fenceFor(code string) string {
	longest := 2
	for _, run := range backticks.FindAllString(code, -1) {
		longest = max(longest, len(run))
	}
	return strings.Repeat("`", longest+1)
}

var (
	backticks = regexp.MustCompile("`+")
	// special are the characters that mean something inside a line.
	special = regexp.MustCompile("[\\\\`*_\\[\\]<>|&~$]")
	// leading is what means something at the start of a line.
	leading = regexp.MustCompile(`^([#+=-]|\d+[.)])`)
	// address would become a link.
	address = regexp.MustCompile(`(?i)(https?|ftp)://|\bwww\.`)
)

// inMarkdown writes one line of text so that it is shown as it is.
func inMarkdown(text string) string {
	text = special.ReplaceAllString(text, `\$0`)
	text = address.ReplaceAllStringFunc(text, func(s string) string {
		return strings.NewReplacer("://", `\://`, ".", `\.`).Replace(s)
	})
	return leading.ReplaceAllStringFunc(text, func(s string) string {
		return s[:len(s)-1] + `\` + s[len(s)-1:]
	})
}
