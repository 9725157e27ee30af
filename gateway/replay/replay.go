package replay

import (
	"cmp"
	"context"
	"encoding/hex"
	"slices"
	"time"

	"github.com/concord-gateway/concord/gateway/policy"
)

// Options are those of Replay.
type Options struct {
	// Progress, where set, is told now and then how many entries of the log are
	// done, and at the end.
	Progress func(done, total int64)
}

// Report says what became of every request. Requests = Decisions + all of
// NotReplayable, and Decisions = Identical + DifferingCount.
type Report struct {
	Requests  int64 `json:"requests"`
	Decisions int64 `json:"decisions"`
	Identical int64 `json:"identical"`
	// Differing are the first hundred of those that differ.
	Differing      []Difference     `json:"differing"`
	DifferingCount int64            `json:"differing_count"`
	NotReplayable  map[Reason]int64 `json:"not_replayable"`
	// WithoutDigest counts the decisions of which the log holds no digest: they
	// were held against the entries of the providers alone.
	WithoutDigest int64           `json:"without_digest"`
	Revisions     []RevisionCount `json:"revisions"`
	Took          time.Duration   `json:"took_ns"`
}

// Difference is a request that was decided otherwise than the log says.
type Difference struct {
	Index    int64    `json:"index"`
	Revision string   `json:"revision"`
	What     []string `json:"what"`
}

// RevisionCount says what became of the requests of one revision.
type RevisionCount struct {
	Revision      string `json:"revision"`
	Identical     int64  `json:"identical"`
	Differing     int64  `json:"differing"`
	NotReplayable int64  `json:"not_replayable"`
}

// differingAtMost bounds how many differences are listed.
const differingAtMost = 100

// OK reports whether nothing differs and nothing that ought to be there is
// damaged or missing. Requests that were refused before the policy was asked, and
// those past their retention, are as they should be.
func (r *Report) OK() bool {
	for reason, n := range r.NotReplayable {
		if n > 0 && reason != NoFacts && reason != KeyDestroyed {
			return false
		}
	}
	return r.DifferingCount == 0
}

// Replay decides every request of the log again, by the rules that its entry
// names, and compares. It answers Unavailable where log, keys or archive do not
// answer, and Internal where a batch of the log cannot be read.
func Replay(ctx context.Context, source Source, archive Archive, o Options) (Report, error) {
	began := time.Now()
	r := run{
		engines:   engines{archive: archive, held: map[string]*judge{}},
		agreed:    map[entryKey]bool{},
		revisions: map[string]*RevisionCount{},
		report:    Report{Differing: []Difference{}, NotReplayable: map[Reason]int64{}},
	}
	for a, err := range source.requests(ctx, o.Progress) {
		if err == nil {
			err = r.one(ctx, a)
		}
		if err != nil {
			return Report{}, err
		}
	}
	r.report.Revisions = make([]RevisionCount, 0, len(r.revisions))
	for _, c := range r.revisions {
		r.report.Revisions = append(r.report.Revisions, *c)
	}
	slices.SortFunc(r.report.Revisions, func(a, b RevisionCount) int { return cmp.Compare(a.Revision, b.Revision) })
	r.report.Took = time.Since(began)
	return r.report, nil
}

// run is one replay.
type run struct {
	engines   engines
	agreed    map[entryKey]bool
	revisions map[string]*RevisionCount
	report    Report
}

// one decides one request again.
func (r *run) one(ctx context.Context, a *asked) error {
	r.report.Requests++
	if a.lacks != "" {
		r.lacking(a, a.lacks)
		return nil
	}
	j, err := r.engines.of(ctx, a.PolicyRevision)
	if err != nil {
		return err
	}
	if j.lacks != "" {
		r.lacking(a, j.lacks)
		return nil
	}
	s, lacks, err := decide(ctx, j.memo, a.in)
	if err != nil {
		return err
	}
	switch lacks {
	case "":
	case Unanswered:
		r.decided(a, []string{"no answer"})
		return nil
	default:
		r.lacking(a, lacks)
		return nil
	}
	what := r.differences(a, s)
	if len(what) > 0 {
		if s, err = j.again(ctx, a.in); err != nil {
			r.lacking(a, Undecided)
			return nil //nolint:nilerr // it is counted
		}
		what = r.differences(a, s)
	}
	r.decided(a, what)
	return nil
}

func (r *run) count(revision string) *RevisionCount {
	c := r.revisions[revision]
	if c == nil {
		c = &RevisionCount{Revision: revision}
		r.revisions[revision] = c
	}
	return c
}

func (r *run) lacking(a *asked, why Reason) {
	r.report.NotReplayable[why]++
	if a.PolicyRevision != "" { // one that was refused before it has none
		r.count(a.PolicyRevision).NotReplayable++
	}
}

func (r *run) decided(a *asked, what []string) {
	r.report.Decisions++
	if a.Private.Decision == "" {
		r.report.WithoutDigest++
	}
	c := r.count(a.PolicyRevision)
	if len(what) == 0 {
		r.report.Identical++
		c.Identical++
		return
	}
	r.report.DifferingCount++
	c.Differing++
	if len(r.report.Differing) < differingAtMost {
		r.report.Differing = append(r.report.Differing, Difference{Index: a.Index, Revision: a.PolicyRevision, What: what})
	}
}

// differences says in what a decision is not the logged one.
func (r *run) differences(a *asked, s *policy.Settled) []string {
	var what []string
	if s.Decision.Revision != a.PolicyRevision {
		what = append(what, "revision")
	}
	if logged := a.Private.Decision; logged != "" && logged != hex.EncodeToString(s.Digest[:]) {
		what = append(what, "decision")
	}
	if !a.speaksOfItsFacts() {
		what = append(what, "facts")
	}
	return append(what, r.entries(a, s)...)
}

// speaksOfItsFacts holds the open part of the entry against the facts.
func (a *asked) speaksOfItsFacts() bool {
	const seconds = len("2006-01-02T15:04:05")
	return a.Agency == a.in.Actor.Agency && a.Area == a.in.Request.Area &&
		len(a.Time) > seconds && a.Time[:seconds]+"Z" == a.in.Request.Time
}
