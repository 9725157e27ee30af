package intake

import (
	"bytes"
	"io"
)

// splitter finds where the records of a CSV file (RFC 4180) end. It reads the bytes
// once: a record whose quotes are broken is passed over up to the end of its first
// line, and as quotes inside and outside of a field pair up differently, the lines
// after it are not gone through again and again.
type splitter struct {
	w *window
	// returns is true where lines end with CR alone, as old programs write them. A
	// line feed ends a line always.
	returns bool
}

// state is where in a record a byte stands.
type state int

const (
	begin  state = iota // of a field
	bare                // in a field without quotes
	quoted              // in a field with quotes
	closed              // behind a quote in a quoted field
)

// flaw is why a record cannot be taken apart.
type flaw string

const (
	none   flaw = ""
	quotes flaw = "csv-quote"
	size   flaw = "row-too-large"
)

// record takes the next record, without the end of its line. Where there is a flaw
// it is the first line of the record, or nothing where that is too long as well.
func (s *splitter) record() ([]byte, flaw, error) {
	if line, ok := s.plain(); ok {
		return line, none, nil
	}
	if s.w.start == s.w.end {
		if err := s.w.fill(); err != nil {
			return nil, none, err
		}
	}
	end, next, flaw, err := s.extent()
	if err != nil {
		return nil, none, err
	}
	if flaw != none {
		return s.firstLine(flaw)
	}
	rec := s.w.buf[s.w.start : s.w.start+end]
	s.w.start += next
	return rec, none, nil
}

// plain is the common case: a line that is there, without quotes.
func (s *splitter) plain() ([]byte, bool) {
	b := s.w.rest()
	end := s.lineEnd(b)
	if end < 0 || end > MaxRow || bytes.IndexByte(b[:end], '"') >= 0 {
		return nil, false
	}
	s.w.start += end + 1
	if s.returns {
		return b[:end], true
	}
	return bytes.TrimSuffix(b[:end], []byte{'\r'}), true
}

// lineEnd is where the line that b begins with ends, or -1.
func (s *splitter) lineEnd(b []byte) int {
	end := bytes.IndexByte(b, '\n')
	if !s.returns {
		return end
	}
	if end >= 0 {
		b = b[:end]
	}
	if i := bytes.IndexByte(b, '\r'); i >= 0 {
		return i
	}
	return end
}

// cursor is how far a record has been gone through.
type cursor struct {
	at  int
	now state
}

// extent goes through the record at the start of the window: end is its length,
// next where the one after it begins.
func (s *splitter) extent() (end, next int, f flaw, err error) {
	var c cursor
	for {
		if end, next, f, done := s.through(&c); done {
			return end, next, f, nil
		}
		err := s.w.fill()
		switch {
		case err == nil:
		case err != io.EOF: //nolint:errorlint // the end itself
			return 0, 0, none, err
		case c.at < len(s.w.rest()): // a CR was waiting for what follows
		case c.now == quoted:
			return 0, 0, quotes, nil
		default:
			return c.at, c.at, tooLong(c.at), nil
		}
	}
}

// through goes on as far as the window reaches, and reports whether that settles
// where the record ends.
func (s *splitter) through(c *cursor) (end, next int, f flaw, done bool) {
	b := s.w.rest()
	for ; c.at < len(b); c.at++ {
		if c.at > MaxRow+1 {
			return 0, 0, endless(c.now), true
		}
		char := b[c.at]
		if c.now != quoted {
			if char == '\r' && !s.returns && c.at+1 == len(b) && s.w.err == nil {
				return 0, 0, none, false // what follows decides
			}
			if end, next, ok := s.ends(b, c.at, char); ok {
				return end, next, tooLong(end), true
			}
		}
		if c.now = c.now.after(char); c.now < 0 {
			return 0, 0, quotes, true
		}
	}
	return 0, 0, none, false
}

// endless is the flaw of a record that does not end within MaxRow.
func endless(now state) flaw {
	if now == quoted {
		return quotes
	}
	return size
}

func tooLong(n int) flaw {
	if n > MaxRow {
		return size
	}
	return none
}

// ends reports whether a line ends at a byte outside of quotes.
func (s *splitter) ends(b []byte, at int, c byte) (end, next int, ok bool) {
	switch {
	case c == '\n', c == '\r' && s.returns:
		return at, at + 1, true
	case c == '\r' && at+1 == len(b): // before the end of the file
		return at, at + 1, true
	case c == '\r' && b[at+1] == '\n':
		return at, at + 2, true
	}
	return 0, 0, false
}

// after is the state behind a byte that does not end the record, or less than 0
// where there may be no such byte.
func (now state) after(c byte) state {
	switch {
	case now == quoted && c == '"':
		return closed
	case now == quoted:
		return quoted
	case c == ',':
		return begin
	case c == '"' && now == begin, c == '"' && now == closed:
		return quoted
	case c == '"', now == closed:
		return -1
	}
	return bare
}
