package intake

import (
	"bytes"
	"io"

	"github.com/concord-gateway/concord/gateway/dataset"
	"github.com/concord-gateway/concord/gateway/fault"
)

// Source says what a body is.
type Source struct {
	Format   Format
	Encoding Encoding
	// Dataset is what the rows are of; CSV is read by its fields.
	Dataset *dataset.Dataset
	// Provider is the agency that sends, whose own names for columns are taken.
	Provider string
}

// Reader yields the rows of a body one after the other. It holds one row and a
// window of fixed size, whatever is sent, and starts no goroutine. It is not safe
// for concurrent use.
type Reader struct {
	body *body
	w    *window
	rows rows
	csv  *csvRows // nil for other formats
	row  Row
	err  error // what ended the reading
}

// rows reads one format. next fills a row, or returns io.EOF or a fault.
type rows interface {
	next(row *Row) error
}

// NewReader decompresses a body, tells a file of another kind and reads the header
// of a CSV file. A fault of kind Invalid says what is wrong with the file, one of
// kind TooLarge that it is a bomb; other faults are those of the body itself.
func NewReader(from io.Reader, src Source) (*Reader, error) {
	b, err := openBody(from, src.Encoding)
	if err != nil {
		return nil, err
	}
	r := &Reader{body: b, w: newWindow(b)}
	if err := r.open(src); err != nil {
		b.free()
		return nil, err
	}
	return r, nil
}

func (r *Reader) open(src Source) error {
	const mark = "\xef\xbb\xbf"
	start := r.w.peek(sniffed)
	if bytes.HasPrefix(start, []byte(mark)) { // RFC 8259 section 8.1 lets a reader pass over it
		start = start[len(mark):]
		r.w.start += len(mark)
	}
	if len(start) == 0 && r.w.err != io.EOF { //nolint:errorlint // the end itself
		return r.w.err
	}
	if err := sniff(start); err != nil {
		return err
	}
	switch src.Format {
	case JSONArray:
		r.rows = &array{w: r.w}
		return nil
	case NDJSON:
		r.rows = &lines{w: r.w}
		return nil
	case CSV:
		csv, err := newCSV(r.w, src)
		r.rows, r.csv = csv, csv
		return err
	}
	return fault.New(fault.Invalid, "intake.NewReader", "The body must be application/json, application/x-ndjson or text/csv.").
		WithCode("unsupported-media-type")
}

// Next returns the next row, which is valid until the next call. It returns io.EOF
// after the last one; a fault of kind Invalid means that nothing behind the last
// row can be read, and other faults come from the body. Rows are numbered from 1
// without gaps.
func (r *Reader) Next() (*Row, error) {
	if r.err != nil {
		return nil, r.err
	}
	n := r.row.N + 1
	r.row = Row{N: n}
	if err := r.rows.next(&r.row); err != nil {
		r.row = Row{N: n - 1}
		r.err = err
		r.body.free()
		return nil, err
	}
	return &r.row, nil
}

// Bytes is how much of the decompressed body has been consumed.
func (r *Reader) Bytes() int64 { return r.w.consumed() }

// Header is the header of a CSV file as it was sent, and nil for other formats.
func (r *Reader) Header() []string {
	if r.csv == nil {
		return nil
	}
	return r.csv.header
}

// ColumnOf returns the heading of the column that a pointer into a row came from,
// also one into a list, or an empty string.
func (r *Reader) ColumnOf(pointer string) string {
	if r.csv == nil {
		return ""
	}
	return r.csv.columnOf(pointer)
}

// refuse adds a problem to the row.
func (row *Row) refuse(e RowError) {
	e.Row = row.N
	row.Problems = append(row.Problems, e)
}
