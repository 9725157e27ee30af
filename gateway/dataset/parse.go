package dataset

import (
	"maps"
	"regexp"
	"slices"
)

// builder collects the fields of one schema.
type builder struct {
	root   map[string]any
	fields []Field
	leaves map[string]leaf
	// annotated are the pointers at which an annotation was read.
	annotated map[string]bool
}

// parse reads a schema file without compiling it.
func parse(raw []byte) (*Dataset, error) {
	root, err := decodeSchema(raw)
	if err != nil {
		return nil, err
	}
	if root["$schema"] != draft {
		return nil, errAt("/$schema", "the schema does not say that it is %s", draft)
	}
	annotated, ok := root[annotationKey]
	if !ok {
		return nil, errAt("/"+annotationKey, "the annotation is missing")
	}
	var a rootAnnotation
	if err := readAnnotation("/"+annotationKey, annotated, &a); err != nil {
		return nil, err
	}
	if err := checkRoot(&a); err != nil {
		return nil, err
	}
	b := &builder{root: root, leaves: map[string]leaf{}, annotated: map[string]bool{"/" + annotationKey: true}}
	if err := b.object(root, "", "", 0); err != nil {
		return nil, err
	}
	if err := checkKeywords(root, "", b.annotated); err != nil {
		return nil, err
	}
	return b.dataset(&a, raw)
}

func (b *builder) dataset(a *rootAnnotation, raw []byte) (*Dataset, error) {
	if err := b.pointers(a); err != nil {
		return nil, err
	}
	if err := b.checkKind(a); err != nil {
		return nil, err
	}
	indicators, err := b.indicators(a)
	if err != nil {
		return nil, err
	}
	title, _ := b.root["title"].(string)
	if title == "" {
		return nil, errAt("/title", "the schema has no title")
	}
	description, _ := b.root["description"].(string)
	d := &Dataset{
		Name: a.Name, Title: title, Description: description, Version: a.Version, Kind: a.Kind,
		SpecialCategory: a.SpecialCategory, SourceID: a.SourceID, Area: a.Area, EventDate: a.EventDate,
		Fields: b.fields, Indicators: indicators, Schema: raw,
		fields: make(map[string]int, len(b.fields)), leaves: b.leaves,
	}
	properties, _ := b.root["properties"].(map[string]any)
	d.order = members(properties)
	for i := range d.Fields {
		d.Fields[i].SpecialCategory = d.Fields[i].SpecialCategory || a.SpecialCategory
		d.fields[d.Fields[i].Pointer] = i
		if d.Fields[i].Identifier != "" {
			d.identifying = append(d.identifying, i)
		}
	}
	return d, nil
}

// checkKind holds the identifiers against the kind of the dataset.
func (b *builder) checkKind(a *rootAnnotation) error {
	i := slices.IndexFunc(b.fields, func(f Field) bool { return f.Identifier != "" })
	switch {
	case a.Kind == Anonymous && i >= 0:
		return errAt("/"+annotationKey+"/kind", "the dataset is anonymous, but %s identifies a person", b.fields[i].Pointer)
	case a.Kind == Anonymous && a.SpecialCategory:
		return errAt("/"+annotationKey+"/special_category", "the dataset is anonymous, so it has no special category data")
	case a.Kind == Person && i < 0:
		return errAt("/"+annotationKey+"/kind", "the dataset is about a person, but no field identifies one")
	}
	return nil
}

// object collects the properties of a closed object. at is the pointer of the
// schema in its file, below the pointer of the object in a row.
func (b *builder) object(schema map[string]any, at, below string, depth int) error {
	if depth > maxDepth {
		return errAt(at, "the schema nests too deeply")
	}
	if err := checkClosed(schema, at); err != nil {
		return err
	}
	properties, _ := schema["properties"].(map[string]any)
	required, _ := schema["required"].([]any)
	for _, key := range slices.Sorted(maps.Keys(properties)) {
		where := at + "/properties/" + key
		property, where, err := b.resolve(properties[key], where)
		if err != nil {
			return err
		}
		pointer := below + "/" + key
		if property["type"] == "object" {
			err = b.object(property, where, pointer, depth+1)
		} else {
			err = b.field(property, where, pointer, depth == 0 && slices.Contains(required, any(key)))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// checkClosed refuses an object that admits fields without a name, or with one
// that pointers, stores and canonical order would have to treat specially.
func checkClosed(schema map[string]any, at string) error {
	if schema["type"] != "object" {
		return errAt(at+"/type", "the type is not \"object\"")
	}
	if schema["additionalProperties"] != false {
		return errAt(at+"/additionalProperties", "the object is not closed: additionalProperties must be false")
	}
	name := regexp.MustCompile(`^[a-z][a-z0-9_]{0,63}$`)
	properties, _ := schema["properties"].(map[string]any)
	for _, key := range slices.Sorted(maps.Keys(properties)) {
		if !name.MatchString(key) {
			return errAt(at+"/properties", "the name of a field has small letters, digits and underscores only: %q", key)
		}
	}
	return nil
}

// resolve follows a reference within the file, once.
func (b *builder) resolve(value any, at string) (map[string]any, string, error) {
	schema, ok := value.(map[string]any)
	if !ok {
		return nil, "", errAt(at, "the schema is not an object")
	}
	ref, ok := schema["$ref"].(string)
	if !ok {
		return schema, at, nil
	}
	name := regexp.MustCompile(`^#/\$defs/([a-z][a-z0-9_]*)$`).FindStringSubmatch(ref)
	if name == nil {
		return nil, "", errAt(at+"/$ref", "a reference must be like #/$defs/name: another file is never read")
	}
	definitions, _ := b.root["$defs"].(map[string]any)
	target, ok := definitions[name[1]].(map[string]any)
	if !ok {
		return nil, "", errAt(at+"/$ref", "the definition does not exist")
	}
	if _, again := target["$ref"]; again {
		return nil, "", errAt(at+"/$ref", "a definition must not refer to another one")
	}
	merged := maps.Clone(target)
	maps.Copy(merged, schema)
	delete(merged, "$ref")
	if _, own := schema[annotationKey]; !own {
		at = "/$defs/" + name[1]
	}
	return merged, at, nil
}
