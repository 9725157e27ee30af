package intake

import (
	"slices"
	"strings"

	"github.com/concord-gateway/concord/gateway/dataset"
)

// freeText looks for identifiers in the free text of a row. In an anonymous
// dataset they are masked, or the row is refused; in another they are noted.
func (c *Checker) freeText(n int, taken dataset.Taken, out *Checked) []RowError {
	if len(c.free) == 0 {
		return nil
	}
	var errs []RowError
	var names Names
	named := false
	masked := map[string]string(nil)
	for _, pointer := range c.free {
		v, _ := taken.Row.At(pointer)
		text, ok := v.(string)
		if !ok || text == "" {
			continue
		}
		if !named {
			names, named = c.names(taken), true
		}
		found := Find(text, names)
		switch {
		case len(found) == 0:
		case !c.anonymous:
			out.note(found)
		case c.masks:
			if masked == nil {
				masked = map[string]string{}
			}
			masked[pointer] = Mask(text, names)
			out.Masked = append(out.Masked, pointer)
		default:
			errs = append(errs, refused(n, pointer, found)...)
		}
	}
	if masked != nil {
		c.ds.Replace(out.Row, masked)
	}
	return errs
}

// note remembers which sorts of identifier were found.
func (c *Checked) note(found []Finding) {
	for _, f := range found {
		if !slices.Contains(c.Found, f.Sort) {
			c.Found = append(c.Found, f.Sort)
		}
	}
}

// refused gives each sort of identifier in a text once.
func refused(n int, pointer string, found []Finding) []RowError {
	var errs []RowError
	for _, f := range found {
		code := "text-" + string(f.Sort)
		if slices.ContainsFunc(errs, func(e RowError) bool { return e.Code == code }) {
			continue
		}
		e := RowError{
			Row: n, Pointer: pointer, Code: code,
			Message: "The text has what looks like " + f.Sort.article() + " " + f.Sort.noun() + ", and the dataset is anonymous.",
			Remedy:  "Take it out of the text, then send the row again.",
		}
		if f.Sort == SortName {
			e.Message = "The text has a name that another column of the row gives, and the dataset is anonymous."
		}
		errs = append(errs, e)
	}
	return errs
}

func (s Sort) article() string {
	switch s {
	case SortNHSNumber, SortEmail:
		return "an"
	case SortPhone, SortPostcode, SortUPN, SortPNCID, SortCRO, SortNINO, SortName:
	}
	return "a"
}

// names gathers the names of people that the row gives, also in columns that are
// not kept.
func (c *Checker) names(taken dataset.Taken) Names {
	var names Names
	for _, pointer := range c.named {
		if v, _ := taken.Row.At(pointer); v != nil {
			names.value(v)
		}
	}
	for key, v := range taken.Dropped {
		if namesPeople(key) {
			names.value(v)
		}
	}
	slices.SortFunc(names.words, slices.Compare) // a map has no order, and the number of names is bounded
	return names
}

// value adds the names that a value holds.
func (n *Names) value(v any) {
	switch v := v.(type) {
	case string:
		n.Add(v)
	case []any:
		for _, item := range v {
			if s, ok := item.(string); ok {
				n.Add(s)
			}
		}
	case map[string]any:
		for _, item := range v {
			if s, ok := item.(string); ok {
				n.Add(s)
			}
		}
	}
}

// namesPeople reports whether a column holds names, and not those of places or
// things: their words would be found everywhere.
func namesPeople(column string) bool {
	column = strings.ToLower(column)
	if !strings.Contains(column, "name") {
		return false
	}
	for _, other := range []string{
		"site", "ward", "hospital", "trust", "street", "road", "town", "city", "area", "place", "venue", "location", "school", "file",
		"organi", "provider", "practice", "team", "service", "product", "drug", "system", "dataset", "column", "field", "code", "authority",
	} {
		if strings.Contains(column, other) {
			return false
		}
	}
	return true
}
