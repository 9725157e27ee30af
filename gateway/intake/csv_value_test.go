package intake

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"
	_ "time/tzdata" // the test does not depend on what the machine has

	"github.com/google/go-cmp/cmp"

	"github.com/concord-gateway/concord/gateway/dataset"
)

// kinds is a dataset with a field of each kind.
func kinds(tb testing.TB) *dataset.Dataset {
	tb.Helper()
	const schema = `{"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Kinds",
"x-concord": {"name": "test.kinds", "version": "1.0.0", "kind": "anonymous", "source_id": "/source_id"},
"type": "object", "additionalProperties": false, "required": ["source_id"], "properties": {
"source_id": {"title": "Reference", "type": "string", "minLength": 1},
"n": {"title": "N", "type": "integer"}, "f": {"title": "F", "type": "number"}, "b": {"title": "B", "type": "boolean"},
"d": {"title": "D", "type": "string", "format": "date"}, "m": {"title": "M", "type": "string", "format": "year-month"},
"t": {"title": "T", "type": "string", "format": "date-time"}, "text": {"title": "Text", "type": "string"},
"code": {"title": "Code", "type": "string", "enum": ["/", "AM", "not_known", "x", "X"]},
"codes": {"title": "Codes", "type": "array", "items": {"type": "string", "enum": ["PP", "drug_use"]}},
"numbers": {"title": "Numbers", "type": "array", "items": {"type": "integer"}},
"days": {"title": "Days", "type": "array", "items": {"type": "string", "format": "date"}},
"home": {"title": "Home", "type": "object", "additionalProperties": false, "properties": {
  "postcode": {"title": "Postcode", "type": "string"}, "rooms": {"title": "Rooms", "type": "integer"},
  "landlord": {"title": "Landlord", "type": "object", "additionalProperties": false, "properties": {"name": {"title": "Name of it", "type": "string"}}}}}}}`
	const mapping = `{"headers": {"Ref": "source_id", "Landlord": "home/landlord/name"},
"values": {"code": {"Morning": "AM", "U/K": "not_known"}, "b": {"occasional": true}, "codes": {"Drugs": "drug_use"}, "n": {"none": 0}},
"providers": {"severn-homes": {"headers": {"Ref no": "source_id", "Ref": "text"}, "values": {"code": {"M": "AM", "morning": "X"}}}}}`
	r, err := dataset.Load(fstest.MapFS{"test.kinds.schema.json": {Data: []byte(schema)}, "test.kinds.mapping.json": {Data: []byte(mapping)}})
	if err != nil {
		tb.Fatal(err)
	}
	d, _ := r.Get("test.kinds")
	return d
}

// TestValues says what becomes of a cell in a column of each kind.
func TestValues(t *testing.T) {
	t.Parallel()
	d := kinds(t)
	for field, cells := range map[string]map[string]string{
		"n": {
			"7": `7`, " 7 ": `7`, "-7": `-7`, "0": `0`, "7.0": `7.0`, "1e3": `1e3`, "9007199254740993": `9007199254740993`, "none": `0`,
			"007": `"007"`, "+7": `"+7"`, "7.": `"7."`, ".5": `".5"`, "1,5": `"1,5"`, "1e": `"1e"`, "-": `"-"`, "seven": `"seven"`, "0x7": `"0x7"`, "NaN": `"NaN"`,
		},
		"f": {"7.25": `7.25`, "1E-7": `1E-7`, "1e400": `1e400`, "£7": `"£7"`},
		"b": {
			"true": `true`, "TRUE": `true`, "Yes": `true`, "y": `true`, "1": `true`, "False": `false`, "NO": `false`, "n": `false`, "0": `false`,
			"Occasional": `true`, "maybe": `"maybe"`, "-1": `"-1"`, "unknown": `"unknown"`,
		},
		"d": {
			"2025-01-31": `"2025-01-31"`, "31/01/2025": `"2025-01-31"`, "1/2/2025": `"2025-02-01"`, "31-01-2025": `"2025-01-31"`, "31.1.2025": `"2025-01-31"`,
			"2025/01/31": `"2025-01-31"`, "31/01/2025 00:00": `"2025-01-31"`, "2025-01-31 00:00:00.000": `"2025-01-31"`, "2025-01-31T00:00:00": `"2025-01-31"`,
			"31/02/2025": `"2025-02-31"`, "01/31/2025": `"2025-31-01"`, "00/00/0000": `"0000-00-00"`, // the dataset says that they do not exist
			"31/01/25": `"31/01/25"`, "31/01-2025": `"31/01-2025"`, "31 Jan 2025": `"31 Jan 2025"`, "45688": `"45688"`, "31/01/2025 09:30": `"31/01/2025 09:30"`,
			"2025-01-31T00:00:00Z": `"2025-01-31T00:00:00Z"`, "31/01": `"31/01"`, "31/01/": `"31/01/"`, "/": `"/"`, "31/01/2025 ": `"2025-01-31"`, "31/01/2025x": `"31/01/2025x"`,
		},
		"m": {"2025-01": `"2025-01"`, "01/2025": `"2025-01"`, "1/2025": `"2025-01"`, "13/2025": `"2025-13"`, "1-2025": `"2025-01"`, "Jan-25": `"Jan-25"`, "01/25": `"01/25"`, "1/": `"1/"`},
		"t": {
			"2025-01-31T09:30:00Z": `"2025-01-31T09:30:00Z"`, "2025-07-31T09:30:00+01:00": `"2025-07-31T09:30:00+01:00"`, "2025-01-31T09:30:00.5+05:30": `"2025-01-31T09:30:00.5+05:30"`,
			"31/01/2025 09:30": `"2025-01-31T09:30:00Z"`, "31/07/2025 9:30:15": `"2025-07-31T09:30:15+01:00"`, "2025-07-31 09:30:00.000": `"2025-07-31T09:30:00.000+01:00"`, "2025-07-31T09:30": `"2025-07-31T09:30:00+01:00"`,
			"30/03/2025 00:59:59": `"2025-03-30T00:59:59Z"`, "30/03/2025 01:00": `"30/03/2025 01:00"`, "30/03/2025 01:59:59": `"30/03/2025 01:59:59"`, "30/03/2025 02:00": `"2025-03-30T02:00:00+01:00"`,
			"26/10/2025 00:59": `"2025-10-26T00:59:00+01:00"`, "26/10/2025 01:30": `"2025-10-26T01:30:00+01:00"`, "26/10/2025 02:00": `"2025-10-26T02:00:00Z"`,
			"31/02/2025 09:30": `"31/02/2025 09:30"`, "31/01/2025 24:00": `"31/01/2025 24:00"`, "31/01/2025 09:60": `"31/01/2025 09:60"`, "31/01/2025 09:30:60": `"31/01/2025 09:30:60"`,
			"31/01/2025": `"31/01/2025"`, "31/01/1995 09:30": `"31/01/1995 09:30"`, "31/01/25 09:30": `"31/01/25 09:30"`, "31/01/2025 9.30": `"31/01/2025 9.30"`, "31/01/2025 09:30 PM": `"31/01/2025 09:30 PM"`,
			"31/01/2025 09:30:00.": `"31/01/2025 09:30:00."`, "31/01/2025 9": `"31/01/2025 9"`, "31/01/2025 ": `"31/01/2025"`, "31/01/2025 09:3": `"31/01/2025 09:3"`,
		},
		"text": {"yes": `"yes"`, "7": `"7"`, "$where": `"$where"`, "a.b": `"a.b"`, `back\slash`: `"back\\slash"`, "tab\there": `"tab\u0009here"`, "31/01/2025": `"31/01/2025"`, "é": `"é"`, "a;b": `"a;b"`, "<&>": `"<&>"`},
		"code": {"/": `"/"`, "am": `"AM"`, "Not Known": `"not_known"`, "x": `"x"`, "X": `"X"`, "MORNING": `"AM"`, "u/k": `"not_known"`, "evening": `"evening"`},
		"codes": {
			"PP": `["PP"]`, "pp; Drug use ;": `["PP","drug_use"]`, ";": `[]`, "drugs;DRUGS": `["drug_use","drug_use"]`, "PP,x": `["PP,x"]`,
			`["PP"]`: `["PP"]`, `["PP"`: `["[\"PP\""]`,
		},
		"numbers": {"1;2; 3": `[1,2,3]`, "1;x": `[1,"x"]`, "[1, 2]": `[1, 2]`},
		"days":    {"31/01/2025;2025-02-01": `["2025-01-31","2025-02-01"]`},
	} {
		for cell, want := range cells {
			body := "source_id," + field + "\na,\"" + strings.ReplaceAll(cell, `"`, `""`) + "\"\n"
			rows, _, err := readText(t, body, Source{Format: CSV, Dataset: d})
			if err != nil || len(rows) != 1 {
				t.Errorf("%s %q: %d rows, %v", field, cell, len(rows), err)
				continue
			}
			var row map[string]json.RawMessage
			if err := json.Unmarshal([]byte(rows[0].Raw), &row); err != nil || string(row[field]) != want {
				t.Errorf("%s %q: %s, want %s (%v)", field, cell, row[field], want, err)
			}
		}
	}
}

// TestProviderNames lets a provider's own names win.
func TestProviderNames(t *testing.T) {
	t.Parallel()
	d := kinds(t)
	for provider, want := range map[string]string{"": `{"code":"AM","source_id":"a"}`, "severn-homes": `{"code":"X","source_id":"b","text":"a"}`} {
		header, cells := "Ref,code\n", "a,morning\n"
		if provider != "" {
			header, cells = "Ref,Ref No.,code\n", "a,b,MORNING\n"
		}
		rows, _, err := readText(t, header+cells, Source{Format: CSV, Dataset: d, Provider: provider})
		if diff := cmp.Diff([]string{want}, raws(rows)); err != nil || diff != "" {
			t.Errorf("%q: %v %s", provider, err, diff)
		}
	}
}

// TestObjects writes columns of fields within objects as objects.
func TestObjects(t *testing.T) {
	t.Parallel()
	body := "home/rooms,source_id,Landlord,home.postcode,n\n" +
		"3,a,Homes,WR1 2EY,1\n,b,Homes,,\n,c,,WR1 2EY,\n,d,,,2\n4,e,,,\n"
	want := []string{
		`{"home":{"landlord":{"name":"Homes"},"postcode":"WR1 2EY","rooms":3},"n":1,"source_id":"a"}`,
		`{"home":{"landlord":{"name":"Homes"}},"source_id":"b"}`, `{"home":{"postcode":"WR1 2EY"},"source_id":"c"}`,
		`{"n":2,"source_id":"d"}`, `{"home":{"rooms":4},"source_id":"e"}`,
	}
	rows, r, err := readText(t, body, Source{Format: CSV, Dataset: kinds(t)})
	if diff := cmp.Diff(want, raws(rows)); err != nil || diff != "" {
		t.Errorf("%v %s", err, diff)
	}
	if got := r.ColumnOf("/home/landlord/name"); got != "Landlord" {
		t.Errorf("column %q", got)
	}
	if _, _, err := readText(t, "source_id,home\n", Source{Format: CSV, Dataset: kinds(t)}); codeOf(err) != "csv-header-unknown" {
		t.Errorf("an object as a column: %v", err)
	}
}

// TestUKOffset holds the rule of summer time against the table of time zones, for
// each half hour of four years and the changes of forty.
func TestUKOffset(t *testing.T) {
	t.Parallel()
	london, err := time.LoadLocation("Europe/London")
	if err != nil {
		t.Fatal(err)
	}
	for year := 1996; year < 2037; year++ {
		at := time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC)
		for ; at.Year() == year; at = at.Add(30 * time.Minute) {
			if year%10 > 0 && at.Month() != time.March && at.Month() != time.October {
				continue
			}
			m := moment{year: at.Year(), month: int(at.Month()), day: at.Day(), clock: true, hour: at.Hour(), minute: at.Minute()}
			offset, exists := m.ukOffset()
			wall := at.Format("2006-01-02T15:04:05")
			var shown []string // the offsets with which a clock in London shows m, the first one first
			for _, o := range []string{"+01:00", "Z"} {
				instant, err := time.Parse(time.RFC3339, wall+o)
				if err != nil {
					t.Fatal(err)
				}
				if instant.In(london).Format("2006-01-02T15:04:05Z07:00") == wall+o {
					shown = append(shown, o)
				}
			}
			if exists != (len(shown) > 0) || exists && shown[0] != offset {
				t.Fatalf("%s: %q, %v; want of %q", wall, offset, exists, shown)
			}
		}
	}
}

// TestRemedies shows what somebody with a CSV file reads of each mistake.
func TestRemedies(t *testing.T) {
	t.Parallel()
	const head = "source_id,area,uprn,given_name,family_name,date_of_birth,postcode,tenancy_type,tenancy_status,tenancy_start,household_size,support_needs,fact_or_opinion,subject_category\n"
	const good = "T-1,E06000020,100012345678,Ada,Sample,31/01/1990,TF1 1AA,secure,current,1/2/2020,2,,fact,not_known\n"
	d := get(t, "housing.tenancy")
	for name, c := range map[string]struct{ old, now, code, pointer, remedy string }{
		"nothing wrong":      {"", "", "", "", ""},
		"a date that is not": {"31/01/1990", "31/02/1990", "date-none", "/date_of_birth", "31/01/2025"},
		"two-digit year":     {"31/01/1990", "31/01/90", "date-format", "/date_of_birth", "31/01/2025"},
		"American date":      {"31/01/1990", "01/31/1990", "date-none", "/date_of_birth", "31/01/2025"},
		"words for a number": {",2,,", ",two,,", "type", "/household_size", "a whole number in digits"},
		"beyond 2^53":        {",2,,", ",9007199254740993,,", "json-number", "/household_size", "Check the number."},
		"huge":               {",2,,", ",1e400,,", "json-number", "/household_size", "Check the number."},
		"no code":            {"secure", "freehold", "not-in-list", "/tenancy_type", "introductory"},
		"no code in a list":  {",2,,", ",2,care leaver;gambling,", "not-in-list", "/support_needs/1", "care_leaver"},
		"missing":            {"TF1 1AA", " ", "required", "/postcode", "Give the field"},
	} {
		rows, r, err := readText(t, head+strings.Replace(good, c.old, c.now, 1), Source{Format: CSV, Dataset: d})
		if err != nil || len(rows) != 1 {
			t.Fatal(name, err)
		}
		_, problems := d.Validate([]byte(rows[0].Raw))
		if c.code == "" {
			if len(problems) > 0 {
				t.Errorf("%s: %+v", name, problems)
			}
			continue
		}
		if len(problems) != 1 || problems[0].Code != c.code || problems[0].Pointer != c.pointer || !strings.Contains(problems[0].Remedy, c.remedy) {
			t.Errorf("%s: %+v", name, problems)
			continue
		}
		if r.ColumnOf(problems[0].Pointer) == "" {
			t.Errorf("%s: no column for %s", name, problems[0].Pointer)
		}
	}
}

// TestHostileJSON hands on rows that the dataset refuses, and no more than those.
func TestHostileJSON(t *testing.T) {
	t.Parallel()
	d := get(t, "housing.concern")
	rows := []struct{ raw, code string }{
		{`{"source_id":"a","summary":"\ud800"}`, "json-surrogate"}, {`{"source_id":"a","summary":"\u0000"}`, "json-nul"},
		{`{"source_id":9007199254740993}`, "json-number"}, {`{"$where":"1"}`, "json-key"}, {`{"a.b":"1"}`, "json-key"},
		{"{\"source_id\":\"Caf\xe9\"}", "json-utf8"}, {`{"source_id":"a","source_id":"b"}`, "json-duplicate-key"}, {`[1]`, "json-not-object"}, {`{"a":` + "\x00" + `}`, "json-syntax"},
	}
	good := `{"source_id":"C-1","area":"E06000020","uprn":"100","postcode":"TF1 1AA","concern_type":"cuckooing","reported_on":"2025-01-31",` +
		`"severity":"low","status":"open","summary":"$where: 1; {$gt: 0}","fact_or_opinion":"fact","subject_category":"not_known"}`
	var texts []string
	for _, r := range rows {
		texts = append(texts, r.raw, good)
	}
	for format, body := range map[Format]string{NDJSON: strings.Join(texts, "\n"), JSONArray: "[" + strings.Join(texts, ",") + "]"} {
		read, _, err := readText(t, body, Source{Format: format})
		if err != nil || !slices.Equal(raws(read), texts) {
			t.Fatalf("%s: %v, %q", format, err, raws(read))
		}
		for i, r := range read {
			_, problems := d.Validate([]byte(r.Raw))
			got := fmt.Sprint(problems)
			if i%2 == 1 && len(problems) > 0 || i%2 == 0 && (len(problems) != 1 || problems[0].Code != rows[i/2].code) {
				t.Errorf("%s row %d: %s", format, r.N, got)
			}
		}
	}
}
