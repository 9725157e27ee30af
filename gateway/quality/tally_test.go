package quality_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/concord-gateway/concord/gateway/dataset"
	"github.com/concord-gateway/concord/gateway/intake"
	"github.com/concord-gateway/concord/gateway/quality"
)

func received() time.Time { return time.Date(2026, 11, 22, 23, 30, 0, 0, time.UTC) }

func row(event string, filled ...string) *intake.Checked {
	value := map[string]any{"empty": "", "none": nil, "no_items": []any{}}
	for _, name := range filled {
		value[name] = "x"
	}
	return &intake.Checked{Row: &dataset.Row{Value: value, EventDate: event}}
}

func TestTally(t *testing.T) {
	t.Parallel()
	tally := quality.New([]string{"/b", "/a", "/empty", "/none", "/no_items"})
	tally.AddRow(row("2026-11-22", "a", "b"), received())
	tally.AddRow(row("2026-11-20", "a"), received())
	withDrops := row("2025-11-22", "a")
	withDrops.Dropped, withDrops.DroppedOther = []string{"/shoe_size"}, 2
	tally.AddRow(withDrops, received())
	tally.AddRow(row("", "a"), received())
	tally.AddRejected([]intake.RowError{{Pointer: "/members/1", Code: "not-in-list"}, {Pointer: "/members/2", Code: "not-in-list"}, {Pointer: "/area", Code: intake.AreaNotAgreed}})
	tally.AddRejected([]intake.RowError{{Code: "json-syntax"}})
	tally.AddDuplicate()
	tally.AddUnchanged(3)
	r := tally.Report()
	if r.Received != 7 || r.Valid != 4 || r.Rejected != 2 || r.Duplicates != 1 || r.Unchanged != 3 || r.OutsideArea != 1 || r.InvalidCodes != 2 || r.RejectedShare != 28.6 {
		t.Errorf("%+v", r)
	}
	if *r.Completeness != 25 || r.Fields[0].Pointer != "/a" || *r.Fields[0].Share != 100 || *r.Fields[1].Share != 25 {
		t.Errorf("completeness: %v %+v", *r.Completeness, r.Fields)
	}
	if diff := cmp.Diff([]quality.Count{{Name: "(other)", Rows: 2}, {Name: "/shoe_size", Rows: 1}}, r.Dropped); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]quality.Rule{{Code: "area-not-agreed", Pointer: "/area", Rows: 1}, {Code: "json-syntax", Rows: 1}, {Code: "not-in-list", Pointer: "/members", Rows: 2}}, r.Rules); diff != "" {
		t.Error(diff)
	}
	if r.Timeliness.Rows != 3 || *r.Timeliness.Median != 2 || *r.Timeliness.P90 != 365 {
		t.Errorf("%+v", r.Timeliness)
	}
}

// TestEmptyReport: of nothing there are no shares, and lists are not null.
func TestEmptyReport(t *testing.T) {
	t.Parallel()
	raw, err := json.Marshal(quality.New(nil).Report())
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"received":0,"valid":0,"rejected":0,"unchanged":0,"duplicates":0,"outside_area":0,"rejected_share":0,"invalid_codes":0,` +
		`"completeness":null,"fields":[],"rules":[],"dropped":[],"masked":[],"identifiers":[],"timeliness":null}`
	if string(raw) != want {
		t.Errorf("%s", raw)
	}
}

// draw makes a tally of a few rows.
func draw(t *rapid.T, into ...*quality.Tally) {
	names := rapid.SampledFrom([]string{"a", "b", "c"})
	for range rapid.IntRange(0, 12).Draw(t, "rows") {
		switch rapid.IntRange(0, 3).Draw(t, "sort") {
		case 0:
			c := row(rapid.SampledFrom([]string{"", "2026-11-22", "2020-01-01", "2026-09-01"}).Draw(t, "event"), rapid.SliceOf(names).Draw(t, "filled")...)
			c.Dropped = rapid.SliceOfDistinct(rapid.Map(names, func(s string) string { return "/" + s }), rapid.ID).Draw(t, "dropped")
			for _, tally := range into {
				tally.AddRow(c, received())
			}
		case 1:
			errs := []intake.RowError{{Code: names.Draw(t, "code"), Pointer: "/" + names.Draw(t, "pointer")}}
			for _, tally := range into {
				tally.AddRejected(errs)
			}
		case 2:
			for _, tally := range into {
				tally.AddDuplicate()
			}
		default:
			for _, tally := range into {
				tally.AddUnchanged(1)
			}
		}
	}
}

// TestMergeAndJSON: two tallies merged, also by way of JSON, are the tally of both.
func TestMergeAndJSON(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		listed := []string{"/a", "/b"}
		all, one, two := quality.New(listed), quality.New(listed), quality.New(listed)
		draw(t, all, one)
		draw(t, all, two)
		raw, err := json.Marshal(two)
		if err != nil {
			t.Fatal(err)
		}
		var back, merged quality.Tally
		if err := json.Unmarshal(raw, &back); err != nil {
			t.Fatal(err)
		}
		merged.Merge(one)
		merged.Merge(&back)
		if diff := cmp.Diff(all.Report(), merged.Report()); diff != "" {
			t.Fatal(diff)
		}
	})
}

// TestBounded: whatever a partner sends, a tally stays small.
func TestBounded(t *testing.T) {
	t.Parallel()
	tally := quality.New([]string{"/a"})
	for i := range 5000 {
		c := row("2026-11-22", "a")
		c.Dropped = []string{fmt.Sprintf("/f%da", i)}
		tally.AddRow(c, received())
		tally.AddRejected([]intake.RowError{{Code: "unknown-field", Pointer: fmt.Sprintf("/f%da", i)}})
	}
	raw, err := json.Marshal(tally)
	if err != nil || len(raw) > 20<<10 {
		t.Fatalf("%d bytes, %v", len(raw), err)
	}
	dropped, refused := 0, 0
	r := tally.Report()
	for _, d := range r.Dropped {
		dropped += d.Rows
	}
	for _, rule := range r.Rules {
		refused += rule.Rows
	}
	if dropped != 5000 || refused != 5000 || !strings.Contains(string(raw), quality.Other) {
		t.Errorf("%d dropped, %d refused", dropped, refused)
	}
}

// TestAddRowAllocatesNothing once every name was seen.
func TestAddRowAllocatesNothing(t *testing.T) {
	tally, c := quality.New([]string{"/a", "/b"}), row("2026-11-22", "a")
	c.Dropped = []string{"/shoe_size"}
	tally.AddRow(c, received())
	if n := testing.AllocsPerRun(100, func() { tally.AddRow(c, received()) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkAddRow(b *testing.B) {
	var listed []string
	for i := range 17 {
		listed = append(listed, fmt.Sprintf("/field_%d", i))
	}
	tally, c := quality.New(listed), row("2026-11-22", "field_1", "field_2", "field_3", "field_4", "field_5", "field_6", "field_7", "field_8", "field_9")
	b.ReportAllocs()
	for b.Loop() {
		tally.AddRow(c, received())
	}
}
