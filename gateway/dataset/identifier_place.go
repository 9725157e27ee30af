package dataset

import "strings"

// normaliseUPRN checks a unique property reference number: one to twelve
// digits, without a check digit. Leading zeros are dropped.
func normaliseUPRN(value string) (string, error) {
	s := squeeze(value)
	if s == "" || len(s) > 12 || !digits(s, len(s)) {
		return "", reject("uprn-format", "A UPRN has one to twelve digits.")
	}
	s = strings.TrimLeft(s, "0")
	if s == "" {
		return "", reject("uprn-format", "A UPRN is not zero.")
	}
	return s, nil
}

// normalisePostcode checks the shape of a UK postcode and returns it in capitals
// with one space before the inward part. The NHS pseudo-postcodes ZZ99 ("no
// fixed abode" and the like) are accepted.
func normalisePostcode(value string) (string, error) {
	s := strings.ToUpper(squeeze(value))
	if len(s) < 5 || len(s) > 7 {
		return "", reject("postcode-format", "A postcode has an outward and an inward part, like WR1 2EY.")
	}
	outward, inward := s[:len(s)-3], s[len(s)-3:]
	if shape(inward) != "9AA" || !outwardShape(outward) {
		return "", reject("postcode-format", "A postcode has an outward and an inward part, like WR1 2EY.")
	}
	if outward != "ZZ99" && (strings.ContainsAny(inward, "CIKMOV") || strings.ContainsAny(outward[:1], "QVX")) {
		return "", reject("postcode-letters", "The postcode has a letter where none of that kind is used.")
	}
	return outward + " " + inward, nil
}

func outwardShape(outward string) bool {
	switch shape(outward) {
	case "A9", "A99", "AA9", "AA99", "A9A", "AA9A":
		return true
	}
	return outward == "GIR"
}

// shape replaces each ASCII capital by A and each digit by 9.
func shape(s string) string {
	var b [8]byte
	for i := range len(s) {
		switch c := s[i]; {
		case c >= 'A' && c <= 'Z':
			b[i] = 'A'
		case c >= '0' && c <= '9':
			b[i] = '9'
		default:
			b[i] = '?'
		}
	}
	return string(b[:len(s)])
}
