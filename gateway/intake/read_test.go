package intake

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"strings"
	"sync"
	"testing"

	"github.com/concord-gateway/concord/gateway/dataset"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/schemas"
)

// shipped are the datasets that are part of the repository.
var shipped = sync.OnceValues(func() (*dataset.Registry, error) {
	sub, err := fs.Sub(schemas.Files, "datasets")
	if err != nil {
		return nil, err
	}
	return dataset.Load(sub)
})

func get(tb testing.TB, name string) *dataset.Dataset {
	tb.Helper()
	all, err := shipped()
	if err != nil {
		tb.Fatal(err)
	}
	d, ok := all.Get(name)
	if !ok {
		tb.Fatalf("there is no dataset %s", name)
	}
	return d
}

// failer is what tests of all sorts have.
type failer interface {
	Helper()
	Error(args ...any)
	Errorf(format string, args ...any)
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

// got is a row that outlives the reading.
type got struct {
	N     int
	Raw   string
	Cells []string
	Codes string // of the problems, with columns
}

// readAll reads everything, and checks what holds of every body: rows are dense and
// bounded, and an error is a fault.
func readAll(tb failer, body io.Reader, src Source) (rows []got, r *Reader, err error) {
	tb.Helper()
	r, err = NewReader(body, src)
	for err == nil {
		var row *Row
		if row, err = r.Next(); err != nil {
			break
		}
		g := got{N: row.N, Raw: string(row.Raw), Cells: append([]string(nil), row.Cells...)}
		for i, p := range row.Problems {
			if i > 0 {
				g.Codes += " "
			}
			g.Codes += p.Code
			if p.Column != "" {
				g.Codes += "@" + p.Column
			}
			if p.Row != row.N || p.Message == "" || p.Remedy == "" {
				tb.Errorf("row %d: the problem is %+v", row.N, p)
			}
		}
		if row.N != len(rows)+1 {
			tb.Fatalf("row %d comes after %d rows", row.N, len(rows))
		}
		if len(row.Raw) > 8*MaxRow {
			tb.Fatalf("a row of %d bytes", len(row.Raw))
		}
		rows = append(rows, g)
	}
	if err == io.EOF { //nolint:errorlint // the end itself
		return rows, r, nil
	}
	if f, ok := errors.AsType[*fault.Error](err); !ok || f.Code == "" || f.Message == "" || errors.Is(err, io.EOF) {
		tb.Errorf("the error is no fault with a code, or looks like the end: %#v", err)
	}
	return rows, r, err
}

func readText(tb failer, text string, src Source) ([]got, *Reader, error) {
	tb.Helper()
	return readAll(tb, strings.NewReader(text), src)
}

func codeOf(err error) string {
	if f, ok := errors.AsType[*fault.Error](err); ok {
		return f.Code
	}
	return ""
}

// raws are the texts of the rows.
func raws(rows []got) []string {
	var out []string
	for _, r := range rows {
		out = append(out, r.Raw)
	}
	return out
}

// repeat is a body of n times the same bytes, which is nowhere as a whole.
type repeat struct {
	part []byte
	left int64
	at   int
}

func (r *repeat) Read(p []byte) (int, error) {
	if r.left == 0 {
		return 0, io.EOF
	}
	n := 0
	for n < len(p) && r.left > 0 {
		c := copy(p[n:], r.part[r.at:])
		c = int(min(int64(c), r.left))
		n += c
		r.left -= int64(c)
		r.at = (r.at + c) % len(r.part)
	}
	return n, nil
}

func times(part string, n int64) io.Reader {
	return &repeat{part: bytes.Clone([]byte(part)), left: n * int64(len(part))}
}

func join(parts ...any) io.Reader {
	readers := make([]io.Reader, len(parts))
	for i, p := range parts {
		switch p := p.(type) {
		case string:
			readers[i] = strings.NewReader(p)
		case io.Reader:
			readers[i] = p
		}
	}
	return io.MultiReader(readers...)
}
