package intake

import (
	"bytes"
	"errors"
	"io"
)

// firstLine takes the first line of a record with a flaw, whatever quotes it has.
func (s *splitter) firstLine(f flaw) ([]byte, flaw, error) {
	b := s.w.rest()
	end := s.lineEnd(b)
	if end < 0 && s.w.err == nil { // more than MaxRow are there, or the line is
		var err error
		if b, end, err = s.untilLineEnd(); err != nil {
			return nil, none, err
		}
	}
	if end < 0 && len(b) <= MaxRow {
		s.w.start = s.w.end
		return b, f, nil
	}
	if end >= 0 && end <= MaxRow {
		s.w.start += end + 1
		return bytes.TrimSuffix(b[:end], []byte{'\r'}), f, nil
	}
	other := byte('\n')
	if s.returns {
		other = '\r'
	}
	if err := s.w.skip('\n', other); !errors.Is(err, errLong) {
		return nil, none, err
	}
	return nil, size, nil
}

// untilLineEnd reads on until the first line is there, or is too long.
func (s *splitter) untilLineEnd() ([]byte, int, error) {
	for s.w.end-s.w.start <= MaxRow {
		if err := s.w.fill(); err == io.EOF { //nolint:errorlint // the end itself
			break
		} else if err != nil {
			return nil, 0, err
		}
		if end := s.lineEnd(s.w.rest()); end >= 0 {
			return s.w.rest(), end, nil
		}
	}
	return s.w.rest(), s.lineEnd(s.w.rest()), nil
}
