package synthetic

import (
	"fmt"
	"strconv"
)

// serial gives each number below modulus once, in an order that looks like
// none: i -> (factor*i + start) mod modulus. The factor has no divisor in
// common with the modulus, a power of ten.
type serial struct{ factor, start, modulus, next int }

func newSerial(d draw, modulus int) serial {
	return serial{factor: 10*d.between(1, modulus/20) + pick(d, []int{1, 3, 7, 9}), start: d.below(modulus), modulus: modulus}
}

func (s *serial) take() int {
	n := (s.factor*s.next + s.start) % s.modulus
	s.next++
	return n
}

// numbers gives out identifiers that nobody else has.
type numbers struct{ nhs, pnc, cro, uprn, upn serial }

func newNumbers(d draw) *numbers {
	return &numbers{
		nhs: newSerial(d, 1_000_000), pnc: newSerial(d, 10_000_000), cro: newSerial(d, 1_000_000),
		uprn: newSerial(d, 10_000_000), upn: newSerial(d, 1_000_000),
	}
}

// nhsNumber returns a number of the test range 999, with the check digit of
// the NHS Data Dictionary. Numbers whose check digit would be 10 are passed
// over, as is the placeholder of ten nines.
func (n *numbers) nhsNumber() string {
	for {
		body := fmt.Sprintf("999%06d", n.nhs.take())
		sum := 0
		for i := range len(body) {
			sum += int(body[i]-'0') * (10 - i)
		}
		check := (11 - sum%11) % 11
		if check != 10 && body != "999999999" {
			return body + strconv.Itoa(check)
		}
	}
}

// upnLetters is the check alphabet of the unique pupil number.
const upnLetters = "ABCDEFGHJKLMNPQRTUVWXYZ"

// pupilNumber returns the unique pupil number of a child that a school of the
// authority admitted in that year. Establishment and serial number are drawn
// as one number, so that no two are alike.
func (n *numbers) pupilNumber(authority string, admitted int) string {
	k := n.upn.take()
	body := fmt.Sprintf("%s%04d%02d%03d", authority, 2000+k/1000, admitted%100, k%1000)
	sum := 0
	for i := range len(body) {
		sum += int(body[i]-'0') * (i + 2)
	}
	return string(upnLetters[sum%23]) + body
}

// policeLetters is the check alphabet of PNC IDs and CRO numbers.
const policeLetters = "ZABCDEFGHJKLMNPQRTUVWXY"

// pncID returns a PNC ID in long form, of a record opened in that year.
func (n *numbers) pncID(year int) string {
	k := n.pnc.take()
	return fmt.Sprintf("%d/%07d%c", year, k, policeLetters[(year%100*10_000_000+k)%23])
}

// croNumber returns a number of the Criminal Records Office.
func (n *numbers) croNumber(year int) string {
	k := n.cro.take()
	return fmt.Sprintf("%06d/%02d%c", k, year%100, policeLetters[(year%100*1_000_000+k)%23])
}

// propertyNumber returns a UPRN of a range from which none is given out.
func (n *numbers) propertyNumber() string { return fmt.Sprintf("99900%07d", n.uprn.take()) }
