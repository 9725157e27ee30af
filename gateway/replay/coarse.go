package replay

import "slices"

// coarseness is what the counts of a coarse report are rounded up to.
const coarseness = 10

// Coarse is the report for one provider, told to that provider: what other
// agencies' data or requests would show in is left out, and every count is rounded
// up to the next ten. Whoever may ask for it as often as they like, about rules of
// somebody's making, must not count out who was asked about.
func (r ImpactReport) Coarse() ImpactReport {
	r.Considered, r.Affected, r.AreaRequests = r.Considered.coarse(), r.Affected.coarse(), upTo(r.AreaRequests)
	r.Obligations, r.NotConsidered, r.Revisions = 0, map[Reason]int64{}, map[string]int64{}
	r.Changes = slices.Clone(r.Changes)
	for i := range r.Changes {
		r.Changes[i].Requests, r.Changes[i].Subjects = upTo(r.Changes[i].Requests), upTo(r.Changes[i].Subjects)
	}
	return r
}

func (c Counts) coarse() Counts {
	return Counts{Requests: upTo(c.Requests), Subjects: upTo(c.Subjects)}
}

func upTo(n int64) int64 { return (n + coarseness - 1) / coarseness * coarseness }
