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
	} else if folded, ok := foldPlain(s); ok {
		return folded
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

// foldPlain folds a name of ASCII letters only.
func foldPlain(s string) (string, bool) {
	for i := range len(s) {
		if c := s[i] | 0x20; c < 'a' || c > 'z' {
			return "", false
		}
	}
	return strings.ToLower(s), true
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
	if isTidy(s) {
		return s
	}
	return strings.Join(strings.Fields(s), " ")
}

// isTidy reports whether an ASCII text has no space to remove.
func isTidy(s string) bool {
	space := true // as if one stood before the text
	for i := range len(s) {
		c := s[i]
		if c >= utf8.RuneSelf || c < ' ' || c == ' ' && space {
			return false
		}
		space = c == ' '
	}
	return !space || s == ""
}

// normaliseDate checks that the value is a date that exists, "2006-01-02".
func normaliseDate(value string) (string, error) {
	if len(value) != len(time.DateOnly) {
		return "", reject("date-format", "A date is written YYYY-MM-DD.")
	}
	if !dateExists(value) {
		return "", reject("date-none", "The date does not exist or is not written YYYY-MM-DD.")
	}
	return value, nil
}

// dateExists reports whether a text of the length of "2006-01-02" is a date. It
// stands for time.Parse, which takes most of the time of a row.
func dateExists(s string) bool {
	if s[4] != '-' || s[7] != '-' || !digits(s[:4], 4) || !digits(s[5:7], 2) || !digits(s[8:], 2) {
		return false
	}
	year := int(s[0]-'0')*1000 + int(s[1]-'0')*100 + int(s[2]-'0')*10 + int(s[3]-'0')
	month, day := int(s[5]-'0')*10+int(s[6]-'0'), int(s[8]-'0')*10+int(s[9]-'0')
	if month < 1 || month > 12 || day < 1 {
		return false
	}
	if day <= 28 {
		return true
	}
	return day <= time.Date(year, time.Month(month+1), 0, 0, 0, 0, 0, time.UTC).Day()
}
