package audit

import (
	"bytes"
	"errors"
	"math"
	"math/bits"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// maxDepth bounds the nesting of a JSON text, so that a hostile one cannot
// exhaust the stack.
const maxDepth = 256

var (
	errNotCanonical = errors.New("not canonical JSON")
	errTooDeep      = errors.New("JSON nested too deeply")
)

// scanner reads one JSON text that must be canonical already (RFC 8785). It
// allocates nothing for the texts that Concord writes.
type scanner struct {
	text string
	at   int
	// plain says of the last string that was read that it means what it says: it
	// has no escapes, and ASCII alone.
	plain bool
}

// isCanonical reports whether text is one canonical JSON value and nothing
// else.
func isCanonical(text string) bool {
	s := scanner{text: text}
	return s.value(0) == nil && s.at == len(text)
}

// members calls f with each member of the canonical JSON object text in order,
// with the offset just behind the member's value, until f returns false. The
// key is passed as it stands in the text, without quotes.
func members(text string, f func(key, value string, end int) bool) error {
	s := scanner{text: text}
	stopped := false
	err := s.object(0, func(key, value string) bool {
		stopped = !f(key, value, s.at)
		return !stopped
	})
	if err == nil && !stopped && s.at != len(text) {
		return errNotCanonical
	}
	return err
}

// Members calls f with the key and the value of each member of an object in
// canonical JSON (RFC 8785), in order, as they stand in the text; the key is
// without its quotes. A text that is not canonical is an error, perhaps after some
// of its members were passed.
func Members(text []byte, f func(key, value string)) error {
	return members(string(text), func(key, value string, _ int) bool {
		f(key, value)
		return true
	})
}

// elements calls f with each value of the canonical JSON array text in order.
func elements(text string, f func(value string)) error {
	s := scanner{text: text}
	err := s.array(0, f)
	if err == nil && s.at != len(text) {
		return errNotCanonical
	}
	return err
}

func (s *scanner) peek() byte {
	if s.at < len(s.text) {
		return s.text[s.at]
	}
	return 0
}

func (s *scanner) accept(c byte) bool {
	if s.peek() != c {
		return false
	}
	s.at++
	return true
}

func (s *scanner) value(depth int) error {
	if depth > maxDepth {
		return errTooDeep
	}
	switch s.peek() {
	case '"':
		return s.str()
	case '{':
		return s.object(depth, nil)
	case '[':
		return s.array(depth, nil)
	case 't':
		return s.literal("true")
	case 'f':
		return s.literal("false")
	case 'n':
		return s.literal("null")
	default:
		return s.number()
	}
}

func (s *scanner) literal(word string) error {
	if !strings.HasPrefix(s.text[s.at:], word) {
		return errNotCanonical
	}
	s.at += len(word)
	return nil
}

// object reads an object whose keys must ascend strictly by UTF-16 code units
// (RFC 8785 section 3.2.3), which also rules out a key given twice.
func (s *scanner) object(depth int, f func(key, value string) bool) error {
	if !s.accept('{') {
		return errNotCanonical
	}
	if s.accept('}') {
		return nil
	}
	last, lastPlain := "", true
	for first := true; ; first = false {
		start := s.at
		if err := s.str(); err != nil {
			return err
		}
		key := s.text[start+1 : s.at-1]
		if !s.accept(':') || !first && !keyLess(last, key, lastPlain && s.plain) {
			return errNotCanonical
		}
		last, lastPlain = key, s.plain
		start = s.at
		if err := s.value(depth + 1); err != nil {
			return err
		}
		if f != nil && !f(key, s.text[start:s.at]) {
			return nil
		}
		switch s.peek() {
		case ',':
			s.at++
		case '}':
			s.at++
			return nil
		default:
			return errNotCanonical
		}
	}
}

func (s *scanner) array(depth int, f func(value string)) error {
	if !s.accept('[') {
		return errNotCanonical
	}
	if s.accept(']') {
		return nil
	}
	for {
		start := s.at
		if err := s.value(depth + 1); err != nil {
			return err
		}
		if f != nil {
			f(s.text[start:s.at])
		}
		switch s.peek() {
		case ',':
			s.at++
		case ']':
			s.at++
			return nil
		default:
			return errNotCanonical
		}
	}
}

// ordinary are the characters that mean themselves in a string and need no look:
// ASCII but for the quote, the backslash and what is below the space.
var ordinary = func() (is [256]bool) {
	for c := ' '; c < utf8.RuneSelf; c++ {
		is[c] = c != '"' && c != '\\'
	}
	return is
}()

// skipOrdinary returns the offset of the first character from at on that is not
// ordinary: eight at a time, as far as there are eight. In a word that holds
// such characters the lowest mark is the first of them; those above it may be
// marked by a borrow.
func skipOrdinary(text string, at int) int {
	const (
		width = 8
		ones  = 0x0101010101010101
		highs = 0x8080808080808080
	)
	for ; at+width <= len(text); at += width {
		t := text[at : at+width]
		word := uint64(t[0]) | uint64(t[1])<<8 | uint64(t[2])<<16 | uint64(t[3])<<24 |
			uint64(t[4])<<32 | uint64(t[5])<<40 | uint64(t[6])<<48 | uint64(t[7])<<56
		quote, slash := word^'"'*ones, word^'\\'*ones
		marks := (word | (word-' '*ones)&^word | (quote-ones)&^quote | (slash-ones)&^slash) & highs
		if marks != 0 {
			return at + bits.TrailingZeros64(marks)/width
		}
	}
	for at < len(text) && ordinary[text[at]] {
		at++
	}
	return at
}

// str reads a string with only the escapes of RFC 8785 section 3.2.2.2.
func (s *scanner) str() error {
	if !s.accept('"') {
		return errNotCanonical
	}
	start, ascii := s.at, true
	s.plain = true
	// Nearly every string ends here.
	if end := skipOrdinary(s.text, start); end < len(s.text) && s.text[end] == '"' {
		s.at = end + 1
		return nil
	}
	for {
		s.at = skipOrdinary(s.text, s.at)
		switch c := s.peek(); {
		case c == '"':
			if !ascii && !utf8.ValidString(s.text[start:s.at]) {
				return errNotCanonical
			}
			s.at++
			return nil
		case c == '\\':
			s.plain = false
			if err := s.escape(); err != nil {
				return err
			}
		case c < ' ': // the end of the text too
			return errNotCanonical
		default:
			ascii, s.plain = false, false
			s.at++
		}
	}
}

func (s *scanner) escape() error {
	rest := s.text[s.at:]
	if len(rest) >= 2 && strings.IndexByte(`"\bfnrt`, rest[1]) >= 0 {
		s.at += 2
		return nil
	}
	const long = len(`\u0000`)
	if len(rest) < long || !strings.HasPrefix(rest, `\u00`) {
		return errNotCanonical
	}
	v, err := strconv.ParseUint(rest[4:long], 16, 8)
	if err != nil || v >= ' ' || shortEscape(byte(v)) != 0 || rest[4:long] != strings.ToLower(rest[4:long]) {
		return errNotCanonical
	}
	s.at += long
	return nil
}

// numeric are the characters that numbers are made of.
var numeric = func() (is [256]bool) {
	for _, c := range []byte("+-.0123456789eE") {
		is[c] = true
	}
	return is
}()

// number reads a number in the form that ECMAScript gives it (RFC 8785 section
// 3.2.2.3).
func (s *scanner) number() error {
	start := s.at
	for s.at < len(s.text) && numeric[s.text[s.at]] {
		s.at++
	}
	literal := s.text[start:s.at]
	if smallInteger(literal) {
		return nil
	}
	f, err := strconv.ParseFloat(literal, 64)
	if err != nil || string(appendNumber(nil, f)) != literal {
		return errNotCanonical
	}
	return nil
}

// smallInteger reports whether literal is an integer that is surely in its
// canonical form: up to fifteen digits, no leading zero, no minus zero.
func smallInteger(literal string) bool {
	digits := strings.TrimPrefix(literal, "-")
	if digits == "" || len(digits) > 15 || digits[0] == '0' && literal != "0" {
		return false
	}
	for i := range len(digits) {
		if digits[i] < '0' || digits[i] > '9' {
			return false
		}
	}
	return true
}

// appendNumber appends f, which must be finite, as ECMAScript writes it.
func appendNumber(dst []byte, f float64) []byte {
	if f == 0 {
		return append(dst, '0') // minus zero too
	}
	if a := math.Abs(f); a >= 1e-6 && a < 1e21 {
		return strconv.AppendFloat(dst, f, 'f', -1, 64)
	}
	start := len(dst)
	dst = strconv.AppendFloat(dst, f, 'e', -1, 64)
	// Go pads the exponent to two digits, ECMAScript does not.
	if e := bytes.IndexByte(dst[start:], 'e') + start; len(dst) == e+4 && dst[e+2] == '0' {
		dst = append(dst[:e+2], dst[e+3])
	}
	return dst
}

// keyLess orders two keys, as they stand in canonical text, by the UTF-16 code
// units of what they mean. Those that are plain mean what they say.
func keyLess(a, b string, plain bool) bool {
	if plain {
		return a < b
	}
	return utf16Less(unquote(a), unquote(b))
}

// utf16Less orders by UTF-16 code units, which differs from the order of UTF-8
// bytes where a surrogate pair meets U+E000 to U+FFFF.
func utf16Less(a, b string) bool {
	for a != "" && b != "" {
		ra, na := utf8.DecodeRuneInString(a)
		rb, nb := utf8.DecodeRuneInString(b)
		if ra != rb {
			if ra > 0xffff && rb > 0xffff {
				return ra < rb
			}
			return firstUnit(ra) < firstUnit(rb)
		}
		a, b = a[na:], b[nb:]
	}
	return a == "" && b != ""
}

func firstUnit(r rune) rune {
	if high, _ := utf16.EncodeRune(r); r > 0xffff {
		return high
	}
	return r
}
