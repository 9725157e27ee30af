package dataset

import (
	"maps"
	"slices"
	"strings"
)

// aliases reads the keys "headers" and "values" of an object.
func (d *Dataset) aliases(from map[string]any, at string) (Aliases, error) {
	var a Aliases
	headers, err := objectAt(from, at, "headers")
	if err == nil {
		a.Headers, err = d.headerAliases(headers, at+"/headers")
	}
	if err != nil {
		return Aliases{}, err
	}
	values, err := objectAt(from, at, "values")
	if err != nil {
		return Aliases{}, err
	}
	a.Values = make(map[string]map[string]any, len(values))
	for _, field := range slices.Sorted(maps.Keys(values)) {
		pointer := "/" + field
		where := at + "/values/" + escapePointer(field)
		if _, ok := d.fields[pointer]; !ok {
			return Aliases{}, errAt(where, "%q names no field", field)
		}
		of, err := objectAt(values, at+"/values", field)
		if err == nil {
			a.Values[pointer], err = d.valueAliases(of, pointer, where)
		}
		if err != nil {
			return Aliases{}, err
		}
	}
	return a, nil
}

// headerAliases refuses an alias that is the name of another field: a mapping
// must not exchange the meaning of two columns.
func (d *Dataset) headerAliases(from map[string]any, at string) (map[string]string, error) {
	out := make(map[string]string, len(from))
	for _, alias := range slices.Sorted(maps.Keys(from)) {
		where := at + "/" + escapePointer(alias)
		field, _ := from[alias].(string)
		pointer := "/" + field
		if _, ok := d.fields[pointer]; !ok {
			return nil, errAt(where, "%q names no field", field)
		}
		name := HeaderName(alias)
		_, isField := d.fields["/"+name]
		switch {
		case name == "" || strings.HasPrefix(name, "concord_"):
			return nil, errAt(where, "no column can have this heading")
		case isField && "/"+name != pointer:
			return nil, errAt(where, "the alias is the name of another field")
		}
		if other, ok := out[name]; ok && other != pointer {
			return nil, errAt(where, "the alias has two meanings, %s and %s", other, pointer)
		}
		out[name] = pointer
	}
	return out, nil
}

// valueAliases refuses an alias of one code that is itself another code.
func (d *Dataset) valueAliases(from map[string]any, pointer, at string) (map[string]any, error) {
	l := d.leaves[pointer]
	out := make(map[string]any, len(from))
	for _, alias := range slices.Sorted(maps.Keys(from)) {
		where := at + "/" + escapePointer(alias)
		value, name := from[alias], ValueName(alias)
		if !l.admits(value) {
			return nil, errAt(where, "the field %s never has this value", pointer)
		}
		if name == "" {
			return nil, errAt(where, "an empty cell means that the field is absent")
		}
		isOther := func(code any) bool {
			text, ok := code.(string)
			return ok && ValueName(text) == name && code != value
		}
		if slices.ContainsFunc(l.enum, isOther) {
			return nil, errAt(where, "the alias is another code of the field")
		}
		if other, ok := out[name]; ok && other != value {
			return nil, errAt(where, "the alias has two meanings")
		}
		out[name] = value
	}
	return out, nil
}

// objectAt returns the object under a key, or nil where there is none.
func objectAt(from map[string]any, at, key string) (map[string]any, error) {
	value, ok := from[key]
	if !ok {
		return nil, nil
	}
	object, ok := value.(map[string]any)
	if !ok {
		return nil, errAt(at+"/"+escapePointer(key), "it is not an object")
	}
	return object, nil
}

func onlyKeys(object map[string]any, at string, known ...string) error {
	for _, key := range slices.Sorted(maps.Keys(object)) {
		if !slices.Contains(known, key) {
			return errAt(at+"/"+escapePointer(key), "the key is unknown; there may be %s", strings.Join(known, ", "))
		}
	}
	return nil
}

// escapePointer writes a key as a token of a pointer (RFC 6901 section 3).
func escapePointer(key string) string {
	return strings.NewReplacer("~", "~0", "/", "~1").Replace(key)
}
