package dataset

import (
	"github.com/concord-gateway/concord/gateway/fault"
)

// Row is one valid, normalised row.
type Row struct {
	// Value holds string, float64, bool, nil, []any and map[string]any.
	// Identifiers are in their canonical form, except names, which keep their
	// spelling.
	Value map[string]any
	// Canonical is Value as RFC 8785 canonical JSON.
	Canonical []byte
	// SourceID is the provider's own reference.
	SourceID string
	// Area is an ONS code, or empty.
	Area string
	// EventDate is "2006-01-02", or empty. A time counts for the date that it
	// is written with; a month counts from its first day.
	EventDate string
	// Identifiers are the normalised identifiers, in the order of the fields.
	Identifiers []Identifier
	// Indicators are what the row counts for, in the order of the dataset. A
	// sum of nothing is a hit of zero, so that it differs from no data.
	Indicators []Hit
}

// Identifier is a normalised identifier.
type Identifier struct {
	Type  IdentifierType
	Value string
}

// Hit is the contribution of a row to an indicator: 1, or the number to add.
type Hit struct {
	ID string
	N  int
}

// At returns the value at the pointer of a field, and whether the row has it.
func (r *Row) At(pointer string) (any, bool) { return at(r.Value, pointer) }

// Decode rebuilds a row from the Canonical of a row that was valid when it was
// stored. It does not check the schema again, so that a later version of the
// schema does not make stored rows unreadable. The row keeps canonical. The
// error is of kind Internal: the stored body is not what was sealed.
func (d *Dataset) Decode(canonical []byte) (*Row, error) {
	value, problem := decodeObject(canonical)
	if problem != nil {
		return nil, fault.New(fault.Internal, "dataset.Decode", "A stored row is not valid JSON.").WithCode(problem.Code)
	}
	identifiers, problems := d.identify(value)
	if len(problems) > 0 {
		return nil, fault.New(fault.Internal, "dataset.Decode", "A stored row does not fit its dataset.").At(problems[0].Pointer).WithCode(problems[0].Code)
	}
	row := d.row(value, identifiers)
	if row.SourceID == "" {
		return nil, fault.New(fault.Internal, "dataset.Decode", "A stored row has no source id.").At(d.SourceID)
	}
	row.Canonical = canonical
	return row, nil
}

// row reads the parts of a normalised value. The schema of every dataset asks
// for a source id that is not empty.
func (d *Dataset) row(value map[string]any, identifiers []Identifier) *Row {
	row := &Row{
		Value: value, SourceID: textAt(value, d.SourceID), Area: textAt(value, d.Area),
		EventDate: eventDate(textAt(value, d.EventDate)), Identifiers: identifiers,
	}
	for i := range d.Indicators {
		if n, ok := d.Indicators[i].count(value); ok {
			row.Indicators = append(row.Indicators, Hit{ID: d.Indicators[i].ID, N: n})
		}
	}
	return row
}

// eventDate is the date part of a date, a date and time, or a month.
func eventDate(s string) string {
	switch {
	case len(s) >= len("2006-01-02"):
		return s[:len("2006-01-02")]
	case len(s) == len("2006-01"):
		return s + "-01"
	}
	return ""
}
