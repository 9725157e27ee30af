package intake

import "errors"

// lines reads newline-delimited JSON: one value a line. Blank lines are passed
// over. Whether a line is an object is for the dataset to judge.
type lines struct{ w *window }

func (l *lines) next(row *Row) error {
	for {
		line, err := l.w.line()
		if errors.Is(err, errLong) {
			row.refuse(tooLarge())
			return nil
		}
		if err != nil {
			return err
		}
		if line = trim(line); len(line) > 0 {
			row.Raw = line
			return nil
		}
	}
}

// trim removes the white space of JSON at both ends (RFC 8259 section 2).
func trim(b []byte) []byte {
	for len(b) > 0 && isSpace(b[0]) {
		b = b[1:]
	}
	for len(b) > 0 && isSpace(b[len(b)-1]) {
		b = b[:len(b)-1]
	}
	return b
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

func tooLarge() RowError {
	return RowError{Code: "row-too-large", Message: "The row is larger than 64 KiB.", Remedy: "Send less text in this row."}
}
