package dataset

// Form is what the schema says about the values of a field.
type Form struct {
	// Description is what the schema tells people about the field, or empty.
	Description string
	// Type is the JSON type; of a field that may be null the other one, and
	// empty where there are several others. A list is "array".
	Type string
	// Format is the format of the text, "date", or empty.
	Format string
}

// Form returns the form of the field at a pointer.
func (d *Dataset) Form(pointer string) (Form, bool) {
	l, ok := d.leaves[pointer]
	return Form{Description: l.description, Type: l.kind, Format: l.format}, ok
}

// Admits reports whether the field at a pointer, or an item of its list, can
// hold a value by its type and its list of codes. Text of the wrong format or
// length is admitted: whoever asks has no row.
func (d *Dataset) Admits(pointer string, value any) bool {
	l, ok := d.leaves[pointer]
	return ok && l.admits(value)
}
