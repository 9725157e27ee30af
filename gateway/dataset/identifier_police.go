package dataset

import (
	"strconv"
	"strings"
)

// policeAlphabet is the check alphabet of PNC IDs and CRO numbers.
const policeAlphabet = "ZABCDEFGHJKLMNPQRTUVWXY"

// pncCentury is the first two-digit year that a short PNC ID has from the
// twentieth century; the check letter holds for both centuries.
const pncCentury = 39

// normalisePNCID accepts the long form (2002/0073319Z) and the short one
// (02/73319Z), checks the letter and returns the long form.
func normalisePNCID(value string) (string, error) {
	year, rest, ok := strings.Cut(strings.ToUpper(squeeze(value)), "/")
	if !ok || !digits(year, 2) && !digits(year, 4) || len(rest) < 2 || len(rest) > 8 {
		return "", reject("pnc-id-format", "A PNC ID is a year, a slash, up to seven digits and a check letter.")
	}
	serial, letter := rest[:len(rest)-1], rest[len(rest)-1]
	if !digits(serial, len(serial)) {
		return "", reject("pnc-id-format", "A PNC ID is a year, a slash, up to seven digits and a check letter.")
	}
	serial = strings.Repeat("0", 7-len(serial)) + serial
	if policeLetter(year[len(year)-2:]+serial) != letter {
		return "", reject("pnc-id-check", "The check letter of the PNC ID is wrong.")
	}
	if len(year) == 2 {
		century := "20"
		if year >= strconv.Itoa(pncCentury) {
			century = "19"
		}
		year = century + year
	}
	return year + "/" + serial + string(letter), nil
}

// normaliseCRO checks a Criminal Records Office number, 123456/24X, and returns
// it with six digits before the slash.
func normaliseCRO(value string) (string, error) {
	serial, rest, ok := strings.Cut(strings.ToUpper(squeeze(value)), "/")
	if !ok || serial == "" || len(serial) > 6 || !digits(serial, len(serial)) || len(rest) != 3 || !digits(rest[:2], 2) {
		return "", reject("cro-format", "A CRO number is up to six digits, a slash, a two-digit year and a check letter.")
	}
	serial = strings.Repeat("0", 6-len(serial)) + serial
	if policeLetter(rest[:2]+serial) != rest[2] {
		return "", reject("cro-check", "The check letter of the CRO number is wrong.")
	}
	return serial + "/" + rest, nil
}

// policeLetter is the check letter of year and serial number, read as one
// decimal number.
func policeLetter(number string) byte {
	n := 0
	for i := range len(number) {
		n = (n*10 + int(number[i]-'0')) % len(policeAlphabet)
	}
	return policeAlphabet[n]
}
