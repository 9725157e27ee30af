package dataset

import "strconv"

// identify collects the normalised identifiers of a row and puts them into
// their canonical form in value, in place.
func (d *Dataset) identify(value map[string]any) ([]Identifier, []Problem) {
	var problems []Problem
	found := make([]Identifier, 0, len(d.identifying))
	for _, i := range d.identifying {
		f := &d.Fields[i]
		v, _ := at(value, f.Pointer)
		switch v := v.(type) {
		case string:
			kept, identifier, err := f.identify(v)
			if err != nil {
				problems = append(problems, ruleProblem(f.Pointer, err))
				continue
			}
			if kept != v {
				set(value, f.Pointer, kept)
			}
			found = append(found, identifier)
		case []any:
			items, wrong := f.identifyItems(v)
			found, problems = append(found, items...), append(problems, wrong...)
		}
	}
	if len(found) == 0 {
		found = nil
	}
	return found, problems
}

// identifyItems does the same for a list, in place. Two spellings of one
// identifier are a duplicate.
func (f *Field) identifyItems(items []any) ([]Identifier, []Problem) {
	var problems []Problem
	found := make([]Identifier, 0, len(items))
	seen := make(map[string]bool, len(items))
	for i, item := range items {
		text, ok := item.(string)
		if !ok {
			continue
		}
		pointer := f.Pointer + "/" + strconv.Itoa(i)
		kept, identifier, err := f.identify(text)
		if err != nil {
			problems = append(problems, ruleProblem(pointer, err))
			continue
		}
		if seen[identifier.Value] {
			problems = append(problems, Problem{Pointer: pointer, Code: "duplicate-item",
				Message: "The list has the same identifier twice.", Remedy: "Give each item once."})
		}
		seen[identifier.Value] = true
		items[i] = kept
		found = append(found, identifier)
	}
	return found, problems
}

// identify checks an identifier. kept is what the row holds of it: a name is
// shown as it was written and found in its folded form.
func (f *Field) identify(text string) (kept string, identifier Identifier, err error) {
	s, err := Normalise(f.Identifier, text)
	if err != nil {
		return "", Identifier{}, err
	}
	identifier = Identifier{Type: f.Identifier, Value: s}
	if f.Identifier == GivenName || f.Identifier == FamilyName {
		return tidyName(text), identifier, nil
	}
	return s, identifier, nil
}
