package dataset

import (
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// maxName is the longest name in bytes, after folding.
const maxName = 400

// normaliseName folds a name to the form in which two spellings of it are
// equal: NFKC, case-folded, apostrophes dropped, other punctuation and spaces
// made one space. Accents stay: Zoe and Zoë are two names.
func normaliseName(value string) (string, error) {
	s := foldName(value)
	if !isASCII(value) {
		if !utf8.ValidString(value) {
			return "", reject("name-format", "A name is valid UTF-8 text.")
		}
		// Folding can bring characters together that compose anew. A few passes
		// settle that; the bound is for hostile input only.
		for range 4 {
			s = foldName(s)
		}
		if foldName(s) != s {
			return "", reject("name-format", "The name has characters that no name has.")
		}
	}
	if s == "" {
		return "", reject("name-empty", "A name has at least one letter.")
	}
	if len(s) > maxName {
		return "", reject("name-format", "The name is too long.")
	}
	return s, nil
}

// foldName is one pass of folding.
func foldName(s string) string {
	if !isASCII(s) {
		s = norm.NFKC.String(cases.Fold().String(norm.NFKC.String(s)))
	}
	var b strings.Builder
	b.Grow(len(s))
	gap := false
	for _, r := range s {
		switch {
		case unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r):
			if gap && b.Len() > 0 {
				b.WriteByte(' ')
			}
			gap = false
			b.WriteRune(unicode.ToLower(r))
		case !isApostrophe(r):
			gap = true
		}
	}
	return b.String()
}

func isApostrophe(r rune) bool {
	switch r {
	case '\'', '`', '’', '‘', '´', 'ʼ', 'ʹ', '′':
		return true
	}
	return false
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// tidyName is the form in which a row keeps a name: NFC, with outer spaces
// removed and inner ones made single. The few characters that NFC takes apart
// stay whole, so that a name never outgrows the length its schema allows.
func tidyName(s string) string {
	if !isASCII(s) {
		if composed := norm.NFC.String(s); utf8.RuneCountInString(composed) <= utf8.RuneCountInString(s) {
			s = composed
		}
	}
	return strings.Join(strings.Fields(s), " ")
}

// normaliseDate checks that the value is a date that exists, "2006-01-02".
func normaliseDate(value string) (string, error) {
	if len(value) != len(time.DateOnly) {
		return "", reject("date-format", "A date is written YYYY-MM-DD.")
	}
	if _, err := time.Parse(time.DateOnly, value); err != nil {
		return "", reject("date-none", "The date does not exist or is not written YYYY-MM-DD.")
	}
	return value, nil
}
