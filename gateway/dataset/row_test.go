package dataset_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/gowebpki/jcs"
	"pgregory.net/rapid"

	"github.com/concord-gateway/concord/gateway/dataset"
	"github.com/concord-gateway/concord/gateway/fault"
)

func codeOf(err error) string {
	if f, ok := errors.AsType[*fault.Error](err); ok {
		return f.Code
	}
	return ""
}

func TestSamplesAreValid(t *testing.T) {
	t.Parallel()
	for _, d := range shipped(t).All() {
		row := valid(t, d, sample(d.Name))
		canonical, err := jcs.Transform(row.Canonical)
		if err != nil || string(canonical) != string(row.Canonical) {
			t.Errorf("%s: not canonical: %s, %v", d.Name, row.Canonical, err)
		}
		again, err := d.Decode(row.Canonical)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(row, again); diff != "" {
			t.Errorf("%s: decoded differs (-validated +decoded):\n%s", d.Name, diff)
		}
	}
}

// TestCanonicalForm holds the canonical form against another implementation of
// RFC 8785.
func TestCanonicalForm(t *testing.T) {
	t.Parallel()
	d := get(t, "police.disruption")
	rapid.Check(t, func(t *rapid.T) {
		row := sample("police.disruption")
		row["seizure_value"] = rapid.OneOf(rapid.Float64Range(0, 1e8), rapid.Float64Range(0, 1e-5)).Draw(t, "number")
		row["summary"] = rapid.StringN(1, 200, -1).Filter(func(s string) bool { return !strings.Contains(s, "\x00") }).Draw(t, "text")
		raw, err := json.Marshal(row)
		if err != nil {
			t.Fatal(err)
		}
		want, err := jcs.Transform(raw)
		if err != nil {
			t.Fatal(err)
		}
		got, problems := d.Validate(raw)
		if len(problems) > 0 || string(got.Canonical) != string(want) {
			t.Fatalf("%v, %+v; want %s", got, problems, want)
		}
	})
}

// TestNameSpelling: a row keeps a name as it was written, but for spaces and
// composition, and never makes it longer.
func TestNameSpelling(t *testing.T) {
	t.Parallel()
	d := get(t, "housing.concern")
	for _, c := range []struct{ in, want string }{
		{"  Anne  Marie ", "Anne Marie"}, {"Zoe\u0308", "Zo\u00eb"}, {"\u0958", "\u0958"}, {"Siân-Testwell", "Siân-Testwell"},
	} {
		row := valid(t, d, with("housing.concern", map[string]any{"given_name": c.in}))
		if got, _ := row.At("/given_name"); got != c.want {
			t.Errorf("%q is kept as %q, want %q", c.in, got, c.want)
		}
	}
}

func TestRowParts(t *testing.T) {
	t.Parallel()
	row := valid(t, get(t, "police.nominal"), sample("police.nominal"))
	want := []dataset.Identifier{
		{Type: dataset.CRO, Value: "123456/24X"},
		{Type: dataset.DateOfBirth, Value: "1991-02-28"},
		{Type: dataset.FamilyName, Value: "otestwell"},
		{Type: dataset.GivenName, Value: "mara"},
		{Type: dataset.PNCID, Value: "2002/0073319Z"},
		{Type: dataset.Postcode, Value: "TF3 4NT"},
	}
	if diff := cmp.Diff(want, row.Identifiers); diff != "" {
		t.Error(diff)
	}
	if row.SourceID != "ROW-0001" || row.Area != "E06000020" || row.EventDate != "2025-02-01" {
		t.Errorf("parts: %q %q %q", row.SourceID, row.Area, row.EventDate)
	}
	for pointer, want := range map[string]any{"/pnc_id": "2002/0073319Z", "/family_name": "O'Testwell", "/postcode": "TF3 4NT"} {
		if got, ok := row.At(pointer); !ok || got != want {
			t.Errorf("%s = %v, want %v", pointer, got, want)
		}
	}
}

func TestEventDates(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"health.assault_attendance": "2025-03-08", "police.crime_count": "2025-03-01", "police.disruption": "2025-04-02",
	} {
		if row := valid(t, get(t, name), sample(name)); row.EventDate != want {
			t.Errorf("%s: event date %q, want %q", name, row.EventDate, want)
		}
	}
}

func TestIndicators(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		dataset string
		changes map[string]any
		want    []dataset.Hit
	}{
		{"housing.concern", nil, []dataset.Hit{{ID: "housing.cuckooing", N: 1}, {ID: "housing.children_at_risk", N: 1}}},
		{"housing.concern", map[string]any{"children_present": false}, []dataset.Hit{{ID: "housing.cuckooing", N: 1}}},
		{"housing.concern", map[string]any{"children_present": nil}, []dataset.Hit{{ID: "housing.cuckooing", N: 1}}},
		{"education.exclusion", nil, []dataset.Hit{
			{ID: "education.suspensions", N: 1}, {ID: "education.exclusions_weapon", N: 1}, {ID: "education.exclusions_assault", N: 1},
		}},
		{"police.crime_count", nil, []dataset.Hit{{ID: "police.robbery", N: 31}, {ID: "police.knife_crime", N: 0}}},
		{"police.crime_count", map[string]any{"knife_enabled": nil}, []dataset.Hit{{ID: "police.robbery", N: 31}}},
		{"education.attendance", map[string]any{"code": "Y5"}, nil},
	} {
		row := valid(t, get(t, c.dataset), with(c.dataset, c.changes))
		if diff := cmp.Diff(c.want, row.Indicators); diff != "" {
			t.Errorf("%s %v:\n%s", c.dataset, c.changes, diff)
		}
	}
}

// TestSameContent: spelling that does not matter gives the same bytes.
func TestSameContent(t *testing.T) {
	t.Parallel()
	d := get(t, "police.nominal")
	one := valid(t, d, sample("police.nominal"))
	two := valid(t, d, with("police.nominal", map[string]any{
		"pnc_id": "2002/0073319Z", "cro": "123456/24X", "postcode": "TF3 4NT", "given_name": " Mara ",
	}))
	if diff := cmp.Diff(string(one.Canonical), string(two.Canonical)); diff != "" {
		t.Error(diff)
	}
}

// TestDuplicateAfterNormalising: two spellings of one identifier are one.
func TestDuplicateAfterNormalising(t *testing.T) {
	t.Parallel()
	row := with("police.ocg", map[string]any{"members": []any{"02/73319Z", "2002/0073319Z"}})
	_, problems := get(t, "police.ocg").Validate(encode(t, row))
	if len(problems) != 1 || problems[0].Code != "duplicate-item" || problems[0].Pointer != "/members/1" {
		t.Errorf("problems: %+v", problems)
	}
}

func TestDecodeRefusesDamage(t *testing.T) {
	t.Parallel()
	d := get(t, "housing.concern")
	good := string(valid(t, d, sample("housing.concern")).Canonical)
	for name, body := range map[string]string{
		"empty":         "",
		"cut":           good[:len(good)-1],
		"no source id":  strings.Replace(good, `"source_id":"ROW-0001"`, `"source_id":null`, 1),
		"wrong date":    strings.Replace(good, "1991-02-28", "1991-02-31", 1),
		"duplicate key": strings.Replace(good, `{`, `{"area":"E06000020",`, 1),
	} {
		row, err := d.Decode([]byte(body))
		if row != nil || !fault.Is(err, fault.Internal) {
			t.Errorf("%s: %v, %v", name, row, err)
		}
	}
}
