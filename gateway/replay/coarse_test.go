package replay_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/concord-gateway/concord/gateway/replay"
)

// A coarse report says what would change, and not for how few.
func TestCoarse(t *testing.T) {
	change := replay.Change{Provider: "homes", Dataset: "housing.tenancy", Field: "/uprn", Kind: replay.Released, Requests: 11, Subjects: 1}
	r := replay.ImpactReport{
		Provider: "homes", Considered: replay.Counts{Requests: 20, Subjects: 3}, AreaRequests: 0, Affected: replay.Counts{Requests: 11, Subjects: 1},
		Changes: []replay.Change{change}, Obligations: 4, NotConsidered: map[replay.Reason]int64{replay.NoFacts: 2},
		Revisions: map[string]int64{"r": 20}, Digests: map[string]string{"ISA-1": "d"},
	}
	want := r
	want.Considered, want.Affected = replay.Counts{Requests: 20, Subjects: 10}, replay.Counts{Requests: 20, Subjects: 10}
	change.Requests, change.Subjects = 20, 10
	want.Changes, want.Obligations = []replay.Change{change}, 0
	want.NotConsidered, want.Revisions = map[replay.Reason]int64{}, map[string]int64{}
	if diff := cmp.Diff(want, r.Coarse()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if r.Changes[0].Requests != 11 {
		t.Error("the report itself has changed")
	}
}
