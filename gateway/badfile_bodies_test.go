package gateway_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
)

const (
	asCSV    = "text/csv"
	asNDJSON = "application/x-ndjson"
	asJSON   = "application/json"
)

// badFiles are the bodies that no reader takes. Each begins with good rows where it
// can.
func badFiles(t *testing.T) []badFile {
	t.Helper()
	rows, lines := concernHeader+"\r\n", ""
	for n := range 3 {
		rows += cellsOf(t, canaryConcern(n))
		lines += jsonOf(t, canaryConcern(n)) + "\n"
	}
	array := "[" + strings.ReplaceAll(strings.TrimSpace(lines), "\n", ",") + "]"
	texts := []badFile{{format: asCSV, body: []byte(rows)}, {format: asNDJSON, body: []byte(lines)}, {format: asJSON, body: []byte(array)}}
	header := func(from, to string) []byte { return []byte(strings.Replace(rows, from, to, 1)) }
	out := []badFile{
		{"Latin-1 in the header", asCSV, "", header("summary", "r\xe9sum\xe9"), 400, "encoding"},
		{"NUL in the header", asCSV, "", header("summary", "summ\x00ary"), 400, "encoding"},
		{"a heading twice", asCSV, "", header("severity", "status"), 400, "csv-header-duplicate"},
		{"a heading and its alias", asCSV, "", header("severity", "Status"), 400, "csv-header-duplicate"},
		{"an unknown heading twice", asCSV, "", []byte("source_id,nick,Nick\nC-1,Quokkacanary,Quokkacanary\n"), 400, "csv-header-duplicate"},
		{"a heading with $", asCSV, "", header("summary", "$where"), 400, "csv-header-unknown"},
		{"a heading that is personal", asCSV, "", header("summary", "07700900456"), 400, "csv-header-unknown"},
		{"a quote in the header", asCSV, "", header("summary", `"summary`), 400, "csv-header-quote"},
		{"no header", asCSV, "", []byte(strings.SplitN(rows, "\n", 2)[1]), 400, "csv-header-missing"},
		{"no source id", asCSV, "", header("source_id", "nick"), 400, "csv-header-source-id"},
		{"semicolons", asCSV, "", []byte(strings.ReplaceAll(rows, ",", ";")), 400, "csv-separator"},
		{"JSON as CSV", asCSV, "", []byte(array), 400, "csv-header-missing"},
		{"CSV as JSON", asJSON, "", []byte(rows), 400, "malformed-json"},
		{"NDJSON as JSON", asJSON, "", []byte(lines), 400, "malformed-json"},
		{"cut off in a row", asJSON, "", []byte(array[:len(array)-20]), 400, "malformed-json"},
		{"cut off after a row", asJSON, "", []byte(array[:len(array)-1]), 400, "malformed-json"},
		{"a quote that does not end", asJSON, "", []byte(strings.Replace(array, `"Zephyrcanary"`, `"Zephyrcanary`, 1)), 400, "malformed-json"},
		{"brackets of two kinds", asJSON, "", []byte(`[{"given_name":"Zephyrcanary"]]`), 400, "malformed-json"},
		{"something behind", asJSON, "", []byte(array + array), 400, "malformed-json"},
		{"gzip with something behind", asJSON, "gzip", append(gzipped(t, []byte(array)), "Zephyrcanary"...), 400, "compression"},
		{"no gzip", asNDJSON, "gzip", []byte(lines), 400, "compression"},
		{"no zstd", asNDJSON, "zstd", []byte(lines), 400, "compression"},
	}
	for _, f := range texts {
		out = append(out, wrapped(t, f)...)
	}
	return out
}

// wrapped are the ways in which a good file is sent so that it cannot be read.
func wrapped(t *testing.T, f badFile) []badFile {
	t.Helper()
	in := " in " + f.format
	text, gz, zs := f.body, gzipped(t, f.body), squeezed(t, f.body)
	bomb := append(bytes.Clone(text), bytes.Repeat([]byte(" "), 24<<20)...)
	return []badFile{
		{"nothing" + in, f.format, "", nil, 400, "empty-body"},
		{"nothing, compressed," + in, f.format, "gzip", gzipped(t, nil), 400, "empty-body"},
		{"UTF-16LE" + in, f.format, "", append([]byte("\xff\xfe"), utf16(string(text))...), 400, "encoding"},
		{"UTF-16BE without a mark" + in, f.format, "", append([]byte{0}, utf16(string(text))...), 400, "encoding"},
		{"zip" + in, f.format, "", zipped(t, "rows.csv", text), 400, "archive"},
		{"a workbook" + in, f.format, "", zipped(t, "xl/workbook.xml", text), 400, "archive"},
		{"zip in gzip" + in, f.format, "gzip", gzipped(t, zipped(t, "rows.csv", text)), 400, "archive"},
		{"gzip that is not announced" + in, f.format, "", gz, 400, "archive"},
		{"gzip in gzip" + in, f.format, "gzip", gzipped(t, gz), 400, "archive"},
		{"zstd in gzip" + in, f.format, "gzip", gzipped(t, zs), 400, "archive"},
		{"gzip in zstd" + in, f.format, "zstd", squeezed(t, gz), 400, "archive"},
		{"tar in gzip" + in, f.format, "gzip", gzipped(t, tarred(t, text)), 400, "archive"},
		{"gzip cut off" + in, f.format, "gzip", gz[:len(gz)-9], 400, "compression"},
		{"zstd cut off" + in, f.format, "zstd", zs[:len(zs)-5], 400, "compression"},
		{"a gzip bomb" + in, f.format, "gzip", gzipped(t, bomb), 413, "compression-ratio"},
		{"a zstd bomb" + in, f.format, "zstd", squeezed(t, bomb), 413, "compression-ratio"},
		{"a page" + in, f.format, "", []byte("<html>Zephyrcanary</html>"), 400, "file-type"},
		{"a document" + in, f.format, "", []byte("%PDF-1.7 Zephyrcanary"), 400, "file-type"},
	}
}

func gzipped(t *testing.T, text []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	finish(t, gzip.NewWriter(&b), text)
	return b.Bytes()
}

func squeezed(t *testing.T, text []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := zstd.NewWriter(&b, zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(1<<20))
	if err != nil {
		t.Fatal(err)
	}
	finish(t, w, text)
	return b.Bytes()
}

func finish(t *testing.T, w io.WriteCloser, text []byte) {
	t.Helper()
	_, err := w.Write(text)
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
}

func zipped(t *testing.T, name string, text []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	w, err := z.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(text); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func tarred(t *testing.T, text []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	if err := w.WriteHeader(&tar.Header{Name: "rows.csv", Mode: 0o600, Size: int64(len(text))}); err != nil {
		t.Fatal(err)
	}
	finish(t, w, text)
	return b.Bytes()
}

// longLine is a good row, one of n megabytes, and a good row.
func longLine(t *testing.T, format string, n int64) io.Reader {
	t.Helper()
	write := func(n int) string { return jsonOf(t, canaryConcern(n)) }
	open, before, after, shut := "", `{"summary":"`, `"}`, "\n"
	between := "\n"
	switch format {
	case asCSV:
		write = func(n int) string { return cellsOf(t, canaryConcern(n)) }
		open, before, after, between, shut = concernHeader+"\r\n", "C-2,", "\n", "", ""
	case asJSON:
		open, between, shut = "[", ",", "]"
	}
	return io.MultiReader(
		strings.NewReader(open+write(1)+between+before), io.LimitReader(endless{}, n<<20),
		strings.NewReader(fmt.Sprint(after, between, write(3), shut)))
}

// endless is text without end.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = "Summarycanary "[i%14]
	}
	return len(p), nil
}
