package dataset

import (
	"unicode/utf16"
	"unicode/utf8"
)

// text reads a string. The common case, no escapes, copies nothing.
func (d *decoder) text() (string, *Problem) {
	d.pos++
	for i := d.pos; i < len(d.data); i++ {
		switch c := d.data[i]; {
		case c == '"':
			raw := d.data[d.pos:i]
			d.pos = i + 1
			return d.plain(raw)
		case c == '\\':
			return d.escapedText(i)
		case c < ' ':
			return "", syntax()
		}
	}
	return "", syntax()
}

func (d *decoder) plain(raw string) (string, *Problem) {
	if !d.valid && !utf8.ValidString(raw) {
		return "", jsonProblem("json-utf8", "The text is not valid UTF-8.")
	}
	return raw, nil
}

// escapedText reads the rest of a string whose first escape is at index first.
func (d *decoder) escapedText(first int) (string, *Problem) {
	out := append(make([]byte, 0, 64), d.data[d.pos:first]...)
	d.pos = first
	for d.pos < len(d.data) {
		c := d.data[d.pos]
		switch {
		case c == '"':
			d.pos++
			return d.plain(string(out))
		case c == '\\':
			r, problem := d.escape()
			if problem != nil {
				return "", problem
			}
			out = utf8.AppendRune(out, r)
		case c < ' ':
			return "", syntax()
		default:
			out = append(out, c)
			d.pos++
		}
	}
	return "", syntax()
}

// escape reads one escape sequence, of which d.pos is the backslash.
func (d *decoder) escape() (rune, *Problem) {
	if d.pos+1 >= len(d.data) {
		return 0, syntax()
	}
	c := d.data[d.pos+1]
	if c == 'u' {
		return d.unicodeEscape()
	}
	d.pos += 2
	switch c {
	case '"', '\\', '/':
		return rune(c), nil
	case 'b':
		return '\b', nil
	case 'f':
		return '\f', nil
	case 'n':
		return '\n', nil
	case 'r':
		return '\r', nil
	case 't':
		return '\t', nil
	}
	return 0, syntax()
}

func (d *decoder) unicodeEscape() (rune, *Problem) {
	r, ok := d.unit()
	switch {
	case !ok:
		return 0, syntax()
	case r == 0:
		return 0, jsonProblem("json-nul", "The text has a NUL character.")
	case !utf16.IsSurrogate(r):
		return r, nil
	}
	low, ok := d.unit()
	if ok {
		if pair := utf16.DecodeRune(r, low); pair != utf8.RuneError {
			return pair, nil
		}
	}
	return 0, jsonProblem("json-surrogate", "The text has half of a surrogate pair.")
}

// unit reads one \uXXXX.
func (d *decoder) unit() (rune, bool) {
	if len(d.data)-d.pos < 6 || d.data[d.pos] != '\\' || d.data[d.pos+1] != 'u' {
		return 0, false
	}
	var r rune
	for _, c := range []byte(d.data[d.pos+2 : d.pos+6]) {
		switch {
		case c >= '0' && c <= '9':
			r = r<<4 | rune(c-'0')
		case c >= 'a' && c <= 'f':
			r = r<<4 | rune(c-'a'+10)
		case c >= 'A' && c <= 'F':
			r = r<<4 | rune(c-'A'+10)
		default:
			return 0, false
		}
	}
	d.pos += 6
	return r, true
}
