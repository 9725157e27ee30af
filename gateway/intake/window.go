package intake

import (
	"bytes"
	"errors"
	"io"
)

// windowSize is the memory that reading takes, whatever is sent. It holds a row of
// MaxRow with what tells that it is over.
const windowSize = 4 * MaxRow

// window is a part of a body that moves on. What lies in buf[start:end] has been
// read but not consumed.
type window struct {
	src        io.Reader
	buf        []byte
	start, end int
	// passed is how many bytes lie before buf[0].
	passed int64
	// err is what ended the body, io.EOF or a fault.
	err error
}

func newWindow(src io.Reader) *window {
	return &window{src: src, buf: make([]byte, windowSize)}
}

// errLong says that a line is longer than MaxRow; it has been passed over.
var errLong = errors.New("line too long")

// rest is what can be looked at without reading.
func (w *window) rest() []byte { return w.buf[w.start:w.end] }

// fill reads more. It may move what is there to the beginning of buf, so that
// slices of rest are not valid any more. Callers never hold a full buffer.
func (w *window) fill() error {
	if w.err != nil {
		return w.err
	}
	if w.start == w.end || w.end == len(w.buf) {
		w.passed += int64(w.start)
		w.end = copy(w.buf, w.rest())
		w.start = 0
	}
	for range 100 {
		n, err := w.src.Read(w.buf[w.end:])
		w.end += n
		w.err = err
		if n > 0 {
			return nil
		}
		if err != nil {
			return err
		}
	}
	w.err = io.ErrNoProgress
	return w.err
}

// peek returns up to n bytes from the start, fewer only at the end of the body.
func (w *window) peek(n int) []byte {
	for w.end-w.start < n {
		if w.fill() != nil {
			break
		}
	}
	return w.buf[w.start:min(w.end, w.start+n)]
}

// consumed is how many bytes of the body lie before start.
func (w *window) consumed() int64 { return w.passed + int64(w.start) }

// line takes the next line, without its end. The error is errLong, or what ended
// the body: after io.EOF there is nothing more.
func (w *window) line() ([]byte, error) {
	seen := 0
	for {
		if i := bytes.IndexByte(w.buf[w.start+seen:w.end], '\n'); i >= 0 {
			line := w.buf[w.start : w.start+seen+i]
			w.start += seen + i + 1
			return short(line)
		}
		seen = w.end - w.start
		if seen > MaxRow+1 {
			return nil, w.skip('\n', '\n')
		}
		if err := w.fill(); err != nil {
			if err != io.EOF || seen == 0 { //nolint:errorlint // the end itself
				return nil, err
			}
			line := w.rest()
			w.start = w.end
			return short(line)
		}
	}
}

// short refuses a line that is too long.
func short(line []byte) ([]byte, error) {
	line = bytes.TrimSuffix(line, []byte{'\r'})
	if len(line) > MaxRow {
		return nil, errLong
	}
	return line, nil
}

// skip passes over the rest of a line that ends with one of two bytes.
func (w *window) skip(a, b byte) error {
	for {
		i := bytes.IndexByte(w.rest(), a)
		if a != b {
			if j := bytes.IndexByte(w.rest(), b); j >= 0 && (i < 0 || j < i) {
				i = j
			}
		}
		if i >= 0 {
			w.start += i + 1
			return errLong
		}
		w.start = w.end
		if err := w.fill(); err != nil {
			if err == io.EOF { //nolint:errorlint // the end itself
				return errLong
			}
			return err
		}
	}
}
