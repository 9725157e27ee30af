package dataset

import (
	"maps"
	"math"
	"slices"
	"strconv"
	"unicode/utf8"
)

// appendCanonical appends the RFC 8785 form of a decoded value.
func appendCanonical(b []byte, value any) []byte {
	switch v := value.(type) {
	case nil:
		return append(b, "null"...)
	case bool:
		return strconv.AppendBool(b, v)
	case float64:
		return appendNumber(b, v)
	case string:
		return appendText(b, v)
	case []any:
		b = append(b, '[')
		for i, item := range v {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendCanonical(b, item)
		}
		return append(b, ']')
	case map[string]any:
		return appendObject(b, v)
	}
	return b
}

func appendObject(b []byte, object map[string]any) []byte {
	keys := make([]string, 0, len(object))
	for key := range object {
		keys = append(keys, key)
	}
	// RFC 8785 section 3.2.3 orders keys by UTF-16 code units. Schemas name
	// fields in ASCII only, for which that is the order of bytes.
	slices.Sort(keys)
	b = append(b, '{')
	for i, key := range keys {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendText(b, key)
		b = append(b, ':')
		b = appendCanonical(b, object[key])
	}
	return append(b, '}')
}

// appendNumber writes a number as ECMAScript does (RFC 8785 section 3.2.2.3).
// member is a property of the top level of a row.
type member struct {
	name string
	// lead is the name as it stands in the canonical form, with the colon.
	lead string
}

// members returns the properties in canonical order.
func members(properties map[string]any) []member {
	out := make([]member, 0, len(properties))
	for _, name := range slices.Sorted(maps.Keys(properties)) {
		out = append(out, member{name: name, lead: string(appendText(nil, name)) + ":"})
	}
	return out
}

// canonical writes a row whose names are all in order.
func canonical(b []byte, order []member, value map[string]any) []byte {
	b = append(b, '{')
	first := true
	for i := range order {
		v, ok := value[order[i].name]
		if !ok {
			continue
		}
		if !first {
			b = append(b, ',')
		}
		first = false
		b = appendCanonical(append(b, order[i].lead...), v)
	}
	return append(b, '}')
}

func appendNumber(b []byte, f float64) []byte {
	if f == 0 {
		return append(b, '0')
	}
	if size := math.Abs(f); size >= 1e-6 && size < 1e21 {
		return strconv.AppendFloat(b, f, 'f', -1, 64)
	}
	b = strconv.AppendFloat(b, f, 'e', -1, 64)
	// Go writes at least two digits of exponent, ECMAScript does not.
	if n := len(b); b[n-2] == '0' && (b[n-3] == '-' || b[n-3] == '+') {
		b[n-2] = b[n-1]
		b = b[:n-1]
	}
	return b
}

// appendText writes a string with the few escapes of RFC 8785 section 3.2.2.2.
func appendText(b []byte, s string) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	start := 0
	for i := range len(s) {
		c := s[i]
		if c >= utf8.RuneSelf || c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		b = append(b, s[start:i]...)
		start = i + 1
		switch c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\b':
			b = append(b, '\\', 'b')
		case '\t':
			b = append(b, '\\', 't')
		case '\n':
			b = append(b, '\\', 'n')
		case '\f':
			b = append(b, '\\', 'f')
		case '\r':
			b = append(b, '\\', 'r')
		default:
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
	}
	return append(append(b, s[start:]...), '"')
}
