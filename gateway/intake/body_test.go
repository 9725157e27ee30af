package intake

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/klauspost/compress/zstd"

	"github.com/concord-gateway/concord/gateway/fault"
)

func gzipped(tb testing.TB, r io.Reader) []byte {
	tb.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := io.Copy(w, r); err != nil {
		tb.Fatal(err)
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

func zstded(tb testing.TB, r io.Reader, opts ...zstd.EOption) []byte {
	tb.Helper()
	var b bytes.Buffer
	w, err := zstd.NewWriter(&b, opts...)
	if err != nil {
		tb.Fatal(err)
	}
	if _, err := io.Copy(w, r); err != nil {
		tb.Fatal(err)
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

// manyRows are rows that do not compress beyond belief.
func manyRows(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "{\"source_id\":\"TH-%d\",\"x\":%d}\n", i, uint32(i)*2654435761)
	}
	return b.String()
}

// TestCompressed reads bodies that are compressed, also in several members.
func TestCompressed(t *testing.T) {
	t.Parallel()
	const rows = 5_000
	text := manyRows(rows)
	half := len(text) / 2
	twice := func(pack func(string) []byte) []byte { return append(pack(text[:half]), pack(text[half:])...) }
	gz := func(s string) []byte { return gzipped(t, strings.NewReader(s)) }
	zs := func(s string) []byte { return zstded(t, strings.NewReader(s)) }
	for name, c := range map[string]struct {
		encoding Encoding
		body     []byte
	}{
		"identity": {Identity, []byte(text)}, "named identity": {"identity", []byte(text)},
		"gzip": {Gzip, gz(text)}, "gzip of two members": {Gzip, twice(gz)},
		"zstd": {Zstd, zs(text)}, "zstd of two frames": {Zstd, twice(zs)},
	} {
		got, r, err := readAll(t, bytes.NewReader(c.body), Source{Format: NDJSON, Encoding: c.encoding})
		if err != nil || len(got) != rows || r.Bytes() != int64(len(text)) {
			t.Errorf("%s: %d rows, %v", name, len(got), err)
		}
		if c.encoding != Gzip && c.encoding != Zstd {
			continue
		}
		for cut := 1; cut < len(c.body); cut += len(c.body)/37 + 1 {
			if _, _, err := readAll(t, bytes.NewReader(c.body[:cut]), Source{Format: NDJSON, Encoding: c.encoding}); !fault.Is(err, fault.Invalid) ||
				codeOf(err) != "compression" && cut != half && len(c.body) != 2*cut {
				t.Errorf("%s cut off at %d: %v", name, cut, err)
			}
		}
		for _, more := range []string{"x", "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00", "{}\n"} {
			if _, _, err := readAll(t, join(string(c.body), more), Source{Format: NDJSON, Encoding: c.encoding}); codeOf(err) != "compression" {
				t.Errorf("%s with something behind it: %v", name, err)
			}
		}
	}
}

// TestBombs stops reading what grows beyond belief, before it takes memory.
func TestBombs(t *testing.T) {
	line := strings.Repeat(" ", 1023) + "\n"
	for name, c := range map[string]struct {
		encoding Encoding
		body     []byte
	}{
		"gzip": {Gzip, gzipped(t, times(line, 1<<15))}, // 32 MiB
		"zstd": {Zstd, zstded(t, times(line, 1<<15))},
	} {
		t.Logf("%s: %d bytes", name, len(c.body))
		before := allocated()
		r, err := NewReader(bytes.NewReader(c.body), Source{Format: NDJSON, Encoding: c.encoding})
		if err == nil {
			_, err = r.Next()
		}
		if !fault.Is(err, fault.TooLarge) || codeOf(err) != "compression-ratio" {
			t.Errorf("%s: %v", name, err)
		}
		if r != nil && r.Bytes() > 16<<20 {
			t.Errorf("%s: %d bytes were read", name, r.Bytes())
		}
		if grown := allocated() - before; grown > 24<<20 {
			t.Errorf("%s: %d MiB allocated", name, grown>>20)
		}
	}
	wide := zstded(t, times(manyRows(1000), 100), zstd.WithWindowSize(32<<20), zstd.WithEncoderLevel(zstd.SpeedFastest))
	if _, _, err := readAll(t, bytes.NewReader(wide), Source{Format: NDJSON, Encoding: Zstd}); codeOf(err) != "compression" || !strings.Contains(err.Error(), "8 MiB") {
		t.Errorf("a window of 32 MiB: %v", err)
	}
}

// allocated is how much memory was ever taken.
func allocated() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}

// TestOtherFiles refuses files of another kind, with what to do.
func TestOtherFiles(t *testing.T) {
	t.Parallel()
	text := "source_id,area\na,b\n"
	utf16 := func(mark string, high, low int) string {
		out := []byte(mark)
		for i := range len(text) {
			pair := [2]byte{}
			pair[low], pair[high] = text[i], 0
			out = append(out, pair[:]...)
		}
		return string(out)
	}
	utf32 := func(mark string) string {
		return mark + strings.Join(strings.Split(text, ""), "\x00\x00\x00") + "\x00\x00\x00"
	}
	for name, c := range map[string]struct{ body, code string }{
		"zip or xlsx":       {"PK\x03\x04\x14\x00\x06\x00", "archive"},
		"empty zip":         {"PK\x05\x06" + strings.Repeat("\x00", 18), "archive"},
		"gzip inside":       {string(gzipped(t, strings.NewReader(text))), "archive"},
		"zstd inside":       {string(zstded(t, strings.NewReader(text))), "archive"},
		"bzip2":             {"BZh91AY&SY\x00\x00", "archive"},
		"xz":                {"\xfd7zXZ\x00\x00", "archive"},
		"7z":                {"7z\xbc\xaf\x27\x1c\x00", "archive"},
		"rar":               {"Rar!\x1a\x07\x00", "archive"},
		"tar":               {"a.csv" + strings.Repeat("\x00", 252) + "ustar\x0000", "archive"},
		"old Excel":         {"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\x00", "file-type"},
		"PDF":               {"%PDF-1.7\n", "file-type"},
		"HTML":              {"<html><table>", "file-type"},
		"UTF-16LE":          {utf16("\xff\xfe", 1, 0), "encoding"},
		"UTF-16BE":          {utf16("\xfe\xff", 0, 1), "encoding"},
		"UTF-16LE, no mark": {utf16("", 1, 0), "encoding"},
		"UTF-16BE, no mark": {utf16("", 0, 1), "encoding"},
		"UTF-32LE":          {utf32("\xff\xfe\x00\x00"), "encoding"},
		"UTF-32LE, no mark": {utf32(""), "encoding"},
		"empty":             {"", "empty-body"},
		"only a mark":       {"\xef\xbb\xbf", "empty-body"},
	} {
		for _, format := range []Format{CSV, NDJSON, JSONArray} {
			for _, encoding := range []Encoding{Identity, Gzip, Zstd} {
				body := []byte(c.body)
				switch encoding {
				case Gzip:
					body = gzipped(t, strings.NewReader(c.body))
				case Zstd:
					body = zstded(t, strings.NewReader(c.body))
				}
				_, err := NewReader(bytes.NewReader(body), Source{Format: format, Encoding: encoding, Dataset: get(t, "housing.concern")})
				if !fault.Is(err, fault.Invalid) || codeOf(err) != c.code {
					t.Errorf("%s as %s %s: %v", name, format, encoding, err)
				}
			}
		}
	}
	for _, c := range []struct {
		src  Source
		code string
	}{{Source{Format: NDJSON, Encoding: "br"}, "unsupported-encoding"}, {Source{Format: "text/plain"}, "unsupported-media-type"}} {
		if _, _, err := readText(t, "{}", c.src); codeOf(err) != c.code {
			t.Errorf("%+v: %v", c.src, err)
		}
	}
	for _, encoding := range []Encoding{Gzip, Zstd} {
		if _, _, err := readText(t, "{}\n{}\n{}\n{}\n", Source{Format: NDJSON, Encoding: encoding}); codeOf(err) != "compression" {
			t.Errorf("plain text as %s: %v", encoding, err)
		}
		if _, _, err := readText(t, "", Source{Format: NDJSON, Encoding: encoding}); codeOf(err) != "empty-body" {
			t.Errorf("nothing as %s: %v", encoding, err)
		}
	}
	// A row may begin like an archive.
	if rows, _, err := readText(t, "BZh, source_id\nx,a\n", csvOf(t, "housing.concern")); err != nil || len(rows) != 1 {
		t.Errorf("a heading like bzip2: %v", err)
	}
}

// TestBodyBreaks lets the body fail after each part of its bytes: faults pass
// through, whatever lies between, and anything else is the sender's line.
func TestBodyBreaks(t *testing.T) {
	t.Parallel()
	text := manyRows(40)
	src := func(f Format, e Encoding) Source {
		return Source{Format: f, Encoding: e, Dataset: get(t, "housing.concern")}
	}
	bodies := map[Source][]byte{
		src(NDJSON, Identity): []byte(text), src(NDJSON, Gzip): gzipped(t, strings.NewReader(text)), src(NDJSON, Zstd): zstded(t, strings.NewReader(text)),
		src(JSONArray, Identity): []byte("[" + strings.ReplaceAll(strings.TrimSpace(text), "\n", ",\n") + "]"),
		src(CSV, Identity):       []byte("source_id,area\n" + strings.Repeat("a,\"b\"\n", 50)),
	}
	down := fault.New(fault.Unavailable, "test", "The store is gone.").WithCode("down")
	for src, body := range bodies {
		for at := 0; at < len(body); at += 41 {
			for _, c := range []struct {
				err  error
				kind fault.Kind
				code string
			}{{down, fault.Unavailable, "down"}, {io.ErrUnexpectedEOF, fault.Invalid, "body-broken"}, {errors.New("reset"), fault.Invalid, "body-broken"}, {notEnd{io.EOF}, fault.Invalid, "body-broken"}} {
				_, _, err := readAll(t, io.MultiReader(bytes.NewReader(body[:at]), iotest.ErrReader(c.err)), src)
				if !fault.Is(err, c.kind) || codeOf(err) != c.code {
					t.Fatalf("%s %s breaks at %d with %v: %v", src.Format, src.Encoding, at, c.err, err)
				}
			}
		}
	}
}
