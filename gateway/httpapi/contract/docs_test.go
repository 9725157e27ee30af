package contract

import (
	"crypto/sha256"
	"encoding/base64"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

func rendered(t *testing.T) (string, *html.Node) {
	t.Helper()
	raw, err := load(t).HTML()
	if err != nil {
		t.Fatal(err)
	}
	root, err := html.Parse(strings.NewReader(string(raw)))
	if err != nil {
		t.Fatal(err)
	}
	return string(raw), root
}

func attribute(n *html.Node, name string) (string, bool) {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val, true
		}
	}
	return "", false
}

func textOf(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			b.WriteString(d.Data)
		}
	}
	return b.String()
}

func TestPageShowsEverything(t *testing.T) {
	raw, root := rendered(t)
	if !strings.HasPrefix(raw, "<!DOCTYPE html>") {
		t.Error("the page does not begin with its doctype")
	}
	c := load(t)
	headings := map[string]bool{}
	for n := range root.Descendants() {
		if n.Data == "h3" {
			headings[textOf(n)] = true
		}
	}
	for _, op := range c.operations {
		if want := op.summary + ": " + op.method + " " + op.template; !headings[want] {
			t.Errorf("%q is not on the page", want)
		}
	}
	for _, name := range c.doc.child("components").child("schemas").names() {
		if !headings[name] {
			t.Errorf("the schema %s is not on the page", name)
		}
	}
	text := textOf(root)
	for _, want := range []string{
		`"nhs_number": "9990000018"`, "log_purpose", "array of RowError", "Emergency or null",
		`one of "threat_to_life"`, "on each line: ExportLine", "no token needed", "analyst, supervisor, partner-ig",
		"a multiple of 5", "100 if not given", "object whose values are Treatment",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not on the page", want)
		}
	}
}

// Identifiers are unique, links lead somewhere, headings do not skip a level,
// tables are named and have headers, and what scrolls can be reached by key.
func TestPageIsAccessible(t *testing.T) {
	_, root := rendered(t)
	ids := map[string]bool{}
	var links, labels []string
	level := 0
	for n := range root.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		if id, ok := attribute(n, "id"); ok {
			if ids[id] {
				t.Errorf("the id %q is used twice", id)
			}
			ids[id] = true
		}
		if href, ok := attribute(n, "href"); ok && strings.HasPrefix(href, "#") {
			links = append(links, href[1:])
		}
		if by, ok := attribute(n, "aria-labelledby"); ok {
			labels = append(labels, by)
		}
		switch n.Data {
		case "html":
			if lang, _ := attribute(n, "lang"); lang != "en-GB" {
				t.Errorf("lang = %q", lang)
			}
		case "h1", "h2", "h3", "h4":
			next := int(n.Data[1] - '0')
			if next > level+1 {
				t.Errorf("the heading %q skips a level", textOf(n))
			}
			level = next
		case "table":
			if n.FirstChild == nil || n.FirstChild.NextSibling == nil || n.FirstChild.NextSibling.Data != "caption" {
				t.Error("a table has no caption")
			}
		case "th":
			if _, ok := attribute(n, "scope"); !ok {
				t.Errorf("the header %q has no scope", textOf(n))
			}
		case "pre":
			if index, _ := attribute(n, "tabindex"); index != "0" {
				t.Error("an example cannot be reached by key")
			}
			if label, _ := attribute(n, "aria-label"); label == "" {
				t.Error("an example has no name")
			}
		}
	}
	for _, id := range append(links, labels...) {
		if !ids[id] {
			t.Errorf("nothing has the id %q", id)
		}
	}
	if len(links) < 100 {
		t.Errorf("only %d links", len(links))
	}
}

// The page needs nothing but its own style, which the policy names by hash.
func TestPageNeedsNothingElse(t *testing.T) {
	_, root := rendered(t)
	for n := range root.Descendants() {
		switch n.Data {
		case "script", "link", "img", "iframe", "object":
			if n.Type == html.ElementNode {
				t.Errorf("the page has a %s", n.Data)
			}
		case "style":
			sum := sha256.Sum256([]byte(textOf(n)))
			if want := "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"; StyleSource() != want {
				t.Errorf("StyleSource = %s, want %s", StyleSource(), want)
			}
		}
		for _, a := range n.Attr {
			if a.Key == "style" || strings.HasPrefix(a.Key, "on") {
				t.Errorf("%s has an inline %s", n.Data, a.Key)
			}
		}
	}
}

func TestPageEscapes(t *testing.T) {
	raw := strings.Replace(string(rawDescription(t)), "description: Always ok.", "description: <script>alert(1)</script>", 1)
	c, err := Load([]byte(raw))
	if err != nil {
		t.Fatal(err)
	}
	page, err := c.HTML()
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(page), "<script>") {
		t.Error("a description is not escaped")
	}
}
