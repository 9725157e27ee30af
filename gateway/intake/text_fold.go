package intake

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// folded is a text as it is compared: capitals without accents, the digits of any
// script as ASCII, every space a space, every dash a hyphen, and nothing of no
// width.
type folded struct {
	original string
	text     []rune
	// start and end are where in the original each character comes from.
	start, end []int32
	// buffer is where nameAt puts a word.
	buffer []rune
}

// fold reads a text once.
func fold(text string) *folded {
	s := &folded{original: text, text: make([]rune, 0, len(text)), start: make([]int32, 0, len(text)), end: make([]int32, 0, len(text))}
	for i := 0; i < len(text); {
		c := text[i]
		if c < utf8.RuneSelf {
			if 'a' <= c && c <= 'z' {
				c -= 'a' - 'A'
			}
			if c <= ' ' {
				c = ' '
			}
			s.put(rune(c), i, i+1)
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(text[i:])
		s.wide(r, i, i+size)
		i += size
	}
	return s
}

func (s *folded) put(r rune, start, end int) {
	s.text = append(s.text, r)
	s.start = append(s.start, int32(start))
	s.end = append(s.end, int32(end))
}

// wide folds a character outside ASCII.
func (s *folded) wide(r rune, start, end int) {
	if whole := latin(r); whole != "" {
		for _, c := range whole {
			s.put(c, start, end)
		}
		return
	}
	spelled := s.original[start:end]
	if d := norm.NFKD.PropertiesString(spelled).Decomposition(); d != nil {
		spelled = string(d)
	}
	for _, c := range spelled {
		switch {
		case invisible(c):
			// A number with something of no width inside is still that number.
			if n := len(s.end); n > 0 && int(s.end[n-1]) == start && unicode.Is(unicode.M, c) {
				s.end[n-1] = int32(end)
			}
		case unicode.IsSpace(c):
			s.put(' ', start, end)
		case unicode.Is(unicode.Pd, c) || c == '−':
			s.put('-', start, end)
		case unicode.Is(unicode.Nd, c):
			s.put('0'+digitOf(c), start, end)
		case c == '’' || c == '‘' || c == 'ʼ' || c == '`' || c == '´' || c == '′':
			s.put('\'', start, end)
		case c == '⁄' || c == '∕':
			s.put('/', start, end)
		default:
			s.put(unicode.ToUpper(c), start, end)
		}
	}
}

// invisible reports whether a character has no width or sits upon another.
func invisible(r rune) bool {
	return unicode.In(r, unicode.M, unicode.Cf) || r == '\u115F' || r == '\u1160' || r == '\u3164' || r == '\uFFA0'
}

// digitOf is the value of a decimal digit: those of a script stand together in
// order, and each range of the table holds whole tens.
func digitOf(r rune) rune {
	for _, t := range unicode.Nd.R16 {
		if r >= rune(t.Lo) && r <= rune(t.Hi) {
			return (r - rune(t.Lo)) % 10
		}
	}
	for _, t := range unicode.Nd.R32 {
		if r >= rune(t.Lo) && r <= rune(t.Hi) {
			return (r - rune(t.Lo)) % 10
		}
	}
	return 0
}

// latin spells the Latin letters that do not come apart into a letter and an
// accent.
func latin(r rune) string {
	switch r {
	case 'ß', 'ẞ':
		return "SS"
	case 'æ', 'Æ':
		return "AE"
	case 'œ', 'Œ':
		return "OE"
	case 'ø', 'Ø':
		return "O"
	case 'đ', 'Đ', 'ð', 'Ð':
		return "D"
	case 'ł', 'Ł':
		return "L"
	case 'þ', 'Þ':
		return "TH"
	case 'ı':
		return "I"
	}
	return ""
}

// Names are the names of people that a text is searched for.
type Names struct{ words [][]rune }

// Add takes the words of a name, of at least two letters each.
func (n *Names) Add(name string) {
	s := fold(name)
	for i := 0; i < len(s.text); {
		if !isLetter(s.text[i]) {
			i++
			continue
		}
		word, to, _ := s.nameAt(i)
		n.add(word)
		// O'Neill is looked for as Neill too.
		if cut := slices.Index(s.text[i:to], '\''); cut >= 0 && to-i-cut > shortName {
			n.add(s.text[i+cut+1 : to])
		}
		i = to
	}
}

// shortName is the length up to which the end of a name with an apostrophe is no
// name of its own.
const shortName = 4

func (n *Names) add(word []rune) {
	if len(word) > 1 && !notAName(word) && !n.has(word) && len(n.words) < maxNames {
		n.words = append(n.words, slices.Clone(word))
	}
}

// maxNames bounds the time that a search takes.
const maxNames = 32

func (n *Names) has(word []rune) bool {
	for _, w := range n.words {
		if slices.Equal(word, w) {
			return true
		}
	}
	return false
}

// notAName reports whether a word of a name says nothing about whose it is: a
// title, a particle, or a word that Mask writes.
func notAName(word []rune) bool {
	const none = " MR MRS MS MISS MX DR PROF REV SIR LADY LORD DE DA DI DU LA LE EL AL VAN VON DER DEN DOS BIN IBN OF THE AND OR NOT KNOWN UNKNOWN NONE NIL " +
		"NHS NUMBER PHONE POSTCODE MAIL ADDRESS UPN PNC CRO ID NATIONAL INSURANCE NAME TEXT REMOVED "
	return strings.Contains(none, " "+string(word)+" ")
}

// nameAt reads the word that begins at i: letters, with apostrophes left out.
// stem is the length of the word before an apostrophe and an S at its end. The
// word is valid until the next call.
func (s *folded) nameAt(i int) (word []rune, to, stem int) {
	word = s.buffer[:0]
	defer func() { s.buffer = word }()
	for to = i; to < len(s.text); to++ {
		c := s.text[to]
		switch {
		case isLetter(c):
			word = append(word, c)
		case c == '\'' && to+1 < len(s.text) && isLetter(s.text[to+1]):
			stem = len(word)
		default:
			return word, to, possessive(word, stem)
		}
	}
	return word, to, possessive(word, stem)
}

func possessive(word []rune, stem int) int {
	if stem == len(word)-1 && word[stem] == 'S' {
		return stem
	}
	return len(word)
}

func isDigit(c rune) bool { return c >= '0' && c <= '9' }

func isLetter(c rune) bool {
	return c >= 'A' && c <= 'Z' || c >= utf8.RuneSelf && unicode.IsLetter(c)
}

func isASCIILetter(c rune) bool { return c >= 'A' && c <= 'Z' }
