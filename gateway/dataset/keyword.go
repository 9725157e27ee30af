package dataset

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// position says what the value of a keyword is.
type position int

const (
	isValue  position = iota + 1
	isSchema          // one schema
	isList            // a list of schemas
	isObject          // an object of schemas
)

// keywords is the part of JSON Schema 2020-12 that a dataset may use. A keyword
// outside it does not load: a misspelt one would check nothing, and
// patternProperties and its like admit fields without a name.
func keywords() map[string]position {
	return map[string]position{
		"$schema": isValue, "$id": isValue, "$comment": isValue, "$ref": isValue, "$defs": isObject,
		"title": isValue, "description": isValue, "examples": isValue, "deprecated": isValue, annotationKey: isValue,
		"type": isValue, "enum": isValue, "const": isValue, "format": isValue, "pattern": isValue,
		"minLength": isValue, "maxLength": isValue, "multipleOf": isValue,
		"minimum": isValue, "maximum": isValue, "exclusiveMinimum": isValue, "exclusiveMaximum": isValue,
		"items": isSchema, "contains": isSchema, "minItems": isValue, "maxItems": isValue, "uniqueItems": isValue,
		"properties": isObject, "required": isValue, "dependentRequired": isValue, "additionalProperties": isValue,
		"if": isSchema, "then": isSchema, "else": isSchema, "not": isSchema,
		"allOf": isList, "anyOf": isList, "oneOf": isList,
	}
}

// checkKeywords walks every schema in the file and refuses unknown keywords and
// formats, and annotations where nothing reads them.
func checkKeywords(root map[string]any, at string, annotated map[string]bool) error {
	known, asserted := keywords(), formats()
	var walk func(value any, at string) error
	walk = func(value any, at string) error {
		s, ok := value.(map[string]any)
		if !ok {
			return nil // true and false are schemas, anything else fails to compile
		}
		for _, key := range slices.Sorted(maps.Keys(s)) {
			where := at + "/" + key
			if key == annotationKey && !annotated[where] {
				return errAt(where, "an annotation here has no effect")
			}
			text, _ := s[key].(string)
			if key == "format" && asserted[text] == nil {
				return errAt(where, "the format %q is unknown", text)
			}
			if key == "$ref" && !strings.HasPrefix(text, "#") {
				return errAt(where, "a reference to another file is refused")
			}
			if err := each(known[key], s[key], where, walk); err != nil {
				return err
			}
		}
		return nil
	}
	return walk(root, at)
}

// each calls walk for the schemas in the value of a keyword.
func each(p position, value any, at string, walk func(any, string) error) error {
	switch p {
	case isValue:
		return nil
	case isSchema:
		return walk(value, at)
	case isList:
		list, _ := value.([]any)
		for i, s := range list {
			if err := walk(s, at+"/"+strconv.Itoa(i)); err != nil {
				return err
			}
		}
		return nil
	case isObject:
		object, _ := value.(map[string]any)
		for _, key := range slices.Sorted(maps.Keys(object)) {
			if err := walk(object[key], at+"/"+key); err != nil {
				return err
			}
		}
		return nil
	}
	return errAt(at, "the keyword is unknown, or one that datasets do not use")
}
