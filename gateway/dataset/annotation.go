package dataset

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
)

const annotationKey = "x-concord"

// rootAnnotation is x-concord at the root of a schema.
type rootAnnotation struct {
	Name            string                `json:"name"`
	Version         string                `json:"version"`
	Kind            Kind                  `json:"kind"`
	SourceID        string                `json:"source_id"`
	Area            string                `json:"area"`
	EventDate       string                `json:"event_date"`
	SpecialCategory bool                  `json:"special_category"`
	Indicators      []indicatorAnnotation `json:"indicators"`
}

type indicatorAnnotation struct {
	ID      string            `json:"id"`
	Title   string            `json:"title"`
	Section string            `json:"section"`
	When    []matchAnnotation `json:"when"`
	Sum     string            `json:"sum"`
}

type matchAnnotation struct {
	Field string `json:"field"`
	In    []any  `json:"in"`
}

// fieldAnnotation is x-concord at a field.
type fieldAnnotation struct {
	Identifier      IdentifierType `json:"identifier"`
	SpecialCategory bool           `json:"special_category"`
	Personal        bool           `json:"personal"`
}

// readAnnotation decodes an annotation strictly: an unknown key is an error.
func readAnnotation(pointer string, value, into any) error {
	raw, err := json.Marshal(value)
	if err != nil {
		return errAt(pointer, "the annotation cannot be read: %v", err)
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return errAt(pointer, "the annotation is wrong: %s", strings.TrimPrefix(err.Error(), "json: "))
	}
	if _, err := d.Token(); err != io.EOF {
		return errAt(pointer, "the annotation is not one object")
	}
	return nil
}

type pattern struct {
	key, value, want string
	expr             *regexp.Regexp
}

// checkRoot checks what the root annotation says on its own.
func checkRoot(a *rootAnnotation) error {
	const at = "/" + annotationKey
	patterns := []pattern{
		{"name", a.Name, "like housing.concern", regexp.MustCompile(`^[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*$`)},
		{"version", a.Version, "like 1.0.0", regexp.MustCompile(`^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)$`)},
		{"kind", string(a.Kind), "person, anonymous or group", regexp.MustCompile(`^(person|anonymous|group)$`)},
	}
	for _, p := range patterns {
		if !p.expr.MatchString(p.value) {
			return errAt(at+"/"+p.key, "%q is not %s", p.value, p.want)
		}
	}
	return nil
}

// pointers sets the fields by which every row is filed.
func (b *builder) pointers(a *rootAnnotation) error {
	const at = "/" + annotationKey
	source, ok := b.leaves[a.SourceID]
	if !ok || !source.required {
		return errAt(at+"/source_id", "%q is not a required text field with a minLength of 1", a.SourceID)
	}
	if a.Area != "" {
		if leaf, ok := b.leaves[a.Area]; !ok || leaf.format != "ons-code" {
			return errAt(at+"/area", "%q is not a field of format ons-code", a.Area)
		}
	}
	if a.EventDate != "" {
		if leaf, ok := b.leaves[a.EventDate]; !ok || !eventFormat(leaf.format) {
			return errAt(at+"/event_date", "%q is not a field of format date, date-time or year-month", a.EventDate)
		}
	}
	if len(a.Indicators) > 0 && (a.Area == "" || a.EventDate == "") {
		return errAt(at+"/indicators", "indicators need an area and an event date")
	}
	return nil
}

// indicators checks and converts the indicators.
func (b *builder) indicators(a *rootAnnotation) ([]Indicator, error) {
	id := regexp.MustCompile(`^[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*$`)
	section := regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
	seen := make(map[string]bool)
	var out []Indicator
	for i := range a.Indicators {
		in := &a.Indicators[i]
		at := fmt.Sprintf("/%s/indicators/%d", annotationKey, i)
		switch {
		case !id.MatchString(in.ID):
			return nil, errAt(at+"/id", "%q is not like housing.cuckooing", in.ID)
		case seen[in.ID]:
			return nil, errAt(at+"/id", "the indicator %q is there twice", in.ID)
		case in.Title == "":
			return nil, errAt(at+"/title", "the indicator has no title")
		case !section.MatchString(in.Section):
			return nil, errAt(at+"/section", "%q is not like organised_crime", in.Section)
		}
		seen[in.ID] = true
		ind := Indicator{ID: in.ID, Title: in.Title, Section: in.Section, Sum: in.Sum, Reads: []string{a.Area, a.EventDate}}
		for j := range in.When {
			m, err := b.match(fmt.Sprintf("%s/when/%d", at, j), &in.When[j])
			if err != nil {
				return nil, err
			}
			ind.When = append(ind.When, m)
			ind.Reads = append(ind.Reads, m.Pointer)
		}
		if in.Sum != "" {
			if leaf, ok := b.leaves[in.Sum]; !ok || !leaf.counts {
				return nil, errAt(at+"/sum", "%q is not an integer field with a minimum of 0 or more and a maximum", in.Sum)
			}
			ind.Reads = append(ind.Reads, in.Sum)
		}
		slices.Sort(ind.Reads)
		ind.Reads = slices.Compact(ind.Reads)
		out = append(out, ind)
	}
	return out, nil
}

func (b *builder) match(at string, in *matchAnnotation) (Match, error) {
	leaf, ok := b.leaves[in.Field]
	if !ok {
		return Match{}, errAt(at+"/field", "%q names no field", in.Field)
	}
	if len(in.In) == 0 {
		return Match{}, errAt(at+"/in", "the condition lists no value")
	}
	for i, v := range in.In {
		if !leaf.admits(v) {
			return Match{}, errAt(fmt.Sprintf("%s/in/%d", at, i), "the field %s never has this value", in.Field)
		}
	}
	return Match{Pointer: in.Field, In: in.In}, nil
}

// admits reports whether the field, or an item of its list, can hold the value.
func (l leaf) admits(v any) bool {
	fits := false
	switch v.(type) {
	case string:
		fits = l.item == "string" || l.item == ""
	case float64:
		fits = l.item == "integer" || l.item == "number" || l.item == ""
	case bool:
		fits = l.item == "boolean" || l.item == ""
	}
	return fits && (l.enum == nil || slices.Contains(l.enum, v))
}
