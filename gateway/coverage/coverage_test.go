package coverage

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/concord-gateway/concord/gateway/agreement"
	"github.com/concord-gateway/concord/gateway/event"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/policy/bundle"
	"github.com/concord-gateway/concord/gateway/quality"
	"github.com/concord-gateway/concord/gateway/rulebook"
	"github.com/concord-gateway/concord/gateway/store/sqlite"
	"github.com/concord-gateway/concord/policies"
	"github.com/concord-gateway/concord/schemas"
)

func now() time.Time { return time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC) }

func month(t *testing.T, s string) Month {
	t.Helper()
	m, err := ParseMonth(s)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestStates: what is missing, stale or simply not due yet depends on how often
// the dataset used to come.
func TestStates(t *testing.T) {
	t.Parallel()
	in := []*agreement.Agreement{{ID: "ISA-A", Valid: agreement.Period{From: "2026-01-15", To: "2027-01-14"}, Review: "2027-01-14"}}
	for _, c := range []struct {
		name string
		came []string
		want map[string]State
	}{
		{"never", nil, map[string]State{"2026-01": Missing, "2026-10": Missing, "2026-11": Agreed}},
		{"monthly, then silence", []string{"2026-03", "2026-04", "2026-05", "2026-06"}, map[string]State{
			"2026-02": Missing, "2026-03": Submitted, "2026-06": Submitted, "2026-07": Missing, "2026-08": Missing, "2026-09": Stale, "2026-11": Stale}},
		{"quarterly", []string{"2026-01", "2026-04", "2026-07"}, map[string]State{
			"2026-08": Agreed, "2026-09": Agreed, "2026-10": Missing, "2026-11": Stale}},
		{"monthly, this month to come", []string{"2026-08", "2026-09", "2026-10"}, map[string]State{"2026-11": Agreed}},
		{"once", []string{"2026-09"}, map[string]State{"2026-10": Missing, "2026-11": Agreed}},
	} {
		line := timeline{pair: agreement.Pair{Provider: "p", Dataset: "d"}, agreements: in, now: now()}
		for _, m := range c.came {
			line.months = append(line.months, quality.Month{Month: m, Submissions: 1, Last: month(t, m).Start()})
		}
		for m, want := range c.want {
			item, ok := line.item(month(t, m))
			if !ok || item.State != want || item.Month != m {
				t.Errorf("%s: %s is %+v, %t, want %s", c.name, m, item, ok, want)
			}
		}
	}
}

// TestInForce: an agreement counts in each month in which it was in force on some
// day.
func TestInForce(t *testing.T) {
	t.Parallel()
	line := timeline{now: now(), agreements: []*agreement.Agreement{
		{ID: "ISA-B", Valid: agreement.Period{From: "2026-03-31", To: "2026-09-01"}, Review: "2026-07-01"},
		{ID: "ISA-A", Valid: agreement.Period{From: "2026-01-01", To: "2026-12-31"}, Review: "2026-12-31", Suspended: &agreement.Suspension{On: "2026-05-01"}},
	}}
	for m, want := range map[string][]string{
		"2025-12": {}, "2026-01": {"ISA-A"}, "2026-03": {"ISA-A", "ISA-B"}, "2026-04": {"ISA-A", "ISA-B"}, "2026-05": {"ISA-B"}, "2026-07": {"ISA-B"}, "2026-08": {},
	} {
		if diff := cmp.Diff(want, line.inForce(month(t, m))); diff != "" {
			t.Errorf("%s: %s", m, diff)
		}
	}
	if _, ok := line.item(month(t, "2025-12")); ok {
		t.Error("a month without agreement and without rows is listed")
	}
}

func TestRange(t *testing.T) {
	t.Parallel()
	r, err := NewRange("", "", now())
	if err != nil || r.From.String() != "2025-12" || r.To.String() != "2026-11" {
		t.Errorf("%v %v %v", r.From, r.To, err)
	}
	for _, bad := range [][2]string{{"2026-12", "2026-11"}, {"2020-01", "2026-01"}, {"x", ""}, {"", "2026-13"}} {
		if _, err := NewRange(bad[0], bad[1], now()); !fault.Is(err, fault.Invalid) {
			t.Errorf("%v: %v", bad, err)
		}
	}
}

// service is one over a real store with the shipped agreements.
func service(t *testing.T) (*Service, event.Store) {
	t.Helper()
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	db, err := sqlite.Open(t.Context(), dir, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	files, err := bundle.Gather(policies.Files, schemas.Files)
	if err != nil {
		t.Fatal(err)
	}
	draft, err := rulebook.Read(files)
	if err != nil {
		t.Fatal(err)
	}
	rules, err := draft.Rules(t.Context(), draft.Newest())
	if err != nil {
		t.Fatal(err)
	}
	return &Service{Rules: rulebook.NewBook(rules), Events: db.Events(), Clock: now}, db.Events()
}

func TestCoverageAndQuality(t *testing.T) {
	t.Parallel()
	s, events := service(t)
	tally := quality.New([]string{"/area", "/uprn", "/source_id"})
	tally.Received, tally.Valid, tally.Rejected = 7, 6, 1
	tally.Fields[0].Filled, tally.Fields[1].Filled, tally.Fields[2].Filled = 6, 6, 2
	sum := &quality.Summary{Provider: "telford-housing", Dataset: "housing.tenancy", Agreement: "ISA-TH-WMP-001", Received: now(), Tally: *tally}
	sum.Submission = fmt.Sprintf("%08x-%04x-7000-8000-000000000001", now().UnixMilli()>>16, now().UnixMilli()&0xffff)
	if err := quality.Save(t.Context(), events, sum); err != nil {
		t.Fatal(err)
	}
	months, err := NewRange("2026-10", "2026-11", now())
	if err != nil {
		t.Fatal(err)
	}
	q := Question{Provider: "telford-housing", Dataset: "housing.tenancy", Range: months}
	items, err := s.Coverage(t.Context(), q)
	if err != nil || len(items) != 2 || items[0].State != Missing || items[1].State != Submitted || *items[1].Received != 7 || *items[1].Completeness != 77.8 {
		t.Fatalf("%+v, %v", items, err)
	}
	q.Coarse = true
	items, err = s.Coverage(t.Context(), q)
	if err != nil || items[1].Received != nil || items[1].RejectedShare != nil || items[1].Submissions != nil || *items[1].Completeness != 80 {
		t.Errorf("%+v, %v", items, err)
	}
	all, err := s.Coverage(t.Context(), Question{Range: months})
	if err != nil || len(all) < 10 {
		t.Errorf("%d items, %v", len(all), err)
	}
	byMonth, err := s.Quality(t.Context(), Question{Range: months})
	if err != nil || len(byMonth) != 1 || byMonth[0].Quality.Received != 7 || byMonth[0].Month != "2026-11" {
		t.Errorf("%+v, %v", byMonth, err)
	}
	one, err := s.Submission(t.Context(), "telford-housing", sum.Submission)
	if err != nil || one.Dataset != "housing.tenancy" || one.Quality.Valid != 6 {
		t.Errorf("%+v, %v", one, err)
	}
	if _, err := s.Submission(t.Context(), "severn-homes", sum.Submission); !fault.Is(err, fault.NotFound) {
		t.Errorf("another agency: %v", err)
	}
}
