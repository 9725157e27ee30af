package intake

import (
	"bytes"
	"io"
	"strconv"
)

// array reads a JSON array. It finds where each element ends and leaves its inside
// to the dataset, so that one bad row does not end the reading and a huge one is
// passed over without being held.
type array struct {
	w *window
	// n is how many elements were read, begun whether the bracket was.
	n     int
	begun bool
	depth nesting
}

func (a *array) next(row *Row) error {
	more, err := a.toElement()
	if err != nil {
		return err
	}
	if !more {
		return a.end()
	}
	raw, err := a.element()
	if err != nil {
		return err
	}
	a.n++
	if raw == nil {
		row.refuse(tooLarge())
	}
	row.Raw = raw
	return nil
}

// toElement moves to the next element, and reports whether there is one.
func (a *array) toElement() (bool, error) {
	c, err := a.peek()
	if err != nil {
		return false, err
	}
	if !a.begun {
		switch c {
		case '[':
		case '{':
			return false, invalid("malformed-json",
				"The body must be a JSON array of rows. One object a line is newline-delimited JSON: send it with Content-Type application/x-ndjson.")
		default:
			return false, invalid("malformed-json", "The body must be a JSON array of rows.")
		}
		a.begun = true
		a.w.start++
		if c, err = a.peek(); err != nil || c == ']' {
			return false, err
		}
	} else {
		if c == ']' {
			return false, nil
		}
		if c != ',' {
			return false, a.malformed("a comma or the end of the array is missing")
		}
		a.w.start++
		if c, err = a.peek(); err != nil {
			return false, err
		}
	}
	if c == ',' || c == ']' || c == '}' || c == ':' {
		return false, a.malformed("there is a comma or a bracket where a row should be")
	}
	return true, nil
}

// end checks that nothing follows the array.
func (a *array) end() error {
	a.w.start++
	for {
		a.w.start = a.w.end - len(bytes.TrimLeft(a.w.rest(), " \t\r\n"))
		if a.w.start < a.w.end {
			return a.malformed("something follows the end of the array")
		}
		if err := a.w.fill(); err != nil {
			return err
		}
	}
}

// peek returns the next byte that is no white space. A body that ends here was cut
// off.
func (a *array) peek() (byte, error) {
	for {
		for ; a.w.start < a.w.end; a.w.start++ {
			if c := a.w.buf[a.w.start]; !isSpace(c) {
				return c, nil
			}
		}
		if err := a.more(); err != nil {
			return 0, err
		}
	}
}

func (a *array) more() error {
	err := a.w.fill()
	if err == io.EOF { //nolint:errorlint // the end itself
		return a.malformed("the array is cut off")
	}
	return err
}

func (a *array) malformed(what string) error {
	where := "At the beginning of the JSON array, "
	if a.n > 0 {
		where = "After row " + strconv.Itoa(a.n) + " of the JSON array, "
	}
	return invalid("malformed-json", where+what+".")
}
