package intake_test

import (
	"encoding/json"
	"io/fs"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/concord-gateway/concord/gateway/agreement"
	"github.com/concord-gateway/concord/gateway/dataset"
	"github.com/concord-gateway/concord/gateway/intake"
	"github.com/concord-gateway/concord/schemas"
)

func today() time.Time { return time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC) }

func shipped(tb testing.TB, name string) *dataset.Dataset {
	tb.Helper()
	files, err := fs.Sub(schemas.Files, "datasets")
	if err != nil {
		tb.Fatal(err)
	}
	r, err := dataset.Load(files)
	if err != nil {
		tb.Fatal(err)
	}
	d, ok := r.Get(name)
	if !ok {
		tb.Fatalf("there is no dataset %s", name)
	}
	return d
}

// agreed are terms that list every field of the dataset but those left out.
func agreed(d *dataset.Dataset, unlisted string, without ...string) *agreement.Terms {
	fields := map[string]bool{}
	for _, f := range d.Fields {
		fields[f.Pointer] = true
	}
	for _, w := range without {
		delete(fields, w)
	}
	return &agreement.Terms{Agreement: "ISA-TEST-001", Version: 1, Fields: fields, Unlisted: unlisted, FreeText: "refuse", RetentionDays: 30}
}

// tenancy is a row of housing.tenancy with changes; nil removes a field. The
// person exists nowhere.
func tenancy(tb testing.TB, changes map[string]any) *intake.Row {
	tb.Helper()
	row := map[string]any{
		"source_id": "ROW-0001", "area": "E06000020", "uprn": "100023336956", "given_name": "Mara", "family_name": "O'Testwell",
		"date_of_birth": "1991-02-28", "postcode": "tf34nt", "tenancy_type": "secure", "tenancy_status": "current", "tenancy_start": "2024-05-01",
		"reason_left_last_home": "57", "household_size": 3, "support_needs": []any{"mental_health"}, "fact_or_opinion": "fact", "subject_category": "not_known",
	}
	return encoded(tb, row, changes)
}

func encoded(tb testing.TB, row, changes map[string]any) *intake.Row {
	tb.Helper()
	row = maps.Clone(row)
	for name, v := range changes {
		if row[name] = v; v == nil {
			delete(row, name)
		}
	}
	raw, err := json.Marshal(row)
	if err != nil {
		tb.Fatal(err)
	}
	return &intake.Row{N: 7, Raw: raw}
}

type found struct{ Pointer, Code string }

func list(errs []intake.RowError) []found {
	var out []found
	for _, e := range errs {
		out = append(out, found{e.Pointer, e.Code})
	}
	return out
}

func TestCheck(t *testing.T) {
	t.Parallel()
	d := shipped(t, "housing.tenancy")
	for _, c := range []struct {
		name     string
		unlisted string
		without  []string
		changes  map[string]any
		want     []found
		dropped  []string
		other    int
	}{
		{name: "right", unlisted: "refuse"},
		{name: "schema", unlisted: "refuse", changes: map[string]any{"area": "x", "tenancy_type": "y"},
			want: []found{{"/area", "ons-format"}, {"/tenancy_type", "not-in-list"}}},
		{name: "unknown refused", unlisted: "refuse", changes: map[string]any{"shoe_size": 43}, want: []found{{"/shoe_size", "unknown-field"}}},
		{name: "unlisted refused", unlisted: "refuse", without: []string{"/support_needs", "/household_size"},
			want: []found{{"/household_size", "field-not-agreed"}, {"/support_needs", "field-not-agreed"}}},
		{name: "unknown dropped", unlisted: "drop", changes: map[string]any{"shoe_size": 43, "Mara O'Testwell": 1}, dropped: []string{"/shoe_size"}, other: 1},
		{name: "unknown dropped before the schema", unlisted: "drop", changes: map[string]any{"shoe_size": 43, "area": "x"}, want: []found{{"/area", "ons-format"}}},
		{name: "unlisted dropped", unlisted: "drop", without: []string{"/support_needs", "/postcode"}, dropped: []string{"/postcode", "/support_needs"}},
		{name: "unlisted must be right", unlisted: "drop", without: []string{"/support_needs"}, changes: map[string]any{"support_needs": "x"},
			want: []found{{"/support_needs", "type"}}},
		{name: "wrong identifier with unknown field", unlisted: "drop", changes: map[string]any{"shoe_size": 43, "postcode": "x"},
			want: []found{{"/postcode", "postcode-format"}}},
		{name: "broken", unlisted: "drop", changes: map[string]any{"a.b": 1}, want: []found{{"", "json-key"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			check := intake.NewChecker(d, agreed(d, c.unlisted, c.without...), today())
			got, errs := check.Check(tenancy(t, c.changes))
			if diff := cmp.Diff(c.want, list(errs)); diff != "" || (got == nil) != (len(errs) > 0) {
				t.Fatal(got, diff)
			}
			for _, e := range errs {
				if e.Row != 7 || e.Message == "" || e.Remedy == "" {
					t.Errorf("%+v", e)
				}
			}
			if got == nil {
				return
			}
			if diff := cmp.Diff(c.dropped, got.Dropped); diff != "" || got.DroppedOther != c.other {
				t.Errorf("dropped: %s, other %d", diff, got.DroppedOther)
			}
			for _, p := range c.without {
				if _, there := got.Row.At(p); there || strings.Contains(string(got.Row.Canonical), p[1:]) {
					t.Errorf("%s is still there", p)
				}
			}
			again, err := d.Decode(got.Row.Canonical)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(again, got.Row); diff != "" {
				t.Errorf("the row differs from its canonical form:\n%s", diff)
			}
		})
	}
}

func TestPlausible(t *testing.T) {
	t.Parallel()
	d := shipped(t, "housing.concern")
	terms := agreed(d, "refuse")
	terms.Areas = []string{"E06000020", "E06000051"}
	check := intake.NewChecker(d, terms, today())
	row := map[string]any{
		"source_id": "ROW-0001", "area": "E06000020", "given_name": "Mara", "family_name": "O'Testwell", "date_of_birth": "1991-02-28", "postcode": "tf34nt",
		"uprn": "100023336956", "concern_type": "cuckooing", "reported_on": "2026-11-22", "severity": "high", "reporter_role": "neighbour", "status": "open",
		"fact_or_opinion": "fact", "subject_category": "not_known",
	}
	if got, errs := check.Check(encoded(t, row, nil)); got == nil || got.Row.EventDate != "2026-11-22" || got.Completeness != 14*100/len(d.Fields) {
		t.Errorf("%+v %v", got, errs)
	}
	got, errs := check.Check(encoded(t, row, map[string]any{"reported_on": "2026-11-23", "area": "E07000237"}))
	if diff := cmp.Diff([]found{{"/reported_on", "date-in-future"}, {"/area", "area-not-agreed"}}, list(errs)); diff != "" || got != nil {
		t.Error(got, diff)
	}
}

// TestBornInFuture refuses a date of birth that has not come. What day it is goes by the
// clock of the United Kingdom: in summer an hour before the day begins in UTC.
func TestBornInFuture(t *testing.T) {
	t.Parallel()
	d := shipped(t, "housing.tenancy")
	for _, tt := range []struct {
		now, born string
		ok        bool
	}{
		{"2026-11-22T09:00:00Z", "2026-11-22", true},
		{"2026-11-22T09:00:00Z", "2026-11-23", false},
		{"2026-11-22T23:30:00Z", "2026-11-23", false},
		{"2026-06-30T22:59:59Z", "2026-07-01", false},
		{"2026-06-30T23:00:00Z", "2026-07-01", true},
		{"2026-03-28T23:30:00Z", "2026-03-29", false}, // summer time begins later in that night
		{"2026-10-24T23:30:00Z", "2026-10-25", true},
		{"2026-10-25T23:30:00Z", "2026-10-26", false},
	} {
		now, err := time.Parse(time.RFC3339, tt.now)
		if err != nil {
			t.Fatal(err)
		}
		got, errs := intake.NewChecker(d, agreed(d, "refuse"), now).Check(tenancy(t, map[string]any{"date_of_birth": tt.born}))
		var want []found
		if !tt.ok {
			want = []found{{"/date_of_birth", "date-in-future"}}
		}
		if diff := cmp.Diff(want, list(errs)); diff != "" || (got != nil) != tt.ok {
			t.Errorf("%s at %s: %s", tt.born, tt.now, diff)
		}
	}
}

// TestUnreadableRow: what the reader found wrong is the answer.
func TestUnreadableRow(t *testing.T) {
	t.Parallel()
	d := shipped(t, "housing.tenancy")
	row := &intake.Row{N: 3, Problems: []intake.RowError{{Row: 3, Code: "csv-ragged"}}}
	got, errs := intake.NewChecker(d, agreed(d, "drop"), today()).Check(row)
	if got != nil || len(errs) != 1 || errs[0].Code != "csv-ragged" {
		t.Errorf("%+v %+v", got, errs)
	}
}

func BenchmarkCheck(b *testing.B) {
	d := shipped(b, "housing.tenancy")
	check := intake.NewChecker(d, agreed(d, "refuse"), today())
	row := tenancy(b, nil)
	b.SetBytes(int64(len(row.Raw)))
	b.ReportAllocs()
	for b.Loop() {
		if _, errs := check.Check(row); len(errs) > 0 {
			b.Fatal(errs)
		}
	}
}
