package dataset

import (
	"slices"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Kind says what one row of a dataset is about.
type Kind string

// The kinds of dataset.
const (
	// Person is data about a person who can be identified.
	Person Kind = "person"
	// Anonymous is data that identifies nobody; it may not have identifiers.
	Anonymous Kind = "anonymous"
	// Group is data about an organised crime group. The identifiers in a row,
	// if any, are those of several people.
	Group Kind = "group"
)

// Dataset is one loaded schema. It is immutable and safe for concurrent use;
// callers must not change its slices.
type Dataset struct {
	// Name is for example "housing.concern".
	Name, Title, Description string
	// Version is the schema's own version, for example "1.0.0".
	Version string
	Kind    Kind
	// SpecialCategory says that a row by itself reveals special category data
	// (UK GDPR Article 9), whatever its fields hold. It makes every field a
	// special category field.
	SpecialCategory bool
	// SourceID, Area and EventDate are the pointers of the fields that hold the
	// provider's own reference, the ONS code and the date of the event. Area
	// and EventDate are empty where the dataset has none.
	SourceID, Area, EventDate string
	// Fields are the leaves of the schema, ordered by pointer. An array is one
	// field.
	Fields []Field
	// Indicators are in the order of the file.
	Indicators []Indicator
	// Schema is the file as it was loaded.
	Schema []byte
	// Mapping is how the CSV files of partners name fields and codes.
	Mapping Mapping

	compiled    *jsonschema.Schema
	fields      map[string]int  // pointer -> index in Fields
	leaves      map[string]leaf // pointer -> what its values may be
	identifying []int           // indexes in Fields of the identifiers
	quick       *rule           // the schema once more, to accept with; nil where it cannot be
	order       []member        // the top level in canonical order
}

// Field is one field of a dataset.
type Field struct {
	// Pointer is the RFC 6901 pointer of the field in a row, "/area".
	Pointer, Title string
	// Identifier is empty for a field that does not identify a person. For an
	// array it is the type of each item.
	Identifier IdentifierType
	// SpecialCategory is true where the field, or its whole dataset, reveals
	// special category data.
	SpecialCategory bool
	// Personal is true where the field may identify a person: every
	// identifier, and free text that may name people.
	Personal bool
}

// Indicator is something that an area profile counts.
type Indicator struct {
	// ID is unique over all datasets, "housing.cuckooing".
	ID, Title string
	// Section is the part of the profile in which it appears, "exploitation".
	Section string
	// When are the conditions a row must meet to count, all of them.
	When []Match
	// Sum is the pointer of the integer that is added up, or empty to count
	// rows.
	Sum string
	// Reads are the pointers of every field the indicator depends on, area and
	// event date included, sorted. An indicator may only be published where
	// all of them may be counted.
	Reads []string
}

// Match is one condition of an indicator: the field holds one of the values,
// or is an array that contains one of them. An absent field does not match.
type Match struct {
	Pointer string
	// In holds strings, booleans and float64s.
	In []any
}

// Field returns the field at a pointer.
func (d *Dataset) Field(pointer string) (Field, bool) {
	i, ok := d.fields[pointer]
	if !ok {
		return Field{}, false
	}
	return d.Fields[i], true
}

// Registry holds the loaded datasets. It is immutable and safe for concurrent
// use.
type Registry struct {
	all    []*Dataset
	byName map[string]*Dataset
}

// Get returns the dataset of that name.
func (r *Registry) Get(name string) (*Dataset, bool) {
	d, ok := r.byName[name]
	return d, ok
}

// All returns every dataset, sorted by name.
func (r *Registry) All() []*Dataset { return slices.Clone(r.all) }
