package dataset

import "strings"

// normaliseNHSNumber applies the modulus 11 rule of the NHS Data Dictionary.
// Ten equal digits pass that rule but are placeholders, never issued, and would
// make one person of many: they are refused.
func normaliseNHSNumber(value string) (string, error) {
	s := squeeze(value)
	if !digits(s, 10) {
		return "", reject("nhs-number-format", "An NHS number has ten digits.")
	}
	if strings.Count(s, s[:1]) == len(s) {
		return "", reject("nhs-number-placeholder", "The NHS number is a placeholder of ten equal digits.")
	}
	sum := 0
	for i := range 9 {
		sum += int(s[i]-'0') * (10 - i)
	}
	// A remainder of 1 would need the check digit 10, which no digit equals.
	if check := (11 - sum%11) % 11; check != int(s[9]-'0') {
		return "", reject("nhs-number-check", "The check digit of the NHS number is wrong.")
	}
	return s, nil
}

// upnAlphabet is the check alphabet of the unique pupil number: I, O and S are
// left out.
const upnAlphabet = "ABCDEFGHJKLMNPQRTUVWXYZ"

// normaliseUPN applies the check letter rule of the unique pupil number: the
// letter, then twelve characters of which only the last may be a letter (a
// temporary number).
func normaliseUPN(value string) (string, error) {
	s := strings.ToUpper(squeeze(value))
	if len(s) == 3 && s[:2] == "UN" && s[2] >= '1' && s[2] <= '5' {
		return "", reject("upn-unknown", "UN1 to UN5 say that the UPN is unknown; they identify nobody.")
	}
	if len(s) != 13 || !digits(s[1:12], 11) || strings.IndexByte(upnAlphabet, s[0]) < 0 {
		return "", reject("upn-format", "A UPN is a letter and twelve digits, the last of which may be a letter. I, O and S are not used.")
	}
	sum := 0
	for i := 1; i < 12; i++ {
		sum += int(s[i]-'0') * (i + 1)
	}
	last := int(s[12]) - '0'
	if last < 0 || last > 9 {
		last = strings.IndexByte(upnAlphabet, s[12])
	}
	if last < 0 {
		return "", reject("upn-format", "A UPN is a letter and twelve digits, the last of which may be a letter. I, O and S are not used.")
	}
	if upnAlphabet[(sum+last*13)%23] != s[0] {
		return "", reject("upn-check", "The check letter of the UPN is wrong.")
	}
	return s, nil
}

// squeeze removes the spaces and hyphens with which people group digits.
func squeeze(s string) string {
	if !strings.ContainsAny(s, " -") {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := range len(s) {
		if s[i] != ' ' && s[i] != '-' {
			b = append(b, s[i])
		}
	}
	return string(b)
}
