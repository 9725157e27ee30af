package intake

import (
	"encoding/csv"
	"io"
	"strconv"
	"strings"

	"github.com/concord-gateway/concord/gateway/dataset"
)

// added are the columns that an error file has behind those of the rows. The reader
// passes over them, so that a corrected error file can be sent as it is.
func added() []string {
	return []string{"concord_row", "concord_columns", "concord_rules", "concord_messages", "concord_remedies", "concord_raw"}
}

// ErrorFile writes refused rows as CSV: what was sent, one row a line, then what is
// wrong with it. Several errors of a row are joined by "; ".
//
// The rows of a CSV file have the columns that they came with. Those of another
// format have a column for each field of the dataset, lists with semicolons between
// their items. What does not fit into the columns, because the row could not be
// taken apart, has too many cells or has fields that the dataset does not know,
// stands as it was sent in concord_raw.
//
// The file begins with a byte order mark, without which spreadsheets take it for
// another encoding and spoil names when they save it.
type ErrorFile struct {
	w       *csv.Writer
	out     io.Writer
	begun   bool
	header  []string
	fields  []string // pointers of the columns, where the rows are JSON
	columns []int    // indexes of the cells that are written, where they are CSV
	width   int      // of the header as it was sent
	line    []string
}

// NewErrorFile returns an error file for rows of a dataset. header is that of the
// CSV file, or nil for rows of another format.
func NewErrorFile(w io.Writer, ds *dataset.Dataset, header []string) *ErrorFile {
	e := &ErrorFile{w: csv.NewWriter(w), out: w, width: len(header)}
	for i, heading := range header {
		if !strings.HasPrefix(dataset.HeaderName(heading), ignoredPrefix) { // of an error file that was sent again
			e.header = append(e.header, heading)
			e.columns = append(e.columns, i)
		}
	}
	if header != nil {
		return e
	}
	e.fields = append(e.fields, ds.SourceID)
	for i := range ds.Fields {
		if p := ds.Fields[i].Pointer; p != ds.SourceID {
			e.fields = append(e.fields, p)
		}
	}
	for _, pointer := range e.fields {
		e.header = append(e.header, pointer[1:])
	}
	return e
}

// Write adds a row.
func (e *ErrorFile) Write(r Rejected) error {
	if err := e.begin(); err != nil {
		return err
	}
	e.line = e.line[:0]
	raw := r.Raw
	if e.fields == nil {
		raw = e.appendCells(r)
	} else if e.appendFields(r.Raw) {
		raw = ""
	}
	e.appendErrors(r.Errors)
	e.line = append(e.line, raw)
	return e.w.Write(e.line)
}

// Flush writes what is held back; a file without rows gets its header.
func (e *ErrorFile) Flush() error {
	if err := e.begin(); err != nil {
		return err
	}
	e.w.Flush()
	return e.w.Error()
}

func (e *ErrorFile) begin() error {
	if e.begun {
		return nil
	}
	e.begun = true
	if _, err := io.WriteString(e.out, "\xef\xbb\xbf"); err != nil {
		return err
	}
	return e.w.Write(append(append(e.line, e.header...), added()...))
}

// appendCells adds the cells of a CSV row, and returns what does not fit.
func (e *ErrorFile) appendCells(r Rejected) (raw string) {
	for _, i := range e.columns {
		cell := ""
		if i < len(r.Cells) {
			cell = r.Cells[i]
		}
		e.line = append(e.line, cell)
	}
	if len(r.Cells) == 0 {
		return r.Raw
	}
	if len(r.Cells) <= e.width {
		return ""
	}
	var b strings.Builder
	w := csv.NewWriter(&b)
	_ = w.Write(r.Cells) // a Builder takes everything
	w.Flush()
	return strings.TrimSuffix(b.String(), "\n")
}

func (e *ErrorFile) appendErrors(errs []RowError) {
	row := ""
	if len(errs) > 0 {
		row = strconv.Itoa(errs[0].Row)
	}
	e.line = append(e.line, row)
	for _, part := range []func(*RowError) string{
		func(r *RowError) string {
			if r.Column != "" {
				return r.Column
			}
			return strings.TrimPrefix(r.Pointer, "/")
		},
		func(r *RowError) string { return r.Code },
		func(r *RowError) string { return r.Message },
		func(r *RowError) string { return r.Remedy },
	} {
		parts := make([]string, len(errs))
		for i := range errs {
			parts[i] = part(&errs[i])
		}
		e.line = append(e.line, strings.Join(parts, "; "))
	}
}
