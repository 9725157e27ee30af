package agreement

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/concord-gateway/concord/gateway/fault"
)

func at(tb testing.TB, s string) time.Time {
	tb.Helper()
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		tb.Fatal(err)
	}
	return t
}

func TestStatus(t *testing.T) {
	a := Agreement{Valid: Period{From: "2026-02-01", To: "2026-11-30"}, Review: "2026-11-30"}
	overdue := a
	overdue.Review = "2026-05-31"
	stopped := overdue
	stopped.Review = "2026-06-14"
	stopped.Suspended = &Suspension{On: "2026-06-15"}
	cases := []struct {
		agreement Agreement
		at        string
		want      Status
	}{
		{a, "2026-01-31T23:59:59Z", Future},
		{a, "2026-02-01T00:00:00Z", Active},
		{a, "2026-11-30T23:59:59Z", Active},
		{a, "2026-12-01T00:00:00Z", Expired},
		{a, "2026-12-01T00:30:00+01:00", Active},
		{overdue, "2026-05-31T23:59:59Z", Active},
		{overdue, "2026-06-01T00:00:00Z", ReviewOverdue},
		{overdue, "2026-11-30T23:59:59Z", ReviewOverdue},
		{overdue, "2026-12-01T00:00:00Z", Expired},
		{overdue, "2026-01-31T23:59:59Z", Future},
		{stopped, "2026-06-14T23:59:59Z", Active},
		{stopped, "2026-06-15T00:00:00Z", Suspended},
		{stopped, "2026-12-01T00:00:00Z", Expired},
	}
	for _, c := range cases {
		if got := c.agreement.Status(at(t, c.at)); got != c.want {
			t.Errorf("%s: %s, want %s", c.at, got, c.want)
		}
	}
}

func TestSubmission(t *testing.T) {
	r, now := load(t), at(t, "2026-11-22T10:00:00Z")
	terms, err := r.Submission("ISA-TH-WMP-001", "telford-housing", "housing.tenancy", now)
	if err != nil {
		t.Fatal(err)
	}
	if terms.Version != 1 || terms.Unlisted != "drop" || terms.RetentionDays != 730 ||
		!cmp.Equal(terms.Areas, []string{"E06000020"}) {
		t.Errorf("got %+v", terms)
	}
	// Named in a purpose, in an emergency only for some, for collection only.
	for field, want := range map[string]bool{"/uprn": true, "/household_size": true, "/support_needs": false} {
		if terms.Fields[field] != want {
			t.Errorf("%s listed: %t", field, !want)
		}
	}
	exclusion, err := r.Submission("ISA-ME-WMP-001", "mercia-education", "education.exclusion", now)
	if err != nil || exclusion.Unlisted != "refuse" || !exclusion.Fields["/sen_provision"] {
		t.Errorf("got %+v, %v", exclusion, err)
	}

	_, unknown := r.Submission("ISA-NO-SUCH-1", "telford-housing", "housing.tenancy", now)
	_, foreign := r.Submission("ISA-TH-WMP-001", "severn-homes", "housing.tenancy", now)
	if !fault.Is(unknown, fault.NotFound) || unknown.Error() != foreign.Error() {
		t.Errorf("an agreement of others differs from none: %v, %v", unknown, foreign)
	}
	for name, c := range map[string][3]string{
		"other dataset": {"ISA-TH-WMP-001", "telford-housing", "police.ocg"},
		"suspended":     {"ISA-SH-WMP-002", "severn-homes", "housing.concern"},
		"expired":       {"ISA-ME-WMP-003", "mercia-education", "education.attendance"},
	} {
		if _, err := r.Submission(c[0], c[1], c[2], now); !fault.Is(err, fault.Forbidden) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := r.Submission("ISA-TH-WMP-001", "telford-housing", "housing.tenancy", at(t, "2025-12-31T23:59:59Z")); !fault.Is(err, fault.Forbidden) {
		t.Errorf("before it begins: %v", err)
	}
	// What may not be released until it is reviewed is not to be collected either.
	if _, err := r.Submission("ISA-TH-WMP-001", "telford-housing", "housing.tenancy", at(t, "2027-03-31T23:59:59Z")); err != nil {
		t.Errorf("on the day of its review: %v", err)
	}
	var f *fault.Error
	_, err = r.Submission("ISA-TH-WMP-001", "telford-housing", "housing.tenancy", at(t, "2027-04-01T00:00:00Z"))
	if !fault.Is(err, fault.Forbidden) || !errors.As(err, &f) || f.Code != "agreement-review-overdue" {
		t.Errorf("when its review is overdue: %v", err)
	}
}

func TestGroupsVisibleCovers(t *testing.T) {
	r := load(t)
	groups := r.Groups()
	want := []Pair{
		{"mercia-education", "education.attendance"}, {"mercia-education", "education.exclusion"},
		{"mercia-health", "health.assault_attendance"}, {"mercia-health", "health.substance_referral"},
		{"severn-homes", "housing.concern"}, {"severn-homes", "housing.tenancy"},
		{"telford-housing", "housing.concern"}, {"telford-housing", "housing.tenancy"},
		{"west-mercia-police", "police.crime_count"}, {"west-mercia-police", "police.disruption"},
		{"west-mercia-police", "police.nominal"}, {"west-mercia-police", "police.ocg"},
	}
	if diff := cmp.Diff(want, groups); diff != "" {
		t.Error(diff)
	}
	for _, c := range []struct {
		agency, dataset string
		want            bool
	}{
		{"telford-housing", "housing.tenancy", true},
		{"west-mercia-police", "housing.tenancy", true},
		{"telford-housing", "police.crime_count", true},
		{"telford-housing", "police.nominal", false},
		{"mercia-health", "housing.tenancy", false},
		{"nobody", "housing.tenancy", false},
	} {
		if got := r.Visible(c.agency, c.dataset); got != c.want {
			t.Errorf("%s sees %s: %t", c.agency, c.dataset, got)
		}
	}
	for _, c := range []struct {
		provider, dataset, area string
		want                    bool
	}{
		{"telford-housing", "housing.tenancy", "E06000020", true},
		{"telford-housing", "housing.tenancy", "E06000051", false},
		{"severn-homes", "housing.concern", "E06000051", true},
		{"severn-homes", "police.ocg", "E06000051", false},
	} {
		if got := r.Covers(c.provider, c.dataset, c.area); got != c.want {
			t.Errorf("%s covers %s with %s: %t", c.provider, c.area, c.dataset, got)
		}
	}
}
