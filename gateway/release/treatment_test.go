package release_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/concord-gateway/concord/gateway/release"
)

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func testContext() release.Context {
	return release.Context{
		Now:       now,
		Pseudonym: func(pointer, value string) string { return fmt.Sprintf("p%d-%d", len(pointer), len(value)) },
		InArea:    func(code, within string) bool { return code == within || within == "E23000016" && code == "E07000237" },
		LocalAuthority: func(code string) string {
			return map[string]string{"E01032345": "E07000237", "E07000237": "E07000237"}[code]
		},
	}
}

func TestTreatments(t *testing.T) {
	cases := []struct {
		treatment release.Treatment
		in, want  any // want nil: not released
	}{
		{release.Full, "Amara", "Amara"},
		{release.Full, 3.0, 3.0},
		{release.Full, false, false},
		{release.Full, []any{"PP", "DM"}, []any{"PP", "DM"}},
		{release.Full, map[string]any{"a": "b"}, nil},
		{release.Full, nil, nil},
		{release.Mask, "Amara", "A****"},
		{release.Mask, "O'Neill-Ray", "O'*****-***"},
		{release.Mask, "X", "*"},
		{release.Mask, "9990000018", "********18"},
		{release.Mask, "2002/0073319Z", "****/******9Z"},
		{release.Mask, "12345", "*****"},
		{release.Mask, "1990-05-04", "****-**-**"},
		{release.Mask, "**", nil},
		{release.Mask, "-", nil},
		{release.Mask, 12345678.0, nil},
		{release.Year, "1990-05-04", "1990"},
		{release.Year, "2025-05-04T10:00:00Z", "2025"},
		{release.Year, "1990", nil},
		{release.Year, "04/05/1990", nil},
		{release.Month, "1990-05-04", "1990-05"},
		{release.Month, "2025-05-04T10:00:00+01:00", "2025-05"},
		{release.Month, "1990-05", nil},
		{release.AgeBand, "2016-03-02", "0-9"},
		{release.AgeBand, "2016-03-01", "10-15"},
		{release.AgeBand, "2010-03-01", "16-17"},
		{release.AgeBand, "2008-03-02", "16-17"},
		{release.AgeBand, "2008-02-29", "18-24"},
		{release.AgeBand, "2001-03-01", "25-34"},
		{release.AgeBand, "1991-01-01", "35-44"},
		{release.AgeBand, "1981-01-01", "45-54"},
		{release.AgeBand, "1971-01-01", "55-64"},
		{release.AgeBand, "1930-01-01", "65+"},
		{release.AgeBand, "2026-03-02", nil},
		{release.AgeBand, "unknown", nil},
		{release.OutwardCode, "WR1 2EY", "WR1"},
		{release.OutwardCode, "wr12ey", "WR1"},
		{release.OutwardCode, "EC1A 1BB", "EC1A"},
		{release.OutwardCode, "WR1", nil},
		{release.OutwardCode, "WR1 2E", nil},
		{release.AreaCode, "E01032345", "E07000237"},
		{release.AreaCode, "E07000237", "E07000237"},
		{release.AreaCode, "E99999999", nil},
		{release.Pseudonym, "9990000018", "p2-10"},
		{release.Pseudonym, 1.0, nil},
		{release.CountOnly, "x", nil},
		{release.Withhold, "x", nil},
		{"", "x", nil},
		{"FULL", "x", nil},
	}
	for _, c := range cases {
		values, treatments := release.NewProjection(map[string]release.Treatment{"/f": c.treatment}).Apply(release.Record{Value: map[string]any{"f": c.in}}, testContext())
		wantValues, wantTreatments := map[string]any{}, map[string]release.Treatment{}
		if c.want != nil {
			wantValues["/f"], wantTreatments["/f"] = c.want, c.treatment
		}
		if diff := cmp.Diff(wantValues, values) + cmp.Diff(wantTreatments, treatments); diff != "" {
			t.Errorf("%s of %v: %s", c.treatment, c.in, diff)
		}
	}
}

func TestTreatmentsFailClosedWithoutTheirFunctions(t *testing.T) {
	for _, treatment := range []release.Treatment{release.AreaCode, release.Pseudonym} {
		values, _ := release.NewProjection(map[string]release.Treatment{"/f": treatment}).Apply(release.Record{Value: map[string]any{"f": "E01032345"}}, release.Context{Now: now})
		if len(values) > 0 {
			t.Errorf("%s released %v", treatment, values)
		}
	}
}

func TestNestedAndEscapedFields(t *testing.T) {
	r := release.Record{Value: map[string]any{
		"home": map[string]any{"town": "Redditch", "postcode": "B97 4AA"}, "a/b": "slash", "m~n": "tilde",
		"members": []any{map[string]any{"name": "Idris"}, map[string]any{"name": "Maeve"}},
	}}
	fields := map[string]release.Treatment{
		"/home/town": release.Full, "/home": release.Full, "/home/postcode": release.Withhold, "/a~1b": release.Full, "/m~0n": release.Full,
		"/m~2n": release.Full, "/members": release.Full, "/members/1/name": release.Mask, "/members/01/name": release.Full, "/gone": release.Full, "": release.Full,
	}
	values, _ := release.NewProjection(fields).Apply(r, testContext())
	want := map[string]any{"/home/town": "Redditch", "/a~1b": "slash", "/m~0n": "tilde", "/members/1/name": "M****"}
	if diff := cmp.Diff(want, values); diff != "" {
		t.Error(diff)
	}
}

func TestAReleasedArrayIsACopy(t *testing.T) {
	inner := []any{"PP", []any{"DM"}}
	values, _ := release.NewProjection(map[string]release.Treatment{"/f": release.Full}).Apply(release.Record{Value: map[string]any{"f": inner}}, testContext())
	values["/f"].([]any)[1].([]any)[0] = "changed"
	if inner[1].([]any)[0] != "DM" {
		t.Error("the record changed")
	}
}

var treatments = []release.Treatment{
	release.Full, release.Mask, release.Year, release.Month, release.AgeBand, release.OutwardCode,
	release.AreaCode, release.Pseudonym, release.CountOnly, release.Withhold, "unheard_of",
}

// A field that nobody named is never released, whatever the record has and
// whatever else is named.
func TestInvariant02ApplyReleasesNamedFieldsOnly(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := release.Record{Value: map[string]any{}}
		fields := map[string]release.Treatment{}
		for i := range rapid.IntRange(1, 12).Draw(t, "fields") {
			name := fmt.Sprintf("f%d", i)
			r.Value[name] = fmt.Sprintf("secret value of <%s>", name)
			if rapid.Bool().Draw(t, "named") {
				fields["/"+name] = rapid.SampledFrom(treatments).Draw(t, "treatment")
			}
		}
		values, applied := release.NewProjection(fields).Apply(r, testContext())
		printed := fmt.Sprint(values)
		for name, v := range r.Value {
			if fields["/"+name] != release.Full && strings.Contains(printed, v.(string)) {
				t.Fatalf("%s got out under %q", name, fields["/"+name])
			}
		}
		for pointer := range values {
			if f := fields[pointer]; f == "" || f != applied[pointer] || f == release.Withhold || f == release.CountOnly || f == "unheard_of" {
				t.Fatalf("%s was released under %q", pointer, f)
			}
		}
		if len(applied) != len(values) {
			t.Fatalf("%d values, %d treatments", len(values), len(applied))
		}
	})
}

// Whatever the input, a treatment other than full does not hand it back.
func FuzzTreatment(f *testing.F) {
	for _, seed := range []string{"Amara", "1990-05-04", "WR1 2EY", "9990000018", "", "*", "E07000237", "0-9", "\xff", "2025-01-01T00:00:00Z"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		for _, treatment := range treatments[1:] {
			values, _ := release.NewProjection(map[string]release.Treatment{"/f": treatment}).Apply(release.Record{Value: map[string]any{"f": in}}, testContext())
			out, ok := values["/f"].(string)
			if !ok && len(values) > 0 {
				t.Fatalf("%s of %q gave %v", treatment, in, values)
			}
			if ok && strings.Contains(out, in) && treatment != release.AreaCode {
				t.Fatalf("%s of %q gave %q", treatment, in, out)
			}
		}
	})
}

// A pointer never finds what is not there, and never panics.
func FuzzPointer(f *testing.F) {
	for _, seed := range []string{"/a", "/a/0", "/a~1b", "/a~", "", "a", "/", "//", "/b/c/1"} {
		f.Add(seed)
	}
	r := release.Record{Value: map[string]any{"a": []any{"x"}, "a/b": "y", "b": map[string]any{"c": []any{1.0, "z"}}}}
	f.Fuzz(func(t *testing.T, pointer string) {
		values, _ := release.NewProjection(map[string]release.Treatment{pointer: release.Full}).Apply(r, testContext())
		if len(values) > 0 && !strings.HasPrefix(pointer, "/") {
			t.Fatalf("%q found %v", pointer, values)
		}
	})
}

// TestOutwardCode holds the reading of postcodes against the pattern that they
// have, over every short text of the sorts of characters that matter.
func TestOutwardCode(t *testing.T) {
	pattern := regexp.MustCompile(`^([A-Z]{1,2}[0-9][A-Z0-9]?) ?[0-9][A-Z]{2}$`)
	outward := release.NewProjection(map[string]release.Treatment{"/f": release.OutwardCode})
	found := 0
	var try func(in string)
	try = func(in string) {
		values, _ := outward.Apply(release.Record{Value: map[string]any{"f": in}}, release.Context{})
		got, _ := values["/f"].(string)
		want := ""
		if m := pattern.FindStringSubmatch(strings.ToUpper(strings.TrimSpace(in))); m != nil {
			want = m[1]
			found++
		}
		if got != want {
			t.Errorf("%q gave %q, want %q", in, got, want)
		}
		const longest = 8
		if len(in) < longest {
			for _, c := range "A1 -" {
				try(in + string(c))
			}
		}
	}
	try("")
	const shapes = 12 // A9 9AA, A99 9AA, A9A 9AA, AA9 9AA, AA99 9AA and AA9A 9AA, with and without the space
	if found < shapes {
		t.Errorf("%d postcodes found, want %d at least", found, shapes)
	}
	for _, in := range []string{"tf1 5ab", " TF1 5AB ", "TF1  5AB", "é1 1AA", "TF1\t5AB", "\u017f1 1AA"} {
		try(in)
	}
}
