package submission

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"

	"github.com/concord-gateway/concord/gateway/fault"
)

// Format is the form of a submission's body.
type Format string

// The formats.
const (
	JSONArray Format = "application/json"
	NDJSON    Format = "application/x-ndjson"
)

// maxRowBytes bounds one row, so that memory stays flat whatever is sent.
const maxRowBytes = 64 << 10

// rows yields the rows of a body one by one. next returns io.EOF after the
// last; a fault of kind Invalid means that what follows cannot be read.
type rows interface {
	next() ([]byte, error)
}

func newRows(format Format, body io.Reader) (rows, error) {
	switch format {
	case JSONArray:
		return newArrayRows(withoutMark(body))
	case NDJSON:
		return &lineRows{r: withoutMark(body)}, nil
	default:
		return nil, fault.New(fault.Invalid, "submission.Submit",
			"The body must be application/json or application/x-ndjson.").WithCode("unsupported-media-type")
	}
}

// withoutMark passes over one byte order mark at the beginning, which some
// programs write and RFC 8259 s.8.1 lets a reader ignore.
func withoutMark(body io.Reader) *bufio.Reader {
	const mark = "\xef\xbb\xbf"
	r := bufio.NewReaderSize(body, maxRowBytes)
	if start, err := r.Peek(len(mark)); err == nil && string(start) == mark {
		_, _ = r.Discard(len(mark)) // what was peeked is there
	}
	return r
}

// lineRows reads newline-delimited JSON. Blank lines are passed over.
type lineRows struct{ r *bufio.Reader }

func (l *lineRows) next() ([]byte, error) {
	for {
		line, err := l.r.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			if err := l.skipLine(); err != nil {
				return nil, err
			}
			return nil, errRowTooLarge
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, bodyError(err)
		}
		if line = bytes.TrimSpace(line); len(line) > 0 {
			return line, nil
		}
		if err != nil {
			return nil, io.EOF
		}
	}
}

// skipLine passes over the rest of a line that is too long.
func (l *lineRows) skipLine() error {
	for {
		_, err := l.r.ReadSlice('\n')
		switch {
		case err == nil, errors.Is(err, io.EOF):
			return nil
		case !errors.Is(err, bufio.ErrBufferFull):
			return bodyError(err)
		}
	}
}

// errRowTooLarge rejects one row; the reader goes on with the next.
var errRowTooLarge = errors.New("row too large")

// arrayRows reads a JSON array of rows. A syntax error ends the reading, since
// nothing behind it can be told apart.
type arrayRows struct {
	dec   *json.Decoder
	ended bool
}

func newArrayRows(body io.Reader) (*arrayRows, error) {
	dec := json.NewDecoder(body)
	tok, err := dec.Token()
	if err != nil {
		return nil, bodyError(err)
	}
	if tok != json.Delim('[') {
		return nil, fault.New(fault.Invalid, "submission.Submit",
			"The body must be a JSON array of rows.").WithCode("malformed-json")
	}
	return &arrayRows{dec: dec}, nil
}

func (a *arrayRows) next() ([]byte, error) {
	if a.ended {
		return nil, io.EOF
	}
	if !a.dec.More() {
		return nil, a.end()
	}
	var raw json.RawMessage
	if err := a.dec.Decode(&raw); err != nil {
		return nil, bodyError(err)
	}
	if len(raw) > maxRowBytes {
		return nil, errRowTooLarge
	}
	return raw, nil
}

// end checks that the array is closed and that nothing follows it.
func (a *arrayRows) end() error {
	a.ended = true
	if _, err := a.dec.Token(); err != nil {
		return bodyError(err)
	}
	if _, err := a.dec.Token(); !errors.Is(err, io.EOF) {
		return fault.New(fault.Invalid, "submission.Submit",
			"Nothing may follow the JSON array.").WithCode("malformed-json")
	}
	return io.EOF
}

// bodyError turns a read or syntax error into one that a caller may see. A
// fault from the body (such as too large) is kept as it is.
func bodyError(err error) error {
	if f, ok := errors.AsType[*fault.Error](err); ok {
		return f
	}
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF // the end of the rows is something else
	}
	return fault.Wrap(fault.Invalid, "submission.Submit",
		"The body is not well-formed JSON.", err).WithCode("malformed-json")
}
