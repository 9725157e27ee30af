package intake

import (
	"encoding/json"
	"strings"

	"github.com/concord-gateway/concord/gateway/dataset"
)

// values turns the cells of one column into JSON, by the type of the field:
//
//   - numbers are JSON numbers; text that is none stays text, and the dataset says
//     what is wrong;
//   - true, false, yes, no, y, n, 1 and 0 are booleans, in capitals or not;
//   - a list is split at semicolons, or is a JSON array;
//   - codes are recognised in capitals or not and with spaces for underscores, and
//     by the aliases of the mapping;
//   - dates may be written DD/MM/YYYY, months MM/YYYY, and times without an offset
//     are those of a clock in the United Kingdom (see moment).
//
// Its zero value makes text.
type values struct {
	kind, format string
	list         bool
	// known is the JSON of codes and aliases, by their spelling and in small letters.
	known map[string]string
	// cell is the last one that was looked up, json and found what came of it: most
	// columns repeat themselves.
	cell, json string
	found      bool
}

func newValues(d *dataset.Dataset, provider, pointer string) values {
	form, _ := d.Form(pointer)
	v := values{kind: form.Type, format: form.Format}
	if form.Type == "array" {
		v = values{kind: form.Item, format: form.ItemFormat, list: true}
	}
	codes, aliases := d.Codes(pointer), d.Mapping.Values(provider, pointer)
	if len(codes)+len(aliases) == 0 {
		return v
	}
	v.known = make(map[string]string, 2*len(codes)+len(aliases))
	clash := map[string]bool{}
	for _, code := range codes {
		if text, ok := code.(string); ok {
			name := dataset.ValueName(text)
			_, twice := v.known[name]
			clash[name] = clash[name] || twice
			v.known[name] = literal(code)
		}
	}
	for name := range clash {
		if clash[name] { // two codes that differ in capitals only
			delete(v.known, name)
		}
	}
	for name, value := range aliases {
		v.known[name] = literal(value)
	}
	for _, code := range codes {
		if text, ok := code.(string); ok {
			v.known[text] = literal(code)
		}
	}
	return v
}

// literal is a value of a schema as JSON.
func literal(value any) string {
	if text, ok := value.(string); ok {
		return string(appendText(nil, text))
	}
	raw, err := json.Marshal(value)
	if err != nil { // not of what JSON was read into
		return "null"
	}
	return string(raw)
}

// append writes a cell that is not empty.
func (v *values) append(b []byte, cell string) []byte {
	if !v.list {
		return v.item(b, cell)
	}
	if cell[0] == '[' && json.Valid([]byte(cell)) {
		return append(b, cell...)
	}
	b = append(b, '[')
	first := true
	for item := range strings.SplitSeq(cell, ";") {
		if item = strings.TrimSpace(item); item == "" {
			continue
		}
		if !first {
			b = append(b, ',')
		}
		first = false
		b = v.item(b, item)
	}
	return append(b, ']')
}

func (v *values) item(b []byte, cell string) []byte {
	if raw, ok := v.code(cell); ok {
		return append(b, raw...)
	}
	switch v.kind {
	case "integer", "number":
		if isNumber(cell) {
			return append(b, cell...)
		}
	case "boolean":
		if word := boolean(cell); word != "" {
			return append(b, word...)
		}
	case "string":
		if out, ok := appendMoment(b, v.format, cell); ok {
			return out
		}
	}
	return appendText(b, cell)
}

// code looks up a code or an alias.
func (v *values) code(cell string) (string, bool) {
	if v.known == nil {
		return "", false
	}
	if cell == v.cell {
		return v.json, v.found
	}
	raw, ok := v.known[cell]
	if !ok {
		name := dataset.ValueName(cell)
		if raw, ok = v.known[name]; !ok {
			raw, ok = v.known[strings.ReplaceAll(name, " ", "_")]
		}
	}
	v.cell, v.json, v.found = cell, raw, ok
	return raw, ok
}

func boolean(cell string) string {
	if len(cell) > len("false") {
		return ""
	}
	switch strings.ToLower(cell) {
	case "true", "yes", "y", "1":
		return "true"
	case "false", "no", "n", "0":
		return "false"
	}
	return ""
}

// isNumber reports whether a cell is a JSON number (RFC 8259 section 6).
func isNumber(s string) bool {
	s = strings.TrimPrefix(s, "-")
	n := countDigits(s)
	if n == 0 || n > 1 && s[0] == '0' {
		return false
	}
	s = s[n:]
	if strings.HasPrefix(s, ".") {
		if n = countDigits(s[1:]); n == 0 {
			return false
		}
		s = s[1+n:]
	}
	if s != "" && (s[0] == 'e' || s[0] == 'E') {
		s = s[1:]
		if s != "" && (s[0] == '+' || s[0] == '-') {
			s = s[1:]
		}
		if n = countDigits(s); n == 0 {
			return false
		}
		s = s[n:]
	}
	return s == ""
}

func countDigits(s string) int {
	n := 0
	for n < len(s) && s[n] >= '0' && s[n] <= '9' {
		n++
	}
	return n
}
