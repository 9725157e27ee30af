package audit

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/concord-gateway/concord/gateway/fault"
)

// Canonical returns v as canonical JSON (RFC 8785). Integers beyond what a
// float64 holds exactly, objects with a key given twice and strings that are
// not Unicode (inside a json.RawMessage) answer a fault of kind Invalid, as does
// what encoding/json cannot encode. Invalid UTF-8 in a Go string becomes
// U+FFFD.
func Canonical(v any) ([]byte, error) {
	const op = "audit.Canonical"
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, fault.Wrap(fault.Invalid, op, "the value has no JSON form", err)
	}
	text := bytes.TrimSuffix(buf.Bytes(), []byte("\n"))
	// The fast path: structs declare their fields in order and encoding/json
	// sorts maps, so what it wrote is nearly always canonical as it stands.
	if isCanonical(string(text)) {
		return text, nil
	}
	canonical, err := canonicalise(text)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, op, "the value has no canonical JSON form", err)
	}
	return canonical, nil
}

// canonicalise rewrites one JSON text in canonical form.
func canonicalise(text []byte) ([]byte, error) {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	if err := refuseLoneSurrogates(text); err != nil {
		return nil, err
	}
	out, err := appendValue(nil, dec, 0)
	if err != nil {
		return nil, err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("more than one JSON value")
	}
	return out, nil
}

// appendValue reads the next value of dec and appends its canonical form.
func appendValue(dst []byte, dec *json.Decoder, depth int) ([]byte, error) {
	if depth > maxDepth {
		return nil, errTooDeep
	}
	token, err := dec.Token()
	if err != nil {
		return nil, err
	}
	switch t := token.(type) {
	case json.Delim:
		if t == '{' {
			return appendObject(dst, dec, depth)
		}
		return appendArray(dst, dec, depth)
	case string:
		return appendString(dst, t), nil
	case json.Number:
		return appendLiteral(dst, t.String())
	case bool:
		return strconv.AppendBool(dst, t), nil
	default:
		return append(dst, "null"...), nil
	}
}

func appendArray(dst []byte, dec *json.Decoder, depth int) ([]byte, error) {
	dst = append(dst, '[')
	for first := true; dec.More(); first = false {
		if !first {
			dst = append(dst, ',')
		}
		var err error
		if dst, err = appendValue(dst, dec, depth+1); err != nil {
			return nil, err
		}
	}
	_, err := dec.Token()
	return append(dst, ']'), err
}

// appendObject sorts the members by the UTF-16 code units of their keys (RFC
// 8785 section 3.2.3).
func appendObject(dst []byte, dec *json.Decoder, depth int) ([]byte, error) {
	values := map[string][]byte{}
	var keys []string
	for dec.More() {
		token, err := dec.Token()
		if err != nil {
			return nil, err
		}
		key, ok := token.(string)
		if _, twice := values[key]; !ok || twice {
			return nil, errors.New("a key is given twice")
		}
		value, err := appendValue(nil, dec, depth+1)
		if err != nil {
			return nil, err
		}
		values[key] = value
		keys = append(keys, key)
	}
	if _, err := dec.Token(); err != nil {
		return nil, err
	}
	slices.SortFunc(keys, func(a, b string) int {
		if utf16Less(a, b) {
			return -1
		}
		return 1
	})
	dst = append(dst, '{')
	for i, key := range keys {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendString(dst, key)
		dst = append(dst, ':')
		dst = append(dst, values[key]...)
	}
	return append(dst, '}'), nil
}

// appendLiteral appends a number, and refuses an integer that a float64 does
// not hold exactly rather than change it.
func appendLiteral(dst []byte, literal string) ([]byte, error) {
	f, err := strconv.ParseFloat(literal, 64)
	if err != nil {
		return nil, err
	}
	number := appendNumber(nil, f)
	if !strings.ContainsAny(literal, ".eE") && literal != "-0" && literal != string(number) {
		return nil, errors.New("an integer is too large to be exact")
	}
	return append(dst, number...), nil
}

// appendString appends s quoted, with only the escapes of RFC 8785 section
// 3.2.2.2.
func appendString(dst []byte, s string) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	if isOrdinary(s) {
		return append(append(dst, s...), '"')
	}
	for _, r := range s { // invalid UTF-8 comes as U+FFFD
		switch {
		case r >= ' ' && r != '"' && r != '\\':
			dst = utf8.AppendRune(dst, r)
		case r >= ' ':
			dst = append(dst, '\\', byte(r))
		case shortEscape(byte(r)) != 0:
			dst = append(dst, '\\', shortEscape(byte(r)))
		default:
			dst = append(dst, '\\', 'u', '0', '0', hex[r>>4], hex[r&0xf])
		}
	}
	return append(dst, '"')
}

// shortEscape returns the letter of the two-character escape of a control
// character, or 0 where there is none.
func shortEscape(c byte) byte {
	switch c {
	case '\b':
		return 'b'
	case '\t':
		return 't'
	case '\n':
		return 'n'
	case '\f':
		return 'f'
	case '\r':
		return 'r'
	default:
		return 0
	}
}

// refuseLoneSurrogates answers an error for an escaped surrogate without its
// partner, which encoding/json would quietly turn into U+FFFD.
func refuseLoneSurrogates(text []byte) error {
	for i := 0; i < len(text); i++ {
		if text[i] != '\\' {
			continue
		}
		unit, ok := escapedUnit(text[i:])
		i++ // over the escaped character
		switch {
		case !ok || unit < 0xd800 || unit > 0xdfff:
		case unit >= 0xdc00:
			return errors.New("a string holds a lone surrogate")
		default:
			const long = len(`\u0000`)
			low, ok := escapedUnit(text[min(i-1+long, len(text)):])
			if !ok || low < 0xdc00 || low > 0xdfff {
				return errors.New("a string holds a lone surrogate")
			}
			i += 2*long - 2
		}
	}
	return nil
}

// escapedUnit returns the UTF-16 code unit of the \uXXXX that text starts with.
func escapedUnit(text []byte) (uint64, bool) {
	const long = len(`\u0000`)
	if len(text) < long || text[0] != '\\' || text[1] != 'u' {
		return 0, false
	}
	unit, err := strconv.ParseUint(string(text[2:long]), 16, 16)
	return unit, err == nil
}

// unquote returns what a canonical JSON string means; s has no quotes around
// it.
func unquote(s string) string {
	if strings.IndexByte(s, '\\') < 0 {
		return s
	}
	var plain string
	if err := json.Unmarshal([]byte(`"`+s+`"`), &plain); err != nil {
		return s // not reached: the scanner has read s
	}
	return plain
}
