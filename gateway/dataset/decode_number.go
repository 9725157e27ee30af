package dataset

import (
	"math"
	"strconv"
)

// number reads a number of the JSON grammar.
func (d *decoder) number() (any, *Problem) {
	start := d.pos
	if d.peek() == '-' {
		d.pos++
	}
	whole := d.digits()
	if whole == 0 || whole > 1 && d.data[d.pos-whole] == '0' {
		return nil, syntax()
	}
	if d.peek() == '.' {
		d.pos++
		if d.digits() == 0 {
			return nil, syntax()
		}
	}
	if c := d.peek(); c == 'e' || c == 'E' {
		d.pos++
		if c := d.peek(); c == '+' || c == '-' {
			d.pos++
		}
		if d.digits() == 0 {
			return nil, syntax()
		}
	}
	return numberValue(d.data[start:d.pos])
}

func (d *decoder) digits() int {
	start := d.pos
	for d.pos < len(d.data) && d.data[d.pos] >= '0' && d.data[d.pos] <= '9' {
		d.pos++
	}
	return d.pos - start
}

func numberValue(literal string) (any, *Problem) {
	if len(literal) > maxNumber {
		return nil, jsonProblem("json-number", "A number is too long.")
	}
	f, err := strconv.ParseFloat(literal, 64)
	if err != nil || math.Abs(f) > maxInteger || f == 0 && hasNonZeroDigit(literal) {
		return nil, jsonProblem("json-number", "A number is larger than 2^53-1 or too small to be held exactly.")
	}
	if f == 0 {
		return float64(0), nil // RFC 8785 section 3.2.2.3: minus zero is zero
	}
	return f, nil
}

// hasNonZeroDigit looks at the digits before the exponent only.
func hasNonZeroDigit(literal string) bool {
	for _, c := range []byte(literal) {
		if c == 'e' || c == 'E' {
			return false
		}
		if c >= '1' && c <= '9' {
			return true
		}
	}
	return false
}
