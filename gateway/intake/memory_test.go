package intake

import (
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

// TestLargeRows reads rows of 100 MB in each format, and some of other sorts: the row is refused, the one
// after it is read, and memory stays where it was.
func TestLargeRows(t *testing.T) {
	const part = "the same sixty-four bytes over and over, as in a file gone wrong"
	const all, some = 100_000_000, 1_000_000
	src := csvOf(t, "housing.concern")
	big := func(size int64) io.Reader { return times(part, size/int64(len(part))) }
	for name, c := range map[string]struct {
		format Format
		body   io.Reader
		code   string
		rows   int
	}{
		"NDJSON, a text":            {NDJSON, join(`{"a":"`, big(all), "\"}\n{}"), "row-too-large", 2},
		"NDJSON, spaces":            {NDJSON, join(times(" ", some), "\n{}"), "row-too-large", 2},
		"array, a text":             {JSONArray, join(`[{"a":"`, big(all), `"},{}]`), "row-too-large", 2},
		"array, backslashes":        {JSONArray, join(`[{"a":"`, times(`\\`, some), `"},{}]`), "row-too-large", 2},
		"array, brackets":           {JSONArray, join(`[`, times(`[`, some), times(`]`, some), `,{}]`), "row-too-large", 2},
		"array, a list":             {JSONArray, join(`[[`, times(`{"a":1},`, some), `1],{}]`), "row-too-large", 2},
		"array, spaces between":     {JSONArray, join(`[1,`, times(" ", some), `{}]`), "", 2},
		"CSV, a line":               {CSV, join("source_id\n", big(all), "\na\n"), "row-too-large", 2},
		"CSV, a line in quotes":     {CSV, join("source_id\n\"", big(some), "\"\na\n"), "row-too-large", 2},
		"CSV, a line without quote": {CSV, join("source_id\na,\"", big(some), "\na\n"), "row-too-large", 2},
		"CSV, cells":                {CSV, join("source_id\n", times(",", some), "\na\n"), "row-too-large", 2},
		"CSV, blank lines":          {CSV, join("source_id\na\n", times("\r\n", some), "a\n"), "", 2},
	} {
		src.Format = c.format
		r, err := NewReader(c.body, src)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var codes []string
		rows, before := 0, allocated()
		for {
			row, err := r.Next()
			if err == io.EOF { //nolint:errorlint // the end itself
				break
			}
			if err != nil {
				t.Errorf("%s: %v", name, err)
				break
			}
			rows++
			for _, p := range row.Problems {
				codes = append(codes, p.Code)
			}
		}
		if grown := allocated() - before; grown > 1<<20 {
			t.Errorf("%s: %d KiB allocated", name, grown>>10)
		}
		if rows != c.rows || strings.Join(codes, " ") != c.code {
			t.Errorf("%s: %d rows, %q", name, rows, codes)
		}
		if r.Bytes() < some {
			t.Errorf("%s: %d bytes", name, r.Bytes())
		}
	}
}

// TestManyBadQuotes goes on in time that grows with the file, whatever its quotes.
func TestManyBadQuotes(t *testing.T) {
	src := csvOf(t, "housing.concern")
	for _, line := range []string{"a,\"\n", "a,\"b\"c\n", "a\",\"\n", "a,\"\"\"\n", "\",\"\n", "a,b\"\n", "\"a\n\"b\n", "\"a\nb\n\"c\n"} {
		rows, _, err := readAll(t, join("source_id,area\n", times(line, 20_000)), src)
		if err != nil || len(rows) == 0 {
			t.Errorf("%q: %d rows, %v", line, len(rows), err)
		}
	}
	// The worst: each line opens a quoted cell that ends wrongly 60 KiB later.
	block := "a,\"x\n" + strings.Repeat("b,c\n", 15_000) + "\"d\n"
	rows, _, err := readAll(t, join("source_id,area\n", times(block, 10)), src)
	if err != nil || len(rows) != 10*15_002 {
		t.Errorf("%d rows, %v", len(rows), err)
	}
}

// TestManyRows keeps what is allocated for a row small.
func TestManyRows(t *testing.T) {
	const n = 50_000
	src := csvOf(t, "housing.concern")
	cells := "C-1,E06000020,31/01/2025,\"He said \"\"no\"\"\"\n"
	for _, c := range []struct {
		format Format
		body   io.Reader
		each   uint64 // bytes for each row
	}{
		{NDJSON, times("{\"source_id\":\"a\"}\n", n), 1},
		{JSONArray, join("[", times("{\"source_id\":\"a\"},", n), "{}]"), 1},
		{CSV, join("source_id,area,reported_on,summary\n", times(cells, n)), 100},
	} {
		src.Format = c.format
		before := allocated()
		r, err := NewReader(c.body, src)
		for err == nil {
			_, err = r.Next()
		}
		if !errors.Is(err, io.EOF) {
			t.Fatal(err)
		}
		if grown := allocated() - before; grown > n*c.each+1<<20 {
			t.Errorf("%s: %d bytes for each row", c.format, grown/n)
		}
	}
}

// TestNoGoroutines reads half of a body and forgets it.
func TestNoGoroutines(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	for _, encoding := range []Encoding{Gzip, Zstd} {
		body := gzipped(t, strings.NewReader(manyRows(10_000)))
		if encoding == Zstd {
			body = zstded(t, strings.NewReader(manyRows(10_000)))
		}
		r, err := NewReader(strings.NewReader(string(body)), Source{Format: NDJSON, Encoding: encoding})
		if err == nil {
			_, err = r.Next()
		}
		if err != nil {
			t.Error(err)
		}
		runtime.KeepAlive(r)
	}
}
