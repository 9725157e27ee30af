package intake

import (
	"encoding/csv"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/concord-gateway/concord/gateway/dataset"
)

// rejectAll reads a body and refuses every row of it.
func rejectAll(tb failer, body string, src Source) (rows []got, file string) {
	tb.Helper()
	rows, r, err := readText(tb, body, src)
	if err != nil {
		tb.Fatal(err)
	}
	var b strings.Builder
	e := NewErrorFile(&b, src.Dataset, r.Header())
	for _, row := range rows {
		rejected := Rejected{Errors: []RowError{{Row: row.N, Pointer: "/area", Column: "LA Code", Code: "required", Message: "It is missing.", Remedy: "Give it."}}, Cells: row.Cells}
		if rejected.Cells == nil {
			rejected.Raw = row.Raw
		}
		if err := e.Write(rejected); err != nil {
			tb.Fatal(err)
		}
	}
	if err := e.Flush(); err != nil {
		tb.Fatal(err)
	}
	return rows, b.String()
}

// TestErrorFileCSV writes the columns as they came, what is wrong, and aside what
// does not fit into columns.
func TestErrorFileCSV(t *testing.T) {
	t.Parallel()
	src := csvOf(t, "housing.concern")
	rows, file := rejectAll(t, "Case Ref,concord_row,Summary\na,9,\"x, y\"\nb\nc,,d,\"e \"\"f\"\"\"\ng,\"h\n", src)
	if len(rows) != 4 {
		t.Fatalf("%d rows", len(rows))
	}
	lines, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(file, "\xef\xbb\xbf"))).ReadAll()
	if err != nil || !strings.HasPrefix(file, "\xef\xbb\xbf") {
		t.Fatal(err)
	}
	tail := func(n, raw string) []string {
		return []string{n, "LA Code", "required", "It is missing.", "Give it.", raw}
	}
	want := [][]string{
		{"Case Ref", "Summary", "concord_row", "concord_columns", "concord_rules", "concord_messages", "concord_remedies", "concord_raw"},
		append([]string{"a", "x, y"}, tail("1", "")...), append([]string{"b", ""}, tail("2", "")...),
		append([]string{"c", "d"}, tail("3", `c,,d,"e ""f"""`)...), append([]string{"", ""}, tail("4", `g,"h`)...),
	}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	again, _, err := readText(t, file, src)
	if err != nil || len(again) != 4 { // no row is taken for a blank line
		t.Errorf("sent again: %d rows, %v", len(again), err)
	}
}

// TestErrorFileJSON gives rows of JSON a column for each field.
func TestErrorFileJSON(t *testing.T) {
	t.Parallel()
	src := Source{Format: NDJSON, Dataset: kinds(t)}
	body := strings.Join([]string{
		`{"source_id":"a","n":9007199254740993,"b":false,"codes":["PP","x;y"],"numbers":[1,2],"home":{"landlord":{"name":"Homes"},"rooms":2}}`,
		`{"source_id":"b","codes":["PP","drug_use"],"text":"=1+1, \"x\"","other":1}`, `{"source_id":`, `[1]`,
	}, "\n")
	_, file := rejectAll(t, body, src)
	lines, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(file, "\xef\xbb\xbf"))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	cells := func(line int) map[string]string {
		out := map[string]string{}
		for i, cell := range lines[line] {
			if cell != "" && !slices.Contains([]string{"concord_columns", "concord_rules", "concord_messages", "concord_remedies"}, lines[0][i]) {
				out[lines[0][i]] = cell
			}
		}
		return out
	}
	for i, want := range []map[string]string{
		{"source_id": "a", "n": "9007199254740993", "b": "false", "codes": `["PP","x;y"]`, "numbers": "1;2", "home/landlord/name": "Homes", "home/rooms": "2", "concord_row": "1"},
		{"source_id": "b", "codes": "PP;drug_use", "text": `=1+1, "x"`, "concord_row": "2", "concord_raw": `{"source_id":"b","codes":["PP","drug_use"],"text":"=1+1, \"x\"","other":1}`},
		{"concord_row": "3", "concord_raw": `{"source_id":`},
		{"concord_row": "4", "concord_raw": `[1]`},
	} {
		if diff := cmp.Diff(want, cells(i+1)); diff != "" {
			t.Errorf("row %d (-want +got):\n%s", i+1, diff)
		}
	}
	again, _, err := readText(t, file, Source{Format: CSV, Dataset: src.Dataset})
	if err != nil || len(again) != 4 {
		t.Fatalf("sent again as CSV: %d rows, %v", len(again), err)
	}
	if !sameJSON(t, again[0].Raw, strings.Split(body, "\n")[0]) {
		t.Errorf("sent again as CSV, the first row is %s", again[0].Raw)
	}
}

func sameJSON(tb failer, a, b string) bool {
	tb.Helper()
	var x, y any
	if err := json.Unmarshal([]byte(a), &x); err != nil {
		tb.Error(err)
	}
	if err := json.Unmarshal([]byte(b), &y); err != nil {
		tb.Error(err)
	}
	return cmp.Equal(x, y)
}

// TestErrorFileEmpty writes a header at least.
func TestErrorFileEmpty(t *testing.T) {
	t.Parallel()
	for _, header := range [][]string{nil, {}, {"source_id"}} {
		var b strings.Builder
		if err := NewErrorFile(&b, kinds(t), header).Flush(); err != nil || !strings.Contains(b.String(), "concord_row,") {
			t.Errorf("%v: %q, %v", header, b.String(), err)
		}
	}
}

// TestErrorFileRoundTrip sends an error file without a correction: every row is as
// it was.
func TestErrorFileRoundTrip(t *testing.T) {
	t.Parallel()
	d := kinds(t)
	cell := rapid.OneOf(
		rapid.SampledFrom([]string{"", " ", "a", "31/01/2025", "7", "PP;drug_use", "yes", `"`, `""`, ",", "\n", "\r\n", ";", `\.`, "é", "=1", "a,b\nc", "x\r", "concord_row"}),
		rapid.StringMatching(`[ -~é\n]{0,12}`),
	)
	rapid.Check(t, func(t *rapid.T) {
		fields := rapid.Permutation(append(headings(d), "Other thing", "", "concord_row")).Draw(t, "header")
		fields = append(fields[:rapid.IntRange(0, len(fields)-1).Draw(t, "columns")], "Reference")
		fields = slices.DeleteFunc(fields, func(f string) bool { return f == "source_id" })
		var b strings.Builder
		w := csv.NewWriter(&b)
		w.UseCRLF = rapid.Bool().Draw(t, "CRLF")
		if err := w.Write(fields); err != nil {
			t.Fatal(err)
		}
		for range rapid.IntRange(0, 6).Draw(t, "rows") {
			row := make([]string, len(fields))
			for i := range row {
				if fields[i] != "" {
					row[i] = cell.Draw(t, "cell")
				}
			}
			if err := w.Write(row); err != nil {
				t.Fatal(err)
			}
		}
		w.Flush()
		src := Source{Format: CSV, Dataset: d}
		rows, file := rejectAll(t, b.String(), src)
		again, file2 := rejectAll(t, file, src)
		if diff := cmp.Diff(raws(rows), raws(again)); diff != "" {
			t.Fatalf("%q became %q (-want +got):\n%s", b.String(), file, diff)
		}
		if file != file2 {
			t.Fatalf("the error file of %q is another one: %q", file, file2)
		}
	})
}

func headings(d *dataset.Dataset) []string {
	var out []string
	for i := range d.Fields {
		out = append(out, d.Fields[i].Pointer[1:])
	}
	return out
}
