package synthetic_test

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/concord-gateway/concord/gateway/dataset"
	"github.com/concord-gateway/concord/gateway/synthetic"
)

// day is the day on which the tests play.
func day() time.Time { return time.Date(2026, 11, 22, 9, 30, 0, 0, time.UTC) }

// worlds differ in seed, size and day: the ends of months, years and holidays
// are where dates go wrong.
func worlds() map[string]*synthetic.World {
	on := func(y int, m time.Month, d int) time.Time { return time.Date(y, m, d, 0, 1, 0, 0, time.UTC) }
	return map[string]*synthetic.World{
		"demonstration": synthetic.New(1, 2000, day()),
		"other seed":    synthetic.New(0xfeedbeef, 2000, day()),
		"small":         synthetic.New(7, 1, on(2027, time.January, 1)),
		"leap day":      synthetic.New(3, 300, on(2028, time.February, 29)),
		"month's end":   synthetic.New(4, 300, on(2026, time.August, 31)),
	}
}

func schemas(t *testing.T) *dataset.Registry {
	t.Helper()
	reg, err := dataset.Load(os.DirFS(filepath.Join("..", "..", "schemas", "datasets")))
	if err != nil {
		t.Fatal(err)
	}
	return reg
}

// check validates one row as the gateway would.
func check(t *testing.T, ds *dataset.Dataset, row map[string]any) (*dataset.Row, []dataset.Problem) {
	t.Helper()
	raw, err := json.Marshal(row)
	if err != nil {
		t.Fatal(err)
	}
	return ds.Validate(raw)
}

// TestRowsAreValid holds every row against its schema, every event against the
// period, and every reference against the others of its provider.
func TestRowsAreValid(t *testing.T) {
	t.Parallel()
	reg := schemas(t)
	for name, w := range worlds() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			seen := map[string]bool{}
			for _, s := range w.Submissions() {
				ds, ok := reg.Get(s.Dataset)
				if !ok {
					t.Fatalf("dataset %s is unknown", s.Dataset)
				}
				for _, raw := range s.Rows {
					row, problems := check(t, ds, raw)
					if len(problems) > 0 {
						t.Fatalf("%s %v: %+v", s.Dataset, raw, problems)
					}
					key := s.Provider + " " + s.Dataset + " " + row.SourceID
					if seen[key] {
						t.Errorf("%s comes twice", key)
					}
					seen[key] = true
				}
			}
		})
	}
}

func TestEventsLieInThePeriod(t *testing.T) {
	t.Parallel()
	reg := schemas(t)
	for _, s := range synthetic.New(1, 2000, day()).Submissions() {
		ds, _ := reg.Get(s.Dataset)
		first, last := "2024-11-23", "2026-11-21"
		if s.Dataset == "police.crime_count" {
			first, last = "2024-11", "2026-10"
		}
		got := map[string]bool{}
		for _, raw := range s.Rows {
			at, _ := raw[strings.TrimPrefix(ds.EventDate, "/")].(string)
			at = at[:min(len(at), len(last))]
			if at < first || at > last {
				t.Errorf("%s: an event on %s", s.Dataset, at)
			}
			got[at[:len("2006-01")]] = true
		}
		if want := 20; len(got) < want && s.Dataset != "police.ocg" {
			t.Errorf("%s: events in %d months, want at least %d", s.Dataset, len(got), want)
		}
	}
}

// agreed is what of an agreement decides about a submission.
type agreed struct {
	Provider struct{ Agency string }
	Datasets []struct {
		Dataset  string
		Areas    []string
		Unlisted string
		Collects []string
		Purposes []struct {
			Fields map[string]string
		}
		Emergency map[string]struct {
			Fields map[string]string
		}
	}
}

func TestAgreementsAreKept(t *testing.T) {
	t.Parallel()
	for _, s := range synthetic.New(2, 2000, day()).Submissions() {
		raw, err := os.ReadFile(filepath.Join("..", "..", "policies", "agreements", s.Agreement, "agreement.json"))
		if err != nil {
			t.Fatal(err)
		}
		var a agreed
		if err := json.Unmarshal(raw, &a); err != nil {
			t.Fatal(err)
		}
		if a.Provider.Agency != s.Provider {
			t.Errorf("%s is of %s, not %s", s.Agreement, a.Provider.Agency, s.Provider)
		}
		found := false
		for _, d := range a.Datasets {
			if d.Dataset != s.Dataset {
				continue
			}
			found = true
			listed := map[string]bool{}
			for _, f := range d.Collects {
				listed[f] = true
			}
			for _, p := range d.Purposes {
				maps.Copy(listed, set(p.Fields))
			}
			for _, e := range d.Emergency {
				maps.Copy(listed, set(e.Fields))
			}
			for _, row := range s.Rows {
				if area, _ := row["area"].(string); !slices.Contains(d.Areas, area) {
					t.Errorf("%s does not cover %v", s.Agreement, row["area"])
				}
				for f := range row {
					if !listed["/"+f] && d.Unlisted != "drop" {
						t.Errorf("%s does not list %s of %s", s.Agreement, f, s.Dataset)
					}
				}
			}
		}
		if !found {
			t.Errorf("%s is not about %s", s.Agreement, s.Dataset)
		}
	}
}

func set(fields map[string]string) map[string]bool {
	out := map[string]bool{}
	for f := range fields {
		out[f] = true
	}
	return out
}

func encode(t *testing.T, w *synthetic.World) string {
	t.Helper()
	raw, err := json.Marshal([]any{w.Submissions(), w.CaseSubjects(), w.Story(), w.BadRows()})
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func TestSameSeedSameBytes(t *testing.T) {
	t.Parallel()
	w := synthetic.New(5, 2000, day())
	first := encode(t, w)
	if encode(t, w) != first {
		t.Error("a second call gives other bytes")
	}
	if encode(t, synthetic.New(5, 2000, day().Add(14*time.Hour))) != first {
		t.Error("a second world of the same seed and day gives other bytes")
	}
	if encode(t, synthetic.New(6, 2000, day())) == first {
		t.Error("another seed gives the same bytes")
	}
}

// TestRowsAreTheCallersOwn changes rows and asks again.
func TestRowsAreTheCallersOwn(t *testing.T) {
	t.Parallel()
	w := synthetic.New(5, 200, day())
	first := encode(t, w)
	for _, s := range append(w.Submissions(), w.BadRows()) {
		for _, row := range s.Rows {
			clear(row)
		}
	}
	if encode(t, w) != first {
		t.Error("a caller's change shows in the next call")
	}
}

func TestIdentifiersBelongToOnePerson(t *testing.T) {
	t.Parallel()
	w := synthetic.New(8, 6000, day())
	owner := map[string]string{}
	claim := func(kind string, value any, who string) {
		if v, ok := value.(string); ok {
			key := kind + " " + v
			if owner[key] == "" {
				owner[key] = who
			}
			if owner[key] != who {
				t.Errorf("%s belongs to %q and to %q", key, owner[key], who)
			}
		}
	}
	var rows []map[string]any
	for _, s := range w.Submissions() {
		rows = append(rows, s.Rows...)
	}
	people := map[string]bool{}
	for _, row := range rows {
		if row["given_name"] == nil {
			continue
		}
		var who strings.Builder
		for _, part := range []string{"given_name", "family_name", "date_of_birth", "postcode"} {
			who.WriteString(row[part].(string) + "|")
		}
		people[who.String()] = true
		for _, kind := range []string{"nhs_number", "upn", "pnc_id", "cro"} {
			claim(kind, row[kind], who.String())
		}
	}
	if len(people) < 3000 {
		t.Errorf("only %d of 6,000 people have a record", len(people))
	}
}

func TestSizes(t *testing.T) {
	t.Parallel()
	got := map[string]int{}
	for _, s := range synthetic.New(1, 2000, day()).Submissions() {
		got[s.Dataset] += len(s.Rows)
	}
	// The sizes that the demonstration promises, give or take a twentieth.
	want := map[string]int{
		"housing.tenancy": 900, "housing.concern": 500, "health.assault_attendance": 700, "health.substance_referral": 300,
		"education.exclusion": 260, "education.attendance": 3000, "police.nominal": 220, "police.ocg": 24,
		"police.crime_count": 9 * 24 * 12, "police.disruption": 120,
	}
	for name, n := range want {
		if got[name] < n-n/20 || got[name] > n+n/20 {
			t.Errorf("%s has %d rows, want about %d", name, got[name], n)
		}
	}
	if diff := cmp.Diff(slices.Sorted(maps.Keys(want)), slices.Sorted(maps.Keys(got))); diff != "" {
		t.Errorf("datasets (-want +got):\n%s", diff)
	}
}

func TestLargeWorldIsSplit(t *testing.T) {
	t.Parallel()
	reg := schemas(t)
	split := 0
	for _, s := range synthetic.New(1, 50_000, day()).Submissions() {
		if len(s.Rows) == 0 || len(s.Rows) > 10_000 {
			t.Errorf("%s: a submission of %d rows", s.Dataset, len(s.Rows))
		}
		if len(s.Rows) == 10_000 {
			split++
		}
		ds, _ := reg.Get(s.Dataset)
		for i := 0; i < len(s.Rows); i += 100 {
			if _, problems := check(t, ds, s.Rows[i]); len(problems) > 0 {
				t.Errorf("%s: %+v", s.Dataset, problems)
			}
		}
	}
	if split == 0 {
		t.Error("nothing was large enough to be split")
	}
}

// TestCuckooingRises looks for the pattern that an area profile should show.
func TestCuckooingRises(t *testing.T) {
	t.Parallel()
	for seed := range uint64(5) {
		var quarters [8]int
		for _, s := range synthetic.New(seed, 2000, day()).Submissions() {
			for _, row := range s.Rows {
				if row["area"] != "E06000020" || row["concern_type"] != "cuckooing" {
					continue
				}
				at, err := time.Parse(time.DateOnly, row["reported_on"].(string))
				if err != nil {
					t.Fatal(err)
				}
				quarters[min(7, int(day().Sub(at).Hours()/24/91.5))]++
			}
		}
		latest, before := quarters[0], 0
		for _, n := range quarters[2:] {
			before = max(before, n)
		}
		if latest < 8 || latest <= quarters[1] || quarters[1] <= before/2 || latest < 3*before/2 {
			t.Errorf("seed %d: cuckooing by quarter, the latest first: %v", seed, quarters)
		}
	}
}

func BenchmarkWorld(b *testing.B) {
	for b.Loop() {
		synthetic.New(1, 2000, day()).Submissions()
	}
}
