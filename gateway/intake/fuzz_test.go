package intake

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/concord-gateway/concord/gateway/fault"
)

// faultless are the kinds of fault that a body of bytes may end with.
func faultless(tb testing.TB, err error) {
	tb.Helper()
	if err != nil && !fault.Is(err, fault.Invalid) && !fault.Is(err, fault.TooLarge) {
		tb.Errorf("%v", err)
	}
}

// sameSlowly reads the body again in the smallest pieces: where a read ends must not
// matter.
func sameSlowly(tb testing.TB, body []byte, src Source, rows []got, err error) {
	tb.Helper()
	again, _, err2 := readAll(tb, iotest.OneByteReader(bytes.NewReader(body)), src)
	if diff := cmp.Diff(rows, again); diff != "" {
		tb.Errorf("in pieces (-whole +pieces):\n%.1000s", diff)
	}
	if codeOf(err) != codeOf(err2) {
		tb.Errorf("in pieces: %v, not %v", err2, err)
	}
}

func FuzzLines(f *testing.F) {
	for _, seed := range []string{"", "{}", "{}\n{}\n", "\n \t\r\n{\"a\":1}\r\n", "\xef\xbb\xbf{}", "\x00", "[1]\nx", "{}\x00{}"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		src := Source{Format: NDJSON}
		rows, r, err := readAll(t, bytes.NewReader(body), src)
		faultless(t, err)
		sameSlowly(t, body, src, rows, err)
		if err != nil {
			return
		}
		if r.Bytes() != int64(len(body)) {
			t.Errorf("%d bytes of %d", r.Bytes(), len(body))
		}
		var want []string
		for line := range strings.SplitSeq(strings.TrimPrefix(string(body), "\xef\xbb\xbf"), "\n") {
			if line = strings.Trim(line, " \t\r"); line != "" && len(line) <= MaxRow {
				want = append(want, line)
			}
		}
		if len(body) <= MaxRow {
			if diff := cmp.Diff(want, raws(rows)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		}
	})
}

func FuzzArray(f *testing.F) {
	for _, seed := range []string{
		"", "[]", `[{}]`, `[{"a":"]"},[1,"\\\""],-1.5e3,null]`, `[1 2]`, `[,]`, `{"a":1}`, "{}\n\n{}", `[{}] {}`, "\xef\xbb\xbf[]", `[{]`, `["\`, `[[[[]]]]`, "[\x00]",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		src := Source{Format: JSONArray}
		rows, r, err := readAll(t, bytes.NewReader(body), src)
		faultless(t, err)
		sameSlowly(t, body, src, rows, err)
		var want []json.RawMessage
		if json.Unmarshal(bytes.TrimPrefix(body, []byte("\xef\xbb\xbf")), &want) != nil || want == nil {
			// Not an array: the file is refused, or some row of it is no JSON.
			valid := err == nil
			for _, row := range rows {
				valid = valid && json.Valid([]byte(row.Raw))
			}
			if valid {
				t.Errorf("%q is taken for an array", body)
			}
			return
		}
		if err != nil || len(rows) != len(want) || r.Bytes() != int64(len(body)) {
			t.Fatalf("%q: %d rows, %v, want %d", body, len(rows), err, len(want))
		}
		for i := range want {
			if rows[i].Codes == "" && rows[i].Raw != string(want[i]) {
				t.Errorf("row %d is %q, want %q", i+1, rows[i].Raw, want[i])
			}
		}
	})
}

func FuzzCSV(f *testing.F) {
	for _, seed := range []string{
		"", "source_id\n", "source_id,n\na,1\n", "source_id,text\r\na,\"x \"\"y\"\"\r\nz\"\r\n", "source_id\ra\rb", "source_id,n\na\nb,1,2\n", "source_id,text\na,\"x\nb,y\n",
		"source_id,text\na,x\"y\n", "\xef\xbb\xbfRef,d,t,b\na,31/02/2025,30/03/2025 01:30,yes\n", "source_id,codes,numbers\na,PP;x,1;2\n", "source_id,text,text\n", "source_id;n\n",
		"source_id,text\na,\x00\nb,\xff\n", "\n,\nsource_id,,\n,,\na,,x\n", "sep=,\nsource_id\n", "source_id,home/rooms,home/landlord/name\na,1,b\n",
	} {
		f.Add([]byte(seed))
		if strings.HasPrefix(seed, "source_id") {
			f.Add([]byte(strings.TrimSuffix(seed, "\n")))
		}
	}
	d := kinds(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		src := Source{Format: CSV, Dataset: d}
		rows, r, err := readAll(t, bytes.NewReader(body), src)
		faultless(t, err)
		sameSlowly(t, body, src, rows, err)
		if err != nil {
			if r != nil {
				t.Errorf("a CSV file ends with %v behind its header", err)
			}
			return
		}
		if r.Bytes() != int64(len(body)) {
			t.Errorf("%d bytes of %d", r.Bytes(), len(body))
		}
		for _, row := range rows {
			if row.Codes == "" && (!json.Valid([]byte(row.Raw)) || !utf8.ValidString(row.Raw) || len(row.Cells) != len(r.Header())) {
				t.Errorf("row %d is %q from %q", row.N, row.Raw, row.Cells)
			}
		}
		sameAsStandard(t, string(body), rows, r)
	})
}

// sameAsStandard holds what was read of a file that encoding/csv takes as well
// against what it reads.
func sameAsStandard(t failer, body string, rows []got, r *Reader) {
	t.Helper()
	body = strings.TrimPrefix(body, "\xef\xbb\xbf")
	// A line that ends with CR alone is one to us only, and "sep=" is none.
	if strings.Contains(strings.ReplaceAll(body, "\r\n", "\n"), "\r") || strings.Contains(body, "sep=,") || len(body) > MaxRow {
		return
	}
	std := csv.NewReader(strings.NewReader(body))
	std.FieldsPerRecord = -1
	var want [][]string
	for {
		rec, err := std.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return
		}
		if !blank(rec) {
			want = append(want, rec)
		}
	}
	have := [][]string{r.Header()}
	for _, row := range rows {
		have = append(have, row.Cells)
	}
	if diff := cmp.Diff(want, have); diff != "" {
		t.Errorf("encoding/csv reads %q otherwise (-standard +ours):\n%s", body, diff)
	}
}
