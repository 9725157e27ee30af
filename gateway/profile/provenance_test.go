package profile

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/concord-gateway/concord/gateway/dataset"
	"github.com/concord-gateway/concord/gateway/linkage"
	"github.com/concord-gateway/concord/gateway/policy"
	"github.com/concord-gateway/concord/gateway/record"
	"github.com/concord-gateway/concord/gateway/release"
)

// TestQualityOfRelease: the marks of a record say nothing of a field that the
// decision does not permit, and do not give the date of the event back.
func TestQualityOfRelease(t *testing.T) {
	t.Parallel()
	ds := &dataset.Dataset{EventDate: "/reported_on"}
	c := linkage.Candidate{
		Record: record.Record{Agreement: "ISA-A", Received: time.Date(2025, 3, 12, 23, 0, 0, 0, time.UTC)},
		Row:    &dataset.Row{EventDate: "2025-03-09"},
		Marks:  record.Marks{Completeness: 50, Masked: []string{"/summary", "/secret"}, Dropped: []string{"/hidden", "/status"}},
	}
	grant := func(t release.Treatment) policy.Grant {
		return policy.Grant{Treatment: t, Agreement: "ISA-A", Version: 2}
	}
	days := 3
	for _, test := range []struct {
		name       string
		fields     map[string]policy.Grant
		values     map[string]any
		treatments map[string]release.Treatment
		want       quality
	}{
		{
			"all in full", map[string]policy.Grant{"/reported_on": grant(release.Full), "/summary": grant(release.Full), "/status": grant(release.Full)},
			map[string]any{"/reported_on": "2025-03-09", "/summary": "x"}, map[string]release.Treatment{"/reported_on": release.Full, "/summary": release.Full},
			quality{Completeness: 66, DaysToReceipt: &days, Masked: []string{"/summary"}, Dropped: []string{"/status"}},
		},
		{
			"the month only", map[string]policy.Grant{"/reported_on": grant(release.Month)},
			map[string]any{"/reported_on": "2025-03"}, map[string]release.Treatment{"/reported_on": release.Month},
			quality{Completeness: 100, Masked: []string{}, Dropped: []string{}},
		},
		{
			"withheld and counted", map[string]policy.Grant{"/secret": grant(release.Withhold), "/hidden": grant(release.CountOnly)}, nil, nil,
			quality{Completeness: 100, Masked: []string{}, Dropped: []string{}},
		},
	} {
		got := provenanceOf(policy.GroupDecision{Fields: test.fields}, ds, c, test.values, test.treatments)
		if diff := cmp.Diff(test.want, got.Quality); diff != "" {
			t.Errorf("%s:\n%s", test.name, diff)
		}
	}
}
