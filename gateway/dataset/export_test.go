package dataset

import "slices"

// Quick reports whether the dataset has a rule of its own beside the schema of
// the library, what that says of a row before it is normalised, and what the
// library says.
func (d *Dataset) Quick(raw []byte) (has, quick, library bool) {
	value, problem := decodeObject(raw)
	if problem != nil {
		return d.quick != nil, false, false
	}
	library = d.compiled.Validate(value) == nil
	if d.quick == nil {
		return false, false, library
	}
	quick = d.quick.accepts(value)
	if quick {
		// Formats of identifiers are left to identify.
		_, problems := d.identify(value)
		quick = len(problems) == 0
	}
	return true, quick, library
}

// MatchPattern reports what the quick form of a pattern says of a text, and whether the
// pattern has one.
func MatchPattern(pattern, text string) (matches, quick bool) {
	slow := false
	f := matcher(pattern, func(string) bool { slow = true; return false })
	matches = f(text)
	return matches, !slow
}

// Names returns the top level of the dataset in canonical order.
func (d *Dataset) Names() []string {
	var out []string
	for _, m := range d.order {
		out = append(out, m.name)
	}
	return slices.Clone(out)
}
