package dataset_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/concord-gateway/concord/gateway/dataset"
)

type found struct{ Pointer, Code string }

func list(problems []dataset.Problem) []found {
	var out []found
	for _, p := range problems {
		out = append(out, found{p.Pointer, p.Code})
	}
	return out
}

// TestProblems: each rule has its own code, at the field that breaks it, and
// none of them repeats a value.
func TestProblems(t *testing.T) {
	t.Parallel()
	const secret = "Xanthippe77"
	for _, c := range []struct {
		dataset string
		changes map[string]any
		want    []found
	}{
		{"housing.concern", map[string]any{"uprn": nil, "status": nil}, []found{{"/status", "required"}, {"/uprn", "required"}}},
		{"housing.concern", map[string]any{"shoe_size": secret}, []found{{"/shoe_size", "unknown-field"}}},
		{"housing.concern", map[string]any{"Smith 9434765870": secret}, []found{{"", "unknown-field"}}},
		{"housing.concern", map[string]any{"area": secret}, []found{{"/area", "ons-format"}}},
		{"housing.concern", map[string]any{"area": "E23000016"}, []found{{"/area", "pattern"}}},
		{"housing.concern", map[string]any{"concern_type": secret}, []found{{"/concern_type", "not-in-list"}}},
		{"housing.concern", map[string]any{"children_present": secret}, []found{{"/children_present", "type"}}},
		{"housing.concern", map[string]any{"postcode": secret}, []found{{"/postcode", "postcode-format"}}},
		{"housing.concern", map[string]any{"reported_on": "2025-02-30"}, []found{{"/reported_on", "date-none"}}},
		{"housing.concern", map[string]any{"given_name": "--"}, []found{{"/given_name", "name-empty"}}},
		{"housing.concern", map[string]any{"summary": strings.Repeat(secret, 100)}, []found{{"/summary", "too-long"}}},
		{"housing.concern", map[string]any{"summary": ""}, []found{{"/summary", "too-short"}}},
		{"housing.tenancy", map[string]any{"household_size": 0}, []found{{"/household_size", "too-small"}}},
		{"housing.tenancy", map[string]any{"household_size": 2.5}, []found{{"/household_size", "type"}}},
		{"housing.tenancy", map[string]any{"household_size": 31}, []found{{"/household_size", "too-large"}}},
		{"health.substance_referral", map[string]any{"nhs_number": "9434765871"}, []found{{"/nhs_number", "nhs-number-check"}}},
		{"health.assault_attendance", map[string]any{"arrival_time": "2025-03-08 23:41"}, []found{{"/arrival_time", "datetime-format"}}},
		{"health.assault_attendance", map[string]any{"arrival_time": "2025-02-30T23:41:00Z"}, []found{{"/arrival_time", "datetime-format"}}},
		{"health.assault_attendance", map[string]any{"given_name": secret}, []found{{"/given_name", "unknown-field"}}},
		{"education.exclusion", map[string]any{"upn": "UN1"}, []found{{"/upn", "upn-unknown"}}},
		{"education.exclusion", map[string]any{"sessions": nil}, []found{{"/sessions", "required"}}},
		{"education.exclusion", map[string]any{"reasons": []any{}}, []found{{"/reasons", "too-few"}}},
		{"education.exclusion", map[string]any{"reasons": []any{"PP", "PA", "VP", "VA"}}, []found{{"/reasons", "too-many"}}},
		{"education.exclusion", map[string]any{"reasons": []any{"PP", "PP"}}, []found{{"/reasons", "duplicate-item"}}},
		{"education.exclusion", map[string]any{"academic_year": "2021/22"}, []found{{"/reasons/1", "not-in-list"}}},
		{"education.attendance", map[string]any{"code": "Y4"}, []found{{"/code", "not-in-list"}}},
		{"police.nominal", map[string]any{"handling_conditions": nil}, []found{{"/handling_conditions", "required"}}},
		{"police.nominal", map[string]any{"grading": "4AP"}, []found{{"/grading", "pattern"}}},
		{"police.ocg", map[string]any{"members": []any{"02/73319Z", secret}}, []found{{"/members/1", "pnc-id-format"}}},
		{"police.crime_count", map[string]any{"month": "2025-13"}, []found{{"/month", "month-format"}}},
		{"police.crime_count", map[string]any{"count": -1}, []found{{"/count", "too-small"}}},
		{"police.disruption", map[string]any{"level": "medium"}, []found{{"/level", "not-in-list"}}},
	} {
		row, problems := get(t, c.dataset).Validate(encode(t, with(c.dataset, c.changes)))
		if row != nil {
			t.Errorf("%s %v: a row", c.dataset, c.changes)
		}
		if diff := cmp.Diff(c.want, list(problems)); diff != "" {
			t.Errorf("%s %v:\n%s", c.dataset, c.changes, diff)
		}
		for _, p := range problems {
			if p.Message == "" || p.Remedy == "" || strings.Contains(p.Pointer+p.Message+p.Remedy, secret) {
				t.Errorf("%s: %+v", c.dataset, p)
			}
		}
	}
}

// TestInvariant05ProblemsHoldNoValue puts a name and a number where each field
// of each dataset is, in every JSON shape, and as a key.
func TestInvariant05ProblemsHoldNoValue(t *testing.T) {
	t.Parallel()
	const name, number = "Xanthippe Testwell", 9434765871.5
	for _, d := range shipped(t).All() {
		for _, f := range d.Fields {
			for _, value := range []any{name, number, []any{name, name}, []any{number}, map[string]any{name: name, "9434765871": number}} {
				changes := map[string]any{f.Pointer[1:]: value, name: name, "9434765871": name}
				row, problems := d.Validate(encode(t, with(d.Name, changes)))
				told := string(encode(t, map[string]any{"problems": problems}))
				if row != nil || len(problems) == 0 || strings.Contains(told, "Xanthippe") || strings.Contains(told, "943476") {
					t.Errorf("%s %s: %s", d.Name, f.Pointer, told)
				}
			}
		}
	}
}

// TestStrictJSON: what JSON readers disagree about is refused.
func TestStrictJSON(t *testing.T) {
	t.Parallel()
	d := get(t, "housing.concern")
	for _, c := range []struct{ name, raw, code, pointer string }{
		{"empty", "", "json-syntax", ""},
		{"not an object", `[{}]`, "json-not-object", ""},
		{"cut", `{"area":`, "json-syntax", "/area"},
		{"trailing", `{} {}`, "json-trailing", ""},
		{"trailing comma", `{"area":"a",}`, "json-syntax", ""},
		{"duplicate key", `{"area":"a","area":"b"}`, "json-duplicate-key", "/area"},
		{"duplicate key by escape", `{"area":"a","\u0061rea":"b"}`, "json-duplicate-key", "/area"},
		{"nested duplicate key", `{"area":[{"x":1,"x":2}]}`, "json-duplicate-key", "/area/0/x"},
		{"invalid UTF-8", "{\"area\":\"\xff\"}", "json-utf8", "/area"},
		{"invalid UTF-8 after an escape", "{\"area\":\"\\n\xff\"}", "json-utf8", "/area"},
		{"encoded surrogate", "{\"area\":\"\xed\xa0\x80\"}", "json-utf8", "/area"},
		{"lone high surrogate", `{"area":"\ud800"}`, "json-surrogate", "/area"},
		{"lone low surrogate", `{"area":"\udc00\ud800"}`, "json-surrogate", "/area"},
		{"two high surrogates", `{"area":"\ud800\ud800"}`, "json-surrogate", "/area"},
		{"NUL", `{"area":"a\u0000"}`, "json-nul", "/area"},
		{"raw control character", "{\"area\":\"a\x01\"}", "json-syntax", "/area"},
		{"dollar key", `{"$where":1}`, "json-key", ""},
		{"dotted key", `{"a.b":1}`, "json-key", ""},
		{"dollar key by escape", `{"\u0024where":1}`, "json-key", ""},
		{"2^53", `{"area":9007199254740992}`, "json-number", "/area"},
		{"2^53+1", `{"area":9007199254740993}`, "json-number", "/area"},
		{"-2^53", `{"area":-9007199254740992}`, "json-number", "/area"},
		{"infinite", `{"area":1e999}`, "json-number", "/area"},
		{"vanishing", `{"area":1e-999}`, "json-number", "/area"},
		{"long number", `{"area":0.` + strings.Repeat("1", 60) + `}`, "json-number", "/area"},
		{"leading zero", `{"area":01}`, "json-syntax", "/area"},
		{"plus", `{"area":+1}`, "json-syntax", "/area"},
		{"bare point", `{"area":1.}`, "json-syntax", "/area"},
		{"NaN", `{"area":NaN}`, "json-syntax", "/area"},
		{"comment", `{"area":/**/1}`, "json-syntax", "/area"},
		{"byte order mark", "\ufeff{}", "json-not-object", ""},
		{"deep", `{"area":` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + `}`, "json-depth", "/area" + strings.Repeat("/0", 15)},
		{"large", `{"area":"` + strings.Repeat("a", dataset.MaxRow) + `"}`, "row-too-large", ""},
	} {
		row, problems := d.Validate([]byte(c.raw))
		if row != nil || len(problems) != 1 || problems[0].Code != c.code || problems[0].Pointer != c.pointer {
			t.Errorf("%s: %v, %+v; want %s at %q", c.name, row, problems, c.code, c.pointer)
		}
	}
}

func TestEscapesAreRead(t *testing.T) {
	t.Parallel()
	d := get(t, "housing.concern")
	raw := strings.Replace(string(encode(t, sample("housing.concern"))), "Many short visits at night.",
		`\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00\u0001\u007f`, 1)
	row, problems := d.Validate([]byte(raw))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	if got, _ := row.At("/summary"); got != "\"\\/\b\f\n\r\té😀\x01\x7f" {
		t.Errorf("summary %q", got)
	}
	if want := `"summary":"\"\\/\b\f\n\r\té😀\u0001` + "\x7f" + `"`; !strings.Contains(string(row.Canonical), want) {
		t.Errorf("canonical %s, want %s in it", row.Canonical, want)
	}
}

// TestProblemsAreBounded: a row cannot make an answer of any size.
func TestProblemsAreBounded(t *testing.T) {
	t.Parallel()
	row := sample("housing.concern")
	for a := 'a'; a <= 'z'; a++ {
		for b := 'a'; b <= 'z'; b++ {
			row["x_"+string(a)+string(b)] = 1
		}
	}
	if _, problems := get(t, "housing.concern").Validate(encode(t, row)); len(problems) != 25 {
		t.Errorf("%d problems, want 25", len(problems))
	}
}

func FuzzValidate(f *testing.F) {
	all := shipped(f).All()
	for i, d := range all {
		f.Add(i, encode(f, sample(d.Name)))
	}
	f.Add(0, []byte(`{"area":"\ud83d\ude00","area":1e3}`))
	f.Fuzz(func(t *testing.T, n int, raw []byte) {
		d := all[uint(n)%uint(len(all))]
		row, problems := d.Validate(raw)
		if (row == nil) == (len(problems) == 0) {
			t.Fatalf("row %v with problems %v", row, problems)
		}
		if row == nil {
			return
		}
		again, err := d.Decode(row.Canonical)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(row, again); diff != "" {
			t.Fatalf("decoded differs:\n%s", diff)
		}
		// What is normalised is valid, and stays as it is.
		twice, problems := d.Validate(row.Canonical)
		if len(problems) > 0 || string(twice.Canonical) != string(row.Canonical) {
			t.Fatalf("%s: not stable: %v", row.Canonical, problems)
		}
	})
}

func BenchmarkValidate(b *testing.B) {
	for _, name := range []string{"housing.concern", "police.nominal", "education.exclusion"} {
		d := get(b, name)
		raw := encode(b, sample(name))
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, problems := d.Validate(raw); len(problems) > 0 {
					b.Fatal(problems)
				}
			}
		})
	}
}

func BenchmarkDecode(b *testing.B) {
	d := get(b, "housing.concern")
	canonical := valid(b, d, sample("housing.concern")).Canonical
	b.ReportAllocs()
	for b.Loop() {
		if _, err := d.Decode(canonical); err != nil {
			b.Fatal(err)
		}
	}
}
