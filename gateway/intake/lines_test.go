package intake

import (
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

func TestLines(t *testing.T) {
	t.Parallel()
	long := `{"a":"` + strings.Repeat("x", MaxRow-8) + `"}`
	for name, c := range map[string]struct {
		body string
		want []got
	}{
		"blank lines":       {"\n \t\r\n{}\n\n{\"a\":1}\r\n\n", []got{{N: 1, Raw: "{}"}, {N: 2, Raw: `{"a":1}`}}},
		"no end of line":    {"{}", []got{{N: 1, Raw: "{}"}}},
		"mark":              {"\xef\xbb\xbf{}", []got{{N: 1, Raw: "{}"}}},
		"spaces around":     {"  {}\t\r\n {}", []got{{N: 1, Raw: "{}"}, {N: 2, Raw: "{}"}}},
		"no objects":        {"[1]\nx\n", []got{{N: 1, Raw: "[1]"}, {N: 2, Raw: "x"}}},
		"as long as may be": {long + "\r\n{}", []got{{N: 1, Raw: long}, {N: 2, Raw: "{}"}}},
		"too long":          {"{}\n" + long + " \n{}", []got{{N: 1, Raw: "{}"}, {N: 2, Codes: "row-too-large"}, {N: 3, Raw: "{}"}}},
		"too long, at end":  {"{}\n" + long + "xx", []got{{N: 1, Raw: "{}"}, {N: 2, Codes: "row-too-large"}}},
	} {
		for _, by := range []string{"as it is", "one byte at a time"} {
			body := strings.NewReader(c.body)
			src := Source{Format: NDJSON}
			rows, r, err := readAll(t, body, src)
			if by != "as it is" {
				rows, r, err = readAll(t, iotest.OneByteReader(strings.NewReader(c.body)), src)
			}
			if err != nil || r.Bytes() != int64(len(c.body)) {
				t.Errorf("%s, %s: %v", name, by, err)
			}
			if diff := cmp.Diff(c.want, rows); diff != "" {
				t.Errorf("%s, %s (-want +got):\n%.2000s", name, by, diff)
			}
		}
	}
}

func TestArray(t *testing.T) {
	t.Parallel()
	long := `{"a":"` + strings.Repeat("x", MaxRow-8) + `"}`
	for name, c := range map[string]struct {
		body string
		want []string
		code string // of the fault
		says string
	}{
		"empty":                {body: " [ ] \n"},
		"rows":                 {body: `[{"a":1},{"b":[1,{"c":"]"}]}]`, want: []string{`{"a":1}`, `{"b":[1,{"c":"]"}]}`}},
		"spaces":               {body: "\r\n[\t{} , {\"a\" : 1 }\n]\n", want: []string{`{}`, `{"a" : 1 }`}},
		"brackets in text":     {body: `[{"a":"]}\\\",["},{}]`, want: []string{`{"a":"]}\\\",["}`, `{}`}},
		"no objects":           {body: `[1,-2.5e3,"a,]",null,true,[[]],{}]`, want: []string{`1`, `-2.5e3`, `"a,]"`, `null`, `true`, `[[]]`, `{}`}},
		"a broken row":         {body: `[{"a":},{"b":tru},{}]`, want: []string{`{"a":}`, `{"b":tru}`, `{}`}},
		"as long as may be":    {body: "[" + long + ",{}]", want: []string{long, "{}"}},
		"too long":             {body: `[{},` + long + " ," + long[:10] + long[8:] + `,{}]`, want: []string{"{}", long, "", "{}"}},
		"an object":            {body: `{"a":1}`, code: "malformed-json", says: "x-ndjson"},
		"NDJSON":               {body: "{}\n{}\n", code: "malformed-json", says: "x-ndjson"},
		"text":                 {body: "source_id,area\n", code: "malformed-json"},
		"no comma":             {body: `[{} {}]`, want: []string{`{}`}, code: "malformed-json", says: "After row 1 "},
		"two commas":           {body: `[{},,{}]`, want: []string{`{}`}, code: "malformed-json", says: "After row 1 "},
		"comma at the end":     {body: `[{},{},]`, want: []string{`{}`, `{}`}, code: "malformed-json", says: "After row 2 "},
		"comma first":          {body: `[,{}]`, code: "malformed-json", says: "At the beginning"},
		"something behind":     {body: `[{}] {}`, want: []string{`{}`}, code: "malformed-json", says: "follows"},
		"second array":         {body: `[{}][]`, want: []string{`{}`}, code: "malformed-json"},
		"cut off":              {body: `[{},{"a":`, want: []string{`{}`}, code: "malformed-json", says: "After row 1 of the JSON array, the array is cut off"},
		"cut off in a text":    {body: `[{},"a\`, want: []string{`{}`}, code: "malformed-json", says: "cut off"},
		"cut off behind a row": {body: `[{}`, want: []string{`{}`}, code: "malformed-json", says: "cut off"},
		"cut off at once":      {body: `[`, code: "malformed-json", says: "cut off"},
		"wrong bracket":        {body: `[{},{"a":[1},{}]`, want: []string{`{}`}, code: "malformed-json", says: "After row 1 "},
		"nothing":              {body: "  ", code: "malformed-json"},
		"NUL":                  {body: "[\x00]", want: []string{"\x00"}},
	} {
		for _, slow := range []bool{false, true} {
			src := Source{Format: JSONArray}
			rows, _, err := readText(t, c.body, src)
			if slow {
				rows, _, err = readAll(t, iotest.OneByteReader(strings.NewReader(c.body)), src)
			}
			if codeOf(err) != c.code || c.says != "" && !strings.Contains(err.Error(), c.says) {
				t.Errorf("%s: code %q, want %q that says %q: %v", name, codeOf(err), c.code, c.says, err)
			}
			if diff := cmp.Diff(c.want, raws(rows)); diff != "" {
				t.Errorf("%s (-want +got):\n%.2000s", name, diff)
			}
		}
	}
}
