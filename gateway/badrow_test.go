package gateway_test

import (
	"net/http"
	"strings"
	"testing"
)

// spoiltRow is a row that cannot be taken, as a change of the text of a good one.
type spoiltRow struct {
	name string
	// csv and json spoil the text of a row; nil where the format has no such thing.
	csv, json func(row string) string
	// codes are what is said of the row, for CSV and for JSON; empty where it is taken.
	codes [2]string
	// lines says that a JSON array with such a row has no end.
	lines bool
}

func replaced(from, to string) func(string) string {
	return func(row string) string { return strings.Replace(row, from, to, 1) }
}

func spoiltRows() []spoiltRow {
	const given, date, note = "Zephyrcanary", "2026-08-17", "Summarycanary is afraid."
	big := strings.Repeat("Summarycanary ", 5<<10)
	return []spoiltRow{
		{"Latin-1", replaced(given, given+"\xe9"), replaced(given, given+"\xe9"), [2]string{"csv-encoding", "json-utf8"}, false},
		{"NUL", replaced(given, given+"\x00"), replaced(given, given+`\u0000`), [2]string{"csv-nul", "json-nul"}, false},
		{"a raw NUL", nil, replaced(given, given+"\x00"), [2]string{"", "json-syntax"}, false},
		{"half a surrogate pair", replaced(given, given+"\xed\xa0\x80"), replaced(given, given+`\ud800`), [2]string{"csv-encoding", "json-surrogate"}, false},
		{"the wrong half", nil, replaced(given, given+`\udc00\ud800`), [2]string{"", "json-surrogate"}, false},
		{"ragged, short", func(row string) string { return row[:strings.LastIndexByte(row, ',')] + "\r\n" }, nil, [2]string{"csv-ragged", ""}, false},
		{"ragged, long", replaced("\r\n", ",Quokkacanary\r\n"), nil, [2]string{"csv-ragged", ""}, false},
		{"a quote that does not end", replaced(given, `"`+given), nil, [2]string{"csv-quote", ""}, false},
		{"a quote within a cell", replaced(given, given+`"`), replaced(given, given+`"`), [2]string{"csv-quote", "json-syntax"}, true},
		{"a number beyond 2^53", replaced(`,false,`, `,9007199254740993,`), replaced(`false`, `9007199254740993`), [2]string{"type", "json-number"}, false},
		{"a number beyond all", nil, replaced(`false`, `1e400`), [2]string{"", "json-number"}, false},
		{"a number of a thousand digits", nil, replaced(`false`, strings.Repeat("7", 1000)), [2]string{"", "json-number"}, false},
		{"a date that does not exist", replaced(date, "2026-02-30"), replaced(date, "2026-02-30"), [2]string{"date-none", "date-none"}, false},
		{"a British date that does not exist", replaced(date, "31/04/2026"), nil, [2]string{"date-none", ""}, false},
		{"a day of a year without it", replaced(date, "2025-02-29"), replaced(date, "2025-02-29"), [2]string{"date-none", "date-none"}, false},
		{"a key with $", nil, replaced(`"summary":`, `"$where":`), [2]string{"", "json-key"}, false},
		{"a key with $ that is personal", nil, replaced(`"summary":`, `"$Quokkacanary":`), [2]string{"", "json-key"}, false},
		{"a key with a point", nil, replaced(`"summary":`, `"summary.Quokkacanary":`), [2]string{"", "json-key"}, false},
		{"an escaped $ in a key", nil, replaced(`"summary":`, `"\u0024where":`), [2]string{"", "json-key"}, false},
		{"an operator as a value", nil, replaced(`"high"`, `{"$ne":"Quokkacanary"}`), [2]string{"", "json-key"}, false},
		{"$where as a code", replaced("high", "$where"), replaced("high", "$where"), [2]string{"not-in-list", "not-in-list"}, false},
		{"$where as a source id", replaced("C-", "$where"), replaced("C-", "$where"), [2]string{"pattern", "pattern"}, false},
		{"$where in free text", replaced(note, "$where: sleep(9)"), replaced(note, "$where: sleep(9)"), [2]string{"", ""}, false},
		{"a field twice", nil, replaced(`{`, `{"status":"open",`), [2]string{"", "json-duplicate-key"}, false},
		{"no object", nil, func(string) string { return `"Quokkacanary"` + "\n" }, [2]string{"", "json-not-object"}, false},
		{"an array", nil, func(row string) string { return "[" + strings.TrimSpace(row) + "]\n" }, [2]string{"", "json-not-object"}, false},
		{"nested a thousand deep", nil, replaced(`"high"`, strings.Repeat("[", 1000)+strings.Repeat("]", 1000)), [2]string{"", "json-depth"}, false},
		{"a row over 64 KiB", replaced(note, big), replaced(note, big), [2]string{"row-too-large", "row-too-large"}, false},
		{"a key that is personal", nil, replaced(`"summary":`, `"Quokkacanary 07700900456":`), [2]string{"", "unknown-field"}, false},
	}
}

// TestRowsOfBadFile sends each bad row between two good ones, in every format that can have
// it: the good ones are stored, the bad one is refused with its rule, and nobody
// repeats what stands in it.
func TestRowsOfBadFile(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	path := submissionsPath("housing.concern", "ISA-TH-WMP-001")
	var said []string
	n := 0
	next := func() map[string]any { n++; return canaryConcern(n) }
	for _, c := range spoiltRows() {
		for _, format := range []string{asCSV, asNDJSON, asJSON} {
			change, code := c.json, c.codes[1]
			write := func(row map[string]any) string { return jsonOf(t, row) + "\n" }
			if format == asCSV {
				change, code = c.csv, c.codes[0]
				write = func(row map[string]any) string { return cellsOf(t, row) }
			}
			if change == nil || format == asJSON && c.lines {
				continue
			}
			rows := []string{write(next()), change(write(next())), write(next())}
			body := strings.Join(rows, "")
			switch format {
			case asCSV:
				body = concernHeader + "\r\n" + body
			case asJSON:
				body = "[" + strings.Join(rows, ",") + "]"
			}
			t.Run(c.name+" in "+format, func(t *testing.T) {
				if got := h.in(t).trySpoilt(path, format, body, code); got != nil {
					said = append(said, got...)
				}
			})
		}
	}
	h.silent(said)
}

// trySpoilt submits three rows of which the second is refused with a code, or taken where
// that is empty. It returns what was said.
func (h *house) trySpoilt(path, format, body, code string) []string {
	h.t.Helper()
	before := h.stored().records
	r := h.call("housing-submitter", http.MethodPost, path, body, "Content-Type", format)
	var got submission
	r.want(http.StatusCreated, &got)
	want := int64(2)
	if code == "" {
		want = 3
	}
	if after := h.stored().records; got.Received != 3 || int64(got.Accepted) != want || int64(got.Rejected) != 3-want || after-before != want {
		h.t.Errorf("%d stored: %s", after-before, r.body)
	}
	for _, e := range got.Errors {
		if e.Row != 2 || e.Code != code || e.Message == "" || e.Remedy == "" {
			h.t.Errorf("%+v, want code %q", e, code)
		}
	}
	errs := h.call("housing-submitter", http.MethodGet, "/v1/submissions/"+got.SubmissionID+"/errors", nil).want(http.StatusOK, nil)
	return []string{string(r.body), string(errs.body)}
}
