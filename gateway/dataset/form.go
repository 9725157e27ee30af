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
	// Item is the type of what a list holds, and ItemFormat its format; both are
	// empty where the field is no list.
	Item, ItemFormat string
}

// Form returns the form of the field at a pointer.
func (d *Dataset) Form(pointer string) (Form, bool) {
	l, ok := d.leaves[pointer]
	return Form{Description: l.description, Type: l.kind, Format: l.format, Item: l.listed(l.item), ItemFormat: l.itemFormat}, ok
}

// Codes returns what the field at a pointer, or an item of its list, may be; nil
// where that is not a list of codes. Callers must not change it.
func (d *Dataset) Codes(pointer string) []any { return d.leaves[pointer].enum }

func (l leaf) listed(s string) string {
	if l.kind != "array" {
		return ""
	}
	return s
}

// Admits reports whether the field at a pointer, or an item of its list, can
// hold a value by its type and its list of codes. Text of the wrong format or
// length is admitted: whoever asks has no row.
func (d *Dataset) Admits(pointer string, value any) bool {
	l, ok := d.leaves[pointer]
	return ok && l.admits(value)
}

// FreeText returns the pointers of the fields in which people write what they
// like about somebody: personal text that is no identifier and has no format,
// pattern or list of codes.
func (d *Dataset) FreeText() []string {
	var out []string
	for i := range d.Fields {
		f := &d.Fields[i]
		if f.Personal && f.Identifier == "" && d.leaves[f.Pointer].free {
			out = append(out, f.Pointer)
		}
	}
	return out
}

// Replace puts texts into fields of a row that hold text, and writes the canonical
// form anew.
func (d *Dataset) Replace(row *Row, texts map[string]string) {
	for pointer, text := range texts {
		if _, ok := at(row.Value, pointer); ok {
			set(row.Value, pointer, text)
		}
	}
	row.Canonical = canonical(make([]byte, 0, len(row.Canonical)), d.order, row.Value)
}
