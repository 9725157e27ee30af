package intake

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// csvRows reads CSV (RFC 4180) in UTF-8 and turns each record into a JSON object by
// the types of the dataset's fields. Records of only empty cells, as spreadsheets
// write them at the end, are passed over.
type csvRows struct {
	split splitter
	feed  feeder
	buf   *bufio.Reader
	csv   *csv.Reader
	cells []string
	json  []byte

	header   []string
	columns  []column // as in the file
	plan     []int    // indexes of columns, in the order in which they are written
	unheaded []int    // indexes of columns without a heading
}

// feeder hands one record to the parser, with the end of the line that it lost.
type feeder struct{ rest []byte }

func (f *feeder) Read(p []byte) (int, error) {
	if len(f.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(p, f.rest)
	f.rest = f.rest[n:]
	return n, nil
}

func newCSV(w *window, src Source) (*csvRows, error) {
	r := &csvRows{split: splitter{w: w}, json: make([]byte, 0, 1024)}
	r.buf = bufio.NewReaderSize(&r.feed, MaxRow/8)
	r.csv = csv.NewReader(r.buf)
	r.csv.FieldsPerRecord = -1
	r.csv.ReuseRecord = true
	if err := r.readHeader(src); err != nil {
		return nil, err
	}
	return r, nil
}

func (r *csvRows) next(row *Row) error {
	for {
		rec, flaw, err := r.split.record()
		if err != nil {
			return err
		}
		if flaw == none {
			if len(rec) == 0 {
				continue
			}
			if !r.parse(rec) {
				flaw = quotes
			}
		}
		if flaw != none {
			row.Raw = rec
			row.refuse(flawed(flaw))
			return nil
		}
		if blank(r.cells) {
			continue
		}
		row.Cells = r.cells
		r.read(row, rec)
		return nil
	}
}

func flawed(f flaw) RowError {
	if f == size {
		return tooLarge()
	}
	return RowError{
		Code: string(quotes),
		Message: "The quotation marks of the row are wrong: a quoted cell does not end, or there is a quotation mark where none may be. " +
			"Reading went on with the next line.",
		Remedy: `Put a cell that has quotation marks, commas or line breaks in quotation marks, and double those inside: "12"" knife".`,
	}
}

// parse takes a record apart into cells, which share one string.
func (r *csvRows) parse(rec []byte) bool {
	r.cells = r.cells[:0]
	if bytes.IndexByte(rec, '"') < 0 {
		rest := string(rec)
		for {
			i := strings.IndexByte(rest, ',')
			if i < 0 {
				break
			}
			r.cells = append(r.cells, rest[:i])
			rest = rest[i+1:]
		}
		r.cells = append(r.cells, rest)
		return true
	}
	r.feed.rest = rec
	r.buf.Reset(&r.feed)
	cells, err := r.csv.Read()
	if err != nil {
		return false
	}
	r.cells = append(r.cells, cells...)
	return true
}

func blank(cells []string) bool {
	for _, cell := range cells {
		if strings.TrimSpace(cell) != "" {
			return false
		}
	}
	return true
}

// read checks the cells of a row and writes them as a JSON object.
func (r *csvRows) read(row *Row, rec []byte) {
	if len(r.cells) != len(r.columns) {
		row.refuse(RowError{
			Code:    "csv-ragged",
			Message: fmt.Sprintf("The row has %s, and the header has %s.", counted(len(r.cells), "cell"), counted(len(r.columns), "column")),
			Remedy:  "Give every row as many cells as the header has. Put a cell with a comma or a line break in quotation marks.",
		})
		return
	}
	if !utf8.Valid(rec) || bytes.IndexByte(rec, 0) >= 0 {
		r.badText(row)
	}
	for _, i := range r.unheaded {
		if strings.TrimSpace(r.cells[i]) != "" {
			row.refuse(RowError{
				Code: "csv-no-heading", Message: fmt.Sprintf("The cell in column %d has no heading.", i+1),
				Remedy: "Give the column a heading, or empty the cell.",
			})
		}
	}
	if len(row.Problems) > 0 {
		return
	}
	r.json = r.appendObject(r.json[:0])
	row.Raw = r.json
}

// badText says which cells are no text.
func (r *csvRows) badText(row *Row) {
	for i, cell := range r.cells {
		e := RowError{Pointer: r.columns[i].pointer, Column: r.columns[i].heading}
		switch {
		case r.columns[i].ignored:
			continue
		case !utf8.ValidString(cell):
			e.Code, e.Message = "csv-encoding", "The cell is not UTF-8 text."
			e.Remedy = `Save the file as UTF-8; in Excel as "CSV UTF-8 (Comma delimited)".`
		case strings.IndexByte(cell, 0) >= 0:
			e.Code, e.Message, e.Remedy = "csv-nul", "The cell has a NUL character.", "Export the file again as text without control characters."
		default:
			continue
		}
		row.refuse(e)
	}
}

func counted(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
