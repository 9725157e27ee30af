package httpapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/text"
)

// maxDepth bounds how deep a body may nest.
const maxDepth = 8

// decode reads a JSON body strictly into v, a pointer to a struct. Duplicate
// and unknown keys, keys in another case, values of the wrong type, text that
// is not valid Unicode and anything after the value are faults of kind Invalid
// that name the JSON pointer. The body is bounded by its route; over that it is
// TooLarge.
func decode(r *http.Request, v any) error {
	if t, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || t != "application/json" {
		return invalid("", unsupported, "The body must be application/json.")
	}
	raw, err := io.ReadAll(r.Body)
	if err != nil {
		return unreadable(err)
	}
	if !utf8.Valid(raw) {
		return invalid("", "malformed-json", "The body is not valid UTF-8.")
	}
	w := walker{dec: json.NewDecoder(bytes.NewReader(raw))}
	if err := w.value("", reflect.TypeOf(v), 0); err != nil {
		return malformed(err)
	}
	if _, err := w.dec.Token(); !errors.Is(err, io.EOF) {
		return invalid("", "malformed-json", "Something follows the JSON value.")
	}
	if err := json.Unmarshal(raw, v); err != nil {
		return malformed(err)
	}
	return nil
}

func invalid(pointer, code, message string) *fault.Error {
	return fault.New(fault.Invalid, "httpapi.decode", message).At(pointer).WithCode(code)
}

// fieldForm is what the name of a field looks like. A key of another form is not
// repeated in a refusal: it may be a value that went astray.
var fieldForm = regexp.MustCompile(`^[a-z][a-z0-9_]{0,31}$`)

// misspelt reports whether a key is that of a field but for upper and lower case.
func misspelt(key string, known map[string]reflect.Type) bool {
	for name := range known {
		if strings.EqualFold(name, key) {
			return true
		}
	}
	return false
}

// malformed turns a decoding error into one that a caller may see.
func malformed(err error) error {
	if f, ok := errors.AsType[*fault.Error](err); ok {
		return f
	}
	if t, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		pointer := ""
		if t.Field != "" {
			pointer = "/" + strings.ReplaceAll(t.Field, ".", "/")
		}
		return invalid(pointer, "wrong-type", "The value has the wrong type.")
	}
	return fault.Wrap(fault.Invalid, "httpapi.decode", "The body is not well-formed JSON.", err).WithCode("malformed-json")
}

// walker goes through a JSON text beside the type it is meant for.
type walker struct{ dec *json.Decoder }

func (w walker) value(pointer string, t reflect.Type, depth int) error {
	if depth > maxDepth {
		return invalid(pointer, "too-deep", "The body nests too deep.")
	}
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	tok, err := w.dec.Token()
	if err != nil {
		return err
	}
	switch tok := tok.(type) {
	case json.Delim:
		if tok == '{' {
			return w.object(pointer, t, depth)
		}
		return w.array(pointer, t, depth)
	case string:
		return checkText(pointer, tok)
	}
	return nil
}

func (w walker) object(pointer string, t reflect.Type, depth int) error {
	seen := map[string]bool{}
	known := fieldsOf(t)
	for w.dec.More() {
		tok, err := w.dec.Token()
		if err != nil {
			return err
		}
		key, _ := tok.(string) // the decoder allows nothing else here
		if err := checkText(pointer, key); err != nil {
			return err
		}
		at := pointer
		if fieldForm.MatchString(key) || misspelt(key, known) {
			at += "/" + key
		}
		if seen[key] {
			return invalid(at, "duplicate-key", "The key stands twice.")
		}
		seen[key] = true
		field, ok := known[key]
		if known != nil && !ok {
			return invalid(at, "unknown-field", "There is no such field.")
		}
		if err := w.value(at, field, depth+1); err != nil {
			return err
		}
	}
	_, err := w.dec.Token()
	return err
}

func (w walker) array(pointer string, t reflect.Type, depth int) error {
	var elem reflect.Type
	if t != nil && t.Kind() == reflect.Slice {
		elem = t.Elem()
	}
	for i := 0; w.dec.More(); i++ {
		if err := w.value(pointer+"/"+strconv.Itoa(i), elem, depth+1); err != nil {
			return err
		}
	}
	_, err := w.dec.Token()
	return err
}

// checkText refuses text that holds what no name or reason does: the replacement
// character, which is what a lone surrogate decodes to, and what is hidden (package
// text), so that no log or screen shows something else than was written. A reason in
// sentences may have lines.
func checkText(pointer, s string) error {
	lines := pointer == "/justification" || pointer == "/reason"
	bad := func(r rune) bool { return r == utf8.RuneError || text.Hidden(r) && (!lines || !text.Break(r)) }
	if strings.ContainsFunc(s, bad) {
		return invalid(pointer, "bad-text", "The text holds a character that is not allowed.")
	}
	return nil
}

// fieldsOf returns the JSON names of a struct's fields, or nil for a type that
// takes any key.
func fieldsOf(t reflect.Type) map[string]reflect.Type {
	if t == nil || t.Kind() != reflect.Struct {
		return nil
	}
	out := make(map[string]reflect.Type, t.NumField())
	for f := range t.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name != "" && name != "-" {
			out[name] = f.Type
		}
	}
	return out
}

// required checks that text fields are there, in the order given, and names
// the first that is not.
func required(fields ...[2]string) error {
	for _, f := range fields {
		if strings.TrimSpace(f[1]) == "" {
			return invalid("/"+f[0], "required", "The field "+f[0]+" is required.")
		}
		if len(f[1]) > maxText {
			return invalid("/"+f[0], "too-long", "The field "+f[0]+" is longer than "+strconv.Itoa(maxText)+" bytes.")
		}
	}
	return nil
}

// maxText bounds each free text of a request, in bytes.
const maxText = 4000
