// Package intake reads what partners send: bodies of several formats become rows,
// and rows are held against the dataset and the agreement. The gateway and the
// offline check of the command line (concord validate) use the same code, so that
// both say the same of every row.
package intake

// Format is the form of a body: a media type.
type Format string

// The formats.
const (
	JSONArray Format = "application/json"
	NDJSON    Format = "application/x-ndjson"
	CSV       Format = "text/csv"
)

// Encoding is the compression of a body: a content coding (RFC 9110 section 8.4.1).
type Encoding string

// The encodings.
const (
	Identity Encoding = ""
	Gzip     Encoding = "gzip"
	Zstd     Encoding = "zstd"
)

// MaxRow is the most bytes of one row, so that memory stays flat whatever is sent.
const MaxRow = 64 << 10

// Row is one row as it was sent.
type Row struct {
	// N is the number of the row, from 1. The header of a CSV file does not count.
	N int
	// Raw is the row as one JSON object, also where it came as CSV. It is valid until
	// the next row is read.
	Raw []byte
	// Cells are the cells of a CSV row in the order of the file, for the error file;
	// nil for other formats. Valid until the next row is read.
	Cells []string
	// Problems says why the row cannot be read at all; Raw is then empty or what was
	// read of it. The rows after it are not affected.
	Problems []RowError
}

// RowError says what is wrong with one row.
type RowError struct {
	// Row counts from 1.
	Row int `json:"row"`
	// Pointer is the RFC 6901 pointer of the field, or empty for the whole row.
	Pointer string `json:"pointer"`
	// Column is the header of the column that the field came from, where it was CSV.
	Column string `json:"column,omitempty"`
	// Code is the rule that the row breaks, stable and meant for machines.
	Code string `json:"code"`
	// Message says in a sentence what is wrong, and Remedy what to do. Neither repeats
	// a value of the row.
	Message string `json:"message"`
	Remedy  string `json:"remedy"`
}

// Rejected is a row that was refused, as it is kept (sealed) for the error file.
type Rejected struct {
	Errors []RowError `json:"errors"`
	// Cells is the row of a CSV file as it was sent; Raw the row of another format.
	Cells []string `json:"cells,omitempty"`
	Raw   string   `json:"raw,omitempty"`
}
