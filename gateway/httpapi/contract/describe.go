package contract

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// schemaPrefix is where the named schemas stand.
const schemaPrefix = "#/components/schemas/"

// schemaView is one named schema.
type schemaView struct {
	Name, Description string
	Type              typeView
	Properties        []rowView
}

// typeView is a type in words; parts with a Link lead to a named schema.
type typeView []wordView

type wordView struct{ Text, Link string }

func (t typeView) before(text string) typeView {
	return append(typeView{{Text: text}}, t...)
}

// schemaViews describes every named schema, by name.
func (c *Contract) schemaViews() []schemaView {
	named := c.doc.child("components").child("schemas")
	names := named.names()
	out := make([]schemaView, len(names))
	for i, name := range names {
		s := named.child(name)
		out[i] = schemaView{Name: name, Description: s.text("description"), Type: typeOf(s), Properties: propertyViews(s)}
	}
	return out
}

func propertyViews(s node) []rowView {
	required := s.texts("required")
	properties := s.child("properties")
	names := properties.names()
	// What is required comes first, in the order that the schema gives it.
	slices.SortStableFunc(names, func(a, b string) int { return rank(required, a) - rank(required, b) })
	out := make([]rowView, len(names))
	for i, name := range names {
		p := properties.child(name)
		description := p.text("description")
		if target, err := p.follow(); err == nil && description == "" {
			description = target.text("description")
		}
		out[i] = rowView{Name: name, Required: slices.Contains(required, name), Type: typeOf(p), Description: description}
	}
	return out
}

func rank(required []string, name string) int {
	if i := slices.Index(required, name); i >= 0 {
		return i
	}
	return len(required)
}

// typeOf puts a schema into words.
func typeOf(s node) typeView {
	if name, ok := strings.CutPrefix(s.text("$ref"), schemaPrefix); ok {
		return typeView{{Text: name, Link: "schema-" + name}}
	}
	if values := s.child("enum").items(); len(values) > 0 {
		return plain("one of " + valueList(values))
	}
	if constant := s.child("const"); constant.exists() {
		return plain("always " + valueText(constant))
	}
	if choices := s.child("anyOf").items(); len(choices) > 0 && s.text("type") != "object" {
		return choiceOf(choices)
	}
	if s.text("type") == "array" {
		if items := s.child("items"); items.exists() {
			return typeOf(items).before("array of ")
		}
	}
	if values := s.child("additionalProperties"); len(values.names()) > 0 {
		return typeOf(values).before("object whose values are ")
	}
	return plain(typeText(s) + limitText(s))
}

// choiceOf puts the branches of anyOf into words.
func choiceOf(choices []node) typeView {
	var out typeView
	for i, choice := range choices {
		if i > 0 {
			out = append(out, wordView{Text: " or "})
		}
		out = append(out, typeOf(choice)...)
	}
	return out
}

func typeText(s node) string {
	if kinds := s.texts("type"); len(kinds) > 0 {
		return strings.Join(kinds, " or ")
	}
	if kind := s.text("type"); kind != "" {
		return kind
	}
	if format := s.text("format"); format != "" {
		return "string"
	}
	return "anything"
}

// limitText lists what narrows a type.
func limitText(s node) string {
	var limits []string
	for _, keyword := range []string{"format", "pattern"} {
		if text := s.text(keyword); text != "" {
			limits = append(limits, keyword+" "+text)
		}
	}
	for _, limit := range []struct{ keyword, words string }{
		{"minimum", "at least %s"},
		{"maximum", "at most %s"},
		{"multipleOf", "a multiple of %s"},
		{"minLength", "at least %s characters"},
		{"maxLength", "at most %s characters"},
		{"minItems", "at least %s items"},
		{"maxItems", "at most %s items"},
		{"default", "%s if not given"},
	} {
		if n := s.child(limit.keyword); n.exists() {
			limits = append(limits, fmt.Sprintf(limit.words, valueText(n)))
		}
	}
	if len(limits) == 0 {
		return ""
	}
	return ", " + strings.Join(limits, ", ")
}

func plain(text string) typeView { return typeView{{Text: text}} }

func valueList(values []node) string {
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = valueText(v)
	}
	return strings.Join(texts, ", ")
}

// valueText writes a value as JSON.
func valueText(n node) string {
	raw, err := json.Marshal(n.value)
	if err != nil { // what was read from JSON always marshals
		return ""
	}
	return string(raw)
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
