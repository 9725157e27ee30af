package intake

import (
	"encoding/json"
	"io"
	"slices"
	"strings"
)

// appendFields adds a cell for each field of a row of JSON, and reports whether all
// of it has a place.
func (e *ErrorFile) appendFields(raw string) bool {
	d := json.NewDecoder(strings.NewReader(raw))
	d.UseNumber() // a number is written as it was sent
	var row map[string]any
	err := d.Decode(&row)
	if err == nil {
		if _, err = d.Token(); err == io.EOF {
			err = nil
		} else {
			row = nil
		}
	}
	placed := 0
	for _, pointer := range e.fields {
		value, ok := take(row, strings.Split(pointer[1:], "/"))
		if ok {
			placed++
		}
		e.line = append(e.line, cellOf(value))
	}
	return err == nil && row != nil && placed == leaves(row)
}

// take returns the value at a path.
func take(object map[string]any, path []string) (any, bool) {
	value, ok := object[path[0]]
	if len(path) == 1 {
		return value, ok
	}
	inner, _ := value.(map[string]any)
	return take(inner, path[1:])
}

// leaves counts what is no object.
func leaves(object map[string]any) int {
	n := 0
	for _, value := range object {
		if inner, ok := value.(map[string]any); ok && len(inner) > 0 {
			n += leaves(inner)
			continue
		}
		n++
	}
	return n
}

// cellOf is a value as a cell, from which the reader makes the value again.
func cellOf(value any) string {
	list, ok := value.([]any)
	if !ok {
		return scalar(value)
	}
	items := make([]string, len(list))
	for i, item := range list {
		items[i] = scalar(item)
		text, isText := item.(string)
		if isText && (text == "" || strings.TrimSpace(text) != text || strings.ContainsAny(text, ";[")) || !isText && nested(item) {
			return asJSON(value)
		}
	}
	return strings.Join(items, ";")
}

func nested(value any) bool {
	switch value.(type) {
	case nil, map[string]any, []any:
		return true
	}
	return false
}

func scalar(value any) string {
	switch v := value.(type) {
	case nil:
		return ""
	case string:
		return v
	case bool:
		if v {
			return "true"
		}
		return "false"
	case json.Number:
		return v.String()
	}
	return asJSON(value)
}

func asJSON(value any) string {
	raw, err := json.Marshal(value)
	if err != nil { // not of what JSON was read into
		return ""
	}
	return string(slices.Clip(raw))
}
