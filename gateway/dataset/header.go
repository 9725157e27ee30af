package dataset

import (
	"slices"
	"strings"
	"unicode"
)

// HeaderName is the heading of a column in the spelling by which headings are
// compared: small letters, and one underscore for each run of spaces and
// punctuation, none at the ends. "Tenant Name " and "tenant-name" are both
// "tenant_name". Characters that no field name has, such as '$', stay.
func HeaderName(heading string) string {
	var b strings.Builder
	b.Grow(len(heading))
	gap := false
	for _, r := range heading {
		if unicode.IsSpace(r) || strings.ContainsRune("_-./\\()[]*#:;?&'’\"+,%", r) {
			gap = true
			continue
		}
		if gap && b.Len() > 0 {
			b.WriteByte('_')
		}
		gap = false
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

// Nameable reports whether a name can be shown in an error and be the key of a
// field that the dataset does not have. See plausibleName.
func Nameable(name string) bool { return plausibleName(name) }

// Column returns the pointer of the field that a heading of a provider's CSV
// file means: by the provider's own aliases, those of the dataset, the names of
// the fields, and their titles, in this order. A field within an object is named
// by all names on the way to it, "address postcode".
func (d *Dataset) Column(provider, heading string) (pointer string, ok bool) {
	name := HeaderName(heading)
	if name == "" {
		return "", false
	}
	if pointer, ok := d.Mapping.Providers[provider].Headers[name]; ok {
		return pointer, true
	}
	if pointer, ok := d.Mapping.Headers[name]; ok {
		return pointer, true
	}
	return d.named(name)
}

// named finds a field by its name, or by its title where no other has the same.
func (d *Dataset) named(name string) (string, bool) {
	if _, ok := d.fields["/"+name]; ok {
		return "/" + name, true
	}
	for _, by := range []func(*Field) string{
		func(f *Field) string { return HeaderName(f.Pointer) },
		func(f *Field) string { return HeaderName(f.Title) },
	} {
		is := func(f Field) bool { return by(&f) == name }
		i := slices.IndexFunc(d.Fields, is)
		if i < 0 {
			continue
		}
		if slices.ContainsFunc(d.Fields[i+1:], is) {
			return "", false
		}
		return d.Fields[i].Pointer, true
	}
	return "", false
}
