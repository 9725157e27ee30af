package intake

import (
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func csvOf(tb testing.TB, ds string) Source {
	tb.Helper()
	return Source{Format: CSV, Dataset: get(tb, ds), Provider: "telford-housing"}
}

// TestCSVRows reads files that are right, or have rows that are not.
func TestCSVRows(t *testing.T) {
	t.Parallel()
	src := csvOf(t, "housing.concern")
	long := strings.Repeat("x", MaxRow)
	for name, c := range map[string]struct {
		body string
		want []got
	}{
		"header only":                {"source_id\n", nil},
		"no end of line":             {"source_id\na", []got{{N: 1, Raw: `{"source_id":"a"}`, Cells: []string{"a"}}}},
		"byte order mark":            {"\xef\xbb\xbfsource_id\na\n", []got{{N: 1, Raw: `{"source_id":"a"}`, Cells: []string{"a"}}}},
		"CRLF":                       {"source_id\r\na\r\nb\r\n", []got{{N: 1, Raw: `{"source_id":"a"}`, Cells: []string{"a"}}, {N: 2, Raw: `{"source_id":"b"}`, Cells: []string{"b"}}}},
		"CR":                         {"source_id\ra\rb", []got{{N: 1, Raw: `{"source_id":"a"}`, Cells: []string{"a"}}, {N: 2, Raw: `{"source_id":"b"}`, Cells: []string{"b"}}}},
		"CR CR LF":                   {"source_id\r\r\na\r\r\nb", []got{{N: 1, Raw: `{"source_id":"a"}`, Cells: []string{"a"}}, {N: 2, Raw: `{"source_id":"b"}`, Cells: []string{"b"}}}},
		"blank lines":                {"\n\nsource_id,area\n\n,\n  , \na,\n\n", []got{{N: 1, Raw: `{"source_id":"a"}`, Cells: []string{"a", ""}}}},
		"sep line":                   {"sep=,\r\nsource_id\r\na", []got{{N: 1, Raw: `{"source_id":"a"}`, Cells: []string{"a"}}}},
		"another order":              {"area,source_id\nE1,a", []got{{N: 1, Raw: `{"area":"E1","source_id":"a"}`, Cells: []string{"E1", "a"}}}},
		"spelling of header":         {" Source-ID ,DATE OF BIRTH\na,b", []got{{N: 1, Raw: `{"date_of_birth":"b","source_id":"a"}`, Cells: []string{"a", "b"}}}},
		"aliases":                    {"Case Ref,D.O.B.\na,b", []got{{N: 1, Raw: `{"date_of_birth":"b","source_id":"a"}`, Cells: []string{"a", "b"}}}},
		"title":                      {"source_id,Who reported it\na,tenant", []got{{N: 1, Raw: `{"reporter_role":"tenant","source_id":"a"}`, Cells: []string{"a", "tenant"}}}},
		"unknown column":             {"source_id,Housing Officer\na,b", []got{{N: 1, Raw: `{"housing_officer":"b","source_id":"a"}`, Cells: []string{"a", "b"}}}},
		"columns of errors":          {"source_id,concord_row,Concord_Raw\na,7,\n,8,x\n", []got{{N: 1, Raw: `{"source_id":"a"}`, Cells: []string{"a", "7", ""}}, {N: 2, Raw: `{}`, Cells: []string{"", "8", "x"}}}},
		"no heading":                 {"source_id,,\na,,\nb,x,\nc,,", []got{{N: 1, Raw: `{"source_id":"a"}`, Cells: []string{"a", "", ""}}, {N: 2, Codes: "csv-no-heading", Cells: []string{"b", "x", ""}}, {N: 3, Raw: `{"source_id":"c"}`, Cells: []string{"c", "", ""}}}},
		"quotes":                     {"source_id,summary\n\"a\",\"He said \"\"no\"\", then\nleft.\"\nb,c", []got{{N: 1, Raw: `{"source_id":"a","summary":"He said \"no\", then\u000aleft."}`, Cells: []string{"a", "He said \"no\", then\nleft."}}, {N: 2, Raw: `{"source_id":"b","summary":"c"}`, Cells: []string{"b", "c"}}}},
		"ragged":                     {"source_id,area\na\nb,c,d\ne,f", []got{{N: 1, Codes: "csv-ragged", Cells: []string{"a"}}, {N: 2, Codes: "csv-ragged", Cells: []string{"b", "c", "d"}}, {N: 3, Raw: `{"area":"f","source_id":"e"}`, Cells: []string{"e", "f"}}}},
		"bare quote":                 {"source_id,area\na,12\" knife\nb,c", []got{{N: 1, Codes: "csv-quote", Raw: "a,12\" knife"}, {N: 2, Raw: `{"area":"c","source_id":"b"}`, Cells: []string{"b", "c"}}}},
		"text after quote":           {"source_id,area\n\"a\"b,x\nb,c", []got{{N: 1, Codes: "csv-quote", Raw: "\"a\"b,x"}, {N: 2, Raw: `{"area":"c","source_id":"b"}`, Cells: []string{"b", "c"}}}},
		"unterminated":               {"source_id,area\na,\"x\nb,y\nc,z", []got{{N: 1, Codes: "csv-quote", Raw: "a,\"x"}, {N: 2, Raw: `{"area":"y","source_id":"b"}`, Cells: []string{"b", "y"}}, {N: 3, Raw: `{"area":"z","source_id":"c"}`, Cells: []string{"c", "z"}}}},
		"unterminated, quotes later": {"source_id,area\na,\"x\nb,\"y\"\nc,z", []got{{N: 1, Codes: "csv-quote", Raw: "a,\"x"}, {N: 2, Raw: `{"area":"y","source_id":"b"}`, Cells: []string{"b", "y"}}, {N: 3, Raw: `{"area":"z","source_id":"c"}`, Cells: []string{"c", "z"}}}},
		"unterminated at the end":    {"source_id,area\na,\"x", []got{{N: 1, Codes: "csv-quote", Raw: "a,\"x"}}},
		"NUL":                        {"source_id,area\na,x\x00\nb,c", []got{{N: 1, Codes: "csv-nul@area", Cells: []string{"a", "x\x00"}}, {N: 2, Raw: `{"area":"c","source_id":"b"}`, Cells: []string{"b", "c"}}}},
		"not UTF-8":                  {"source_id,area\na,Caf\xe9\nb,c", []got{{N: 1, Codes: "csv-encoding@area", Cells: []string{"a", "Caf\xe9"}}, {N: 2, Raw: `{"area":"c","source_id":"b"}`, Cells: []string{"b", "c"}}}},
		"long line":                  {"source_id\n" + long + "x\nb", []got{{N: 1, Codes: "row-too-large"}, {N: 2, Raw: `{"source_id":"b"}`, Cells: []string{"b"}}}},
		"long line in quotes":        {"source_id\n\"" + long + "\"\nb", []got{{N: 1, Codes: "row-too-large"}, {N: 2, Raw: `{"source_id":"b"}`, Cells: []string{"b"}}}},
		"as long as may be":          {"source_id\n" + long + "\nb", []got{{N: 1, Raw: `{"source_id":"` + long + `"}`, Cells: []string{long}}, {N: 2, Raw: `{"source_id":"b"}`, Cells: []string{"b"}}}},
		"value that looks like code": {"source_id,summary\na,$where", []got{{N: 1, Raw: `{"source_id":"a","summary":"$where"}`, Cells: []string{"a", "$where"}}}},
	} {
		rows, _, err := readText(t, c.body, src)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(c.want, rows); diff != "" {
			t.Errorf("%s (-want +got):\n%.2000s", name, diff)
		}
	}
}

// TestCSVHeaders refuses files whose header leaves in doubt what a column is.
func TestCSVHeaders(t *testing.T) {
	t.Parallel()
	src := csvOf(t, "housing.concern")
	for name, c := range map[string]struct{ body, code string }{
		"duplicate":           {"source_id,area,area\n", "csv-header-duplicate"},
		"duplicate by alias":  {"source_id,area,LA Code\n", "csv-header-duplicate"},
		"unknown twice":       {"source_id,Officer, officer\n", "csv-header-duplicate"},
		"no header":           {"TH-1,E06000020,100\n", "csv-header-missing"},
		"only blank lines":    {"\n\n , \n", "csv-header-missing"},
		"dollar":              {"source_id,$where\n", "csv-header-unknown"},
		"not in letters":      {"source_id,\u0430rea\n", "csv-header-unknown"},
		"a number of someone": {"source_id,9434765919\n", "csv-header-unknown"},
		"semicolons":          {"source_id;area\na;b\n", "csv-separator"},
		"semicolons, sep":     {"sep=;\nsource_id;area\n", "csv-separator"},
		"tabs":                {"source_id\tarea\n", "csv-separator"},
		"no source id":        {"area,severity\n", "csv-header-source-id"},
		"quotes":              {"source_id,\"area\na,b", "csv-header-quote"},
		"not UTF-8":           {"source_id,Stra\xdfe\n", "encoding"},
		"NUL":                 {"source_id,a\x00\n", "encoding"},
		"long":                {"source_id," + strings.Repeat("x", MaxRow) + "\n", "csv-header-too-large"},
		"JSON":                {`[{"source_id":"a"}]`, "csv-header-missing"},
	} {
		rows, r, err := readText(t, c.body, src)
		if codeOf(err) != c.code || rows != nil || r != nil {
			t.Errorf("%s: %d rows, code %q, want %q: %v", name, len(rows), codeOf(err), c.code, err)
		}
	}
}

func TestColumnOf(t *testing.T) {
	t.Parallel()
	_, r, err := readText(t, "Exclusion ID,Reason Codes,Form Tutor,concord_row\n", csvOf(t, "education.exclusion"))
	if err != nil {
		t.Fatal(err)
	}
	for pointer, want := range map[string]string{
		"/source_id": "Exclusion ID", "/reasons": "Reason Codes", "/reasons/1": "Reason Codes", "/form_tutor": "Form Tutor",
		"/area": "", "": "", "/": "", "/x/y": "", "/concord_row": "",
	} {
		if got := r.ColumnOf(pointer); got != want {
			t.Errorf("%s: %q, want %q", pointer, got, want)
		}
	}
	if diff := cmp.Diff([]string{"Exclusion ID", "Reason Codes", "Form Tutor", "concord_row"}, r.Header()); diff != "" {
		t.Error(diff)
	}
}

// TestCSVAsStandard reads files of the characters that matter, whole and in small
// pieces, and holds what comes of those that encoding/csv takes against it.
func TestCSVAsStandard(t *testing.T) {
	t.Parallel()
	src := Source{Format: CSV, Dataset: kinds(t)}
	body := rapid.StringOfN(rapid.SampledFrom([]rune("\"\",,\n\n\r ax")), 0, 40, -1)
	rapid.Check(t, func(rt *rapid.T) {
		text := "source_id,n,x" + rapid.SampledFrom([]string{"\n", "\r\n"}).Draw(rt, "end") + body.Draw(rt, "body")
		rows, r, err := readAll(rt, strings.NewReader(text), src)
		if err != nil {
			rt.Fatalf("%q: %v", text, err)
		}
		again, _, err := readAll(rt, iotest.OneByteReader(strings.NewReader(text)), src)
		if diff := cmp.Diff(rows, again); err != nil || diff != "" {
			rt.Fatalf("%q in pieces: %v\n%s", text, err, diff)
		}
		sameAsStandard(rt, text, rows, r)
	})
}
