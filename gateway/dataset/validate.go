package dataset

import (
	"slices"
	"strings"
)

// Selection says which fields of a row are taken.
type Selection struct {
	// Listed are the names of the top level that are taken; nil takes all.
	Listed map[string]bool
	// Drop leaves the others out, also those that the dataset does not have.
	// Without it a row that has one is refused.
	Drop bool
}

// Taken is a row of which a selection was taken.
type Taken struct {
	Row *Row
	// Dropped are the fields of the top level that were sent and left out, with
	// their values; nil where there are none. A name may be anything: see
	// PlausibleName.
	Dropped map[string]any
}

// Validate checks one row, given as one JSON object of at most MaxRow bytes,
// and normalises it. Either the row is nil or there are no problems; problems
// are sorted by pointer and code, and at most 25.
func (d *Dataset) Validate(raw []byte) (*Row, []Problem) {
	taken, problems := d.Take(raw, Selection{})
	return taken.Row, problems
}

// Take is Validate for a selection of the fields. A field that the dataset does
// not have is dropped before the row is held against the schema; one that the
// dataset has, but the selection does not list, after it.
func (d *Dataset) Take(raw []byte, s Selection) (Taken, []Problem) {
	value, problem := decodeObject(raw)
	if problem != nil {
		return Taken{}, []Problem{*problem}
	}
	taken := Taken{}
	if s.Drop {
		taken.Dropped = d.dropUnknown(value)
	}
	if d.quick == nil || !d.quick.accepts(value) {
		return d.explained(raw, value, s, taken)
	}
	identifiers, problems := d.identify(value)
	if len(problems) > 0 {
		// The schema may have more to say, of what identify has changed by now.
		if value, problem = decodeObject(raw); problem != nil {
			return Taken{}, []Problem{*problem}
		}
		if s.Drop {
			d.dropUnknown(value)
		}
		return d.explained(raw, value, s, taken)
	}
	return d.finish(raw, value, s, taken, identifiers)
}

// explained holds a row against the schema by the library, which says what is
// wrong with it.
func (d *Dataset) explained(raw []byte, value map[string]any, s Selection, taken Taken) (Taken, []Problem) {
	if err := d.compiled.Validate(value); err != nil {
		return Taken{}, schemaProblems(err)
	}
	identifiers, problems := d.identify(value)
	if len(problems) > 0 {
		return Taken{}, problems
	}
	return d.finish(raw, value, s, taken, identifiers)
}

// finish applies the list to a valid row.
func (d *Dataset) finish(raw []byte, value map[string]any, s Selection, taken Taken, identifiers []Identifier) (Taken, []Problem) {
	if s.Listed != nil {
		before := len(value)
		problems := d.unlisted(value, s, &taken)
		if len(problems) > 0 {
			return Taken{}, problems
		}
		if len(value) != before {
			// What is normalised stays as it is, so this finds no problem.
			identifiers, _ = d.identify(value)
		}
	}
	taken.Row = d.row(value, identifiers)
	taken.Row.Canonical = canonical(make([]byte, 0, len(raw)), d.order, value)
	return taken, nil
}

// unlisted drops the fields that the selection does not list, or refuses them.
func (d *Dataset) unlisted(value map[string]any, s Selection, taken *Taken) []Problem {
	var problems []Problem
	for i := range d.order {
		name := d.order[i].name
		if s.Listed[name] {
			continue
		}
		v, sent := value[name]
		if !sent {
			continue
		}
		if s.Drop {
			if taken.Dropped == nil {
				taken.Dropped = map[string]any{}
			}
			taken.Dropped[name] = v
			delete(value, name)
			continue
		}
		problems = append(problems, Problem{
			Pointer: "/" + name, Code: "field-not-agreed", Message: "The agreement does not list this field.",
			Remedy: "Leave the field out, or agree it first.",
		})
	}
	return problems
}

// dropUnknown takes the fields that the dataset does not have out of a row.
func (d *Dataset) dropUnknown(value map[string]any) map[string]any {
	known := 0
	for i := range d.order {
		if _, ok := value[d.order[i].name]; ok {
			known++
		}
	}
	if known == len(value) {
		return nil
	}
	dropped := map[string]any{}
	for name, v := range value {
		if !d.has(name) {
			dropped[name] = v
			delete(value, name)
		}
	}
	return dropped
}

// has reports whether the top level of the dataset has the name.
func (d *Dataset) has(name string) bool {
	_, found := slices.BinarySearchFunc(d.order, name, func(m member, name string) int { return strings.Compare(m.name, name) })
	return found
}
