// Package text says which characters have no place in what people write, and writes what
// holds them so that they do no harm.
//
// They are those that are not seen and change what is: control characters, which end
// lines and steer terminals; those that turn the direction of writing, so that a line
// reads other than it is (Unicode Technical Report 36 section 2.5); line separators, byte
// order marks, and tags. What languages need to be written is not among them: joiners
// stay, and so do letters and marks of every script.
package text

import (
	"bytes"
	"fmt"
	"io"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// Hidden reports whether a character has no place in a text of one line.
func Hidden(r rune) bool {
	switch {
	case unicode.IsControl(r): // C0, DEL and C1
		return true
	case r == '\u061c', r == '\u200e', r == '\u200f', '\u202a' <= r && r <= '\u202e', '\u2066' <= r && r <= '\u2069':
		return true // direction
	case r == '\u2028', r == '\u2029', '\u206a' <= r && r <= '\u206f', r == '\ufeff', '\ufff9' <= r && r <= '\ufffb':
		return true
	default:
		return 0xe0000 <= r && r <= 0xe007f
	}
}

// Break reports whether a hidden character only breaks lines or sets them in, which a
// text of several lines may have.
func Break(r rune) bool { return r == '\n' || r == '\r' || r == '\t' }

// writer writes lines of JSON.
type writer struct{ to io.Writer }

// NewWriter returns a writer for lines of JSON that escapes what is hidden in them, as
// JSON allows it in every string: what was one line stays one, in every terminal. What
// is below a space JSON has escaped already, and what ends the line stays.
func NewWriter(to io.Writer) io.Writer { return writer{to} }

// Write writes one or more whole lines.
func (w writer) Write(p []byte) (int, error) {
	plain := func(r rune) bool { return r < ' ' || !Hidden(r) }
	if !bytes.ContainsFunc(p, func(r rune) bool { return !plain(r) || r == utf8.RuneError }) {
		return w.to.Write(p)
	}
	out := make([]byte, 0, len(p)+len(p)/2)
	for _, r := range string(p) { // a byte that is not UTF-8 becomes the replacement character
		switch {
		case plain(r):
			out = utf8.AppendRune(out, r)
		case r > 0xffff:
			a, b := utf16.EncodeRune(r)
			out = fmt.Appendf(out, `\u%04x\u%04x`, a, b)
		default:
			out = fmt.Appendf(out, `\u%04x`, r)
		}
	}
	if _, err := w.to.Write(out); err != nil {
		return 0, err
	}
	return len(p), nil
}
