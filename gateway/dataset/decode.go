package dataset

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// Limits of a row.
const (
	// MaxRow is the longest row in bytes.
	MaxRow = 256 << 10
	// maxDepth is how deep objects and arrays may nest.
	maxDepth = 16
	// maxNumber is the longest number literal in bytes.
	maxNumber = 40
	// maxInteger is the largest magnitude whose neighbours a float64 still tells
	// apart (RFC 7493 section 2.2).
	maxInteger = 1<<53 - 1
)

// decoder reads one JSON text (RFC 8259) into string, float64, bool, nil, []any
// and map[string]any. It is stricter than encoding/json: no duplicate keys,
// no invalid UTF-8 or lone surrogates, no NUL, no keys with '$' or '.', no
// number that a float64 cannot hold. Values are never part of its errors.
type decoder struct {
	// data is the text. What is read of it shares its memory.
	data  string
	pos   int
	depth int
	// valid says that the whole text is valid UTF-8.
	valid bool
	// anyKey admits keys with '$' or '.', as schemas have them.
	anyKey bool
}

// decodeObject reads the whole of data as one object.
func decodeObject(data []byte) (map[string]any, *Problem) {
	if len(data) > MaxRow {
		return nil, jsonProblem("row-too-large", "The row is larger than 256 KiB.")
	}
	d := decoder{data: string(data), valid: utf8.Valid(data)}
	return d.whole()
}

// decodeSchema reads the whole of data as one schema.
func decodeSchema(data []byte) (map[string]any, error) {
	d := decoder{data: string(data), anyKey: true}
	root, problem := d.whole()
	if problem != nil {
		return nil, errAt(problem.Pointer, "near byte %d: %s", d.pos, problem.Message)
	}
	return root, nil
}

func (d *decoder) whole() (map[string]any, *Problem) {
	d.space()
	if d.peek() != '{' {
		if len(d.data) == d.pos {
			return nil, jsonProblem("json-syntax", "There is no JSON text.")
		}
		return nil, jsonProblem("json-not-object", "The text is not a JSON object.")
	}
	object, problem := d.object()
	if problem != nil {
		return nil, problem
	}
	d.space()
	if d.pos != len(d.data) {
		return nil, jsonProblem("json-trailing", "Something follows the end of the object.")
	}
	return object, nil
}

func (d *decoder) space() {
	for d.pos < len(d.data) {
		switch d.data[d.pos] {
		case ' ', '\t', '\n', '\r':
			d.pos++
		default:
			return
		}
	}
}

// peek returns the next byte, or 0 at the end; a NUL byte is never valid where
// peek is used.
func (d *decoder) peek() byte {
	if d.pos < len(d.data) {
		return d.data[d.pos]
	}
	return 0
}

func (d *decoder) value() (any, *Problem) {
	switch c := d.peek(); {
	case c == '"':
		return d.text()
	case c == '{':
		return d.object()
	case c == '[':
		return d.array()
	case c == '-' || c >= '0' && c <= '9':
		return d.number()
	case d.literal("true"):
		return true, nil
	case d.literal("false"):
		return false, nil
	case d.literal("null"):
		return nil, nil
	}
	return nil, syntax()
}

func (d *decoder) literal(word string) bool {
	if len(d.data)-d.pos < len(word) || d.data[d.pos:d.pos+len(word)] != word {
		return false
	}
	d.pos += len(word)
	return true
}

func (d *decoder) object() (map[string]any, *Problem) {
	if problem := d.enter(); problem != nil {
		return nil, problem
	}
	object := make(map[string]any, 16)
	d.space()
	if d.peek() == '}' {
		d.leave()
		return object, nil
	}
	for {
		key, problem := d.key()
		if problem != nil {
			return nil, problem
		}
		value, problem := d.value()
		if problem != nil {
			return nil, problem.under(key)
		}
		before := len(object)
		if object[key] = value; len(object) == before {
			return nil, jsonProblem("json-duplicate-key", "A field is given twice.").under(key)
		}
		done, problem := d.next('}')
		if problem != nil || done {
			return object, problem
		}
	}
}

// key reads a key and the colon after it, up to the value.
func (d *decoder) key() (string, *Problem) {
	d.space()
	if d.peek() != '"' {
		return "", syntax()
	}
	key, problem := d.text()
	if problem != nil {
		return "", problem
	}
	if !d.anyKey && strings.ContainsAny(key, "$.") {
		return "", jsonProblem("json-key", "A field name has the character '$' or '.'.")
	}
	d.space()
	if d.peek() != ':' {
		return "", syntax()
	}
	d.pos++
	d.space()
	return key, nil
}

func (d *decoder) array() ([]any, *Problem) {
	if problem := d.enter(); problem != nil {
		return nil, problem
	}
	array := []any{}
	d.space()
	if d.peek() == ']' {
		d.leave()
		return array, nil
	}
	for {
		d.space()
		value, problem := d.value()
		if problem != nil {
			return nil, problem.under(strconv.Itoa(len(array)))
		}
		array = append(array, value)
		done, problem := d.next(']')
		if problem != nil || done {
			return array, problem
		}
	}
}

func (d *decoder) enter() *Problem {
	if d.depth++; d.depth > maxDepth {
		return jsonProblem("json-depth", "The row nests objects or arrays too deeply.")
	}
	d.pos++
	return nil
}

func (d *decoder) leave() {
	d.depth--
	d.pos++
}

// next reads what follows a member: a comma, or the end of its container.
func (d *decoder) next(end byte) (bool, *Problem) {
	d.space()
	switch d.peek() {
	case ',':
		d.pos++
		return false, nil
	case end:
		d.leave()
		return true, nil
	}
	return false, syntax()
}
