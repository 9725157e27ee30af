package dataset

import (
	"maps"
	"slices"
)

// leaf is what the checks need to know of a field's schema.
type leaf struct {
	// kind is the JSON type; for a list of types the one beside "null", or
	// empty. item is the type of what a list holds, or kind.
	kind, item string
	format     string
	itemFormat string // of what a list holds
	// free says that a text may be anything: it has no format, pattern or list.
	free bool
	// description is the sentence that the schema has for people.
	description string
	enum        []any // of the field, or of the items of a list
	required    bool  // and never null or empty
	counts      bool  // an integer with a minimum of 0 or more and a maximum
}

// field adds one leaf.
func (b *builder) field(schema map[string]any, at, pointer string, required bool) error {
	f := Field{Pointer: pointer}
	f.Title, _ = schema["title"].(string)
	if f.Title == "" {
		return errAt(at+"/title", "the field has no title")
	}
	l, err := b.leaf(schema, at)
	if err != nil {
		return err
	}
	shortest, _ := schema["minLength"].(float64)
	l.required = required && schema["type"] == "string" && shortest >= 1
	if value, ok := schema[annotationKey]; ok {
		if err := b.annotate(&f, value, at+"/"+annotationKey); err != nil {
			return err
		}
	}
	if f.Identifier != "" && l.item != "string" {
		return errAt(at+"/type", "an identifier is text, or a list of text")
	}
	b.fields = append(b.fields, f)
	b.leaves[pointer] = l
	return nil
}

func (b *builder) annotate(f *Field, value any, at string) error {
	var a fieldAnnotation
	if err := readAnnotation(at, value, &a); err != nil {
		return err
	}
	if a.Identifier != "" && !a.Identifier.Known() {
		return errAt(at+"/identifier", "the identifier type %q is unknown", string(a.Identifier))
	}
	b.annotated[at] = true
	f.Identifier, f.SpecialCategory, f.Personal = a.Identifier, a.SpecialCategory, a.Personal || a.Identifier != ""
	return nil
}

func (b *builder) leaf(schema map[string]any, at string) (leaf, error) {
	kind, err := scalarType(schema, at)
	if err != nil {
		return leaf{}, err
	}
	l := leaf{kind: kind, item: kind}
	l.format, _ = schema["format"].(string)
	l.description, _ = schema["description"].(string)
	l.enum, _ = schema["enum"].([]any)
	_, shaped := schema["pattern"]
	_, fixed := schema["const"]
	l.free = kind == "string" && l.format == "" && l.enum == nil && !shaped && !fixed
	low, bounded := schema["minimum"].(float64)
	_, capped := schema["maximum"].(float64)
	l.counts = kind == "integer" && bounded && low >= 0 && capped
	if kind != "array" {
		return l, nil
	}
	items, where, err := b.resolve(schema["items"], at+"/items")
	if err != nil {
		return leaf{}, err
	}
	if err := b.closed(items, where, 0); err != nil {
		return leaf{}, err
	}
	l.item, _ = items["type"].(string)
	l.itemFormat, _ = items["format"].(string)
	l.enum, _ = items["enum"].([]any)
	return l, nil
}

// scalarType returns the type of a field. A field may be of several scalar
// types, for example text or null; an object or a list has no alternative,
// since what it holds could not be checked.
func scalarType(schema map[string]any, at string) (string, error) {
	if kind, ok := schema["type"].(string); ok {
		return kind, nil
	}
	list, _ := schema["type"].([]any)
	if len(list) == 0 {
		return "", errAt(at+"/type", "the field has no type")
	}
	rest := slices.DeleteFunc(slices.Clone(list), func(t any) bool { return t == "null" })
	for _, t := range rest {
		if t == "object" || t == "array" {
			return "", errAt(at+"/type", "an object or a list must not be one of several types")
		}
	}
	if len(rest) != 1 {
		return "", nil
	}
	kind, _ := rest[0].(string)
	return kind, nil
}

// closed holds what lies within a list to the rule for objects: everything has
// a type, and no object admits a property without a name. These properties are
// not fields: a list is released whole or not at all.
func (b *builder) closed(schema map[string]any, at string, depth int) error {
	if depth > maxDepth {
		return errAt(at, "the schema nests too deeply")
	}
	kind, err := scalarType(schema, at)
	if err != nil {
		return err
	}
	below := map[string]any{}
	switch kind {
	case "array":
		below["items"] = schema["items"]
	case "object":
		if err := checkClosed(schema, at); err != nil {
			return err
		}
		properties, _ := schema["properties"].(map[string]any)
		for key, property := range properties {
			below["properties/"+key] = property
		}
	}
	for _, key := range slices.Sorted(maps.Keys(below)) {
		inner, where, err := b.resolve(below[key], at+"/"+key)
		if err != nil {
			return err
		}
		if err := b.closed(inner, where, depth+1); err != nil {
			return err
		}
	}
	return nil
}
