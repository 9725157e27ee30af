package replay

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/policy"
)

// ImpactOptions are those of Impact.
type ImpactOptions struct {
	// At is when the candidate goes live, to the second.
	At time.Time
	// Provider, where set, leaves out the data of every other agency, and the
	// requests that do not concern it.
	Provider string
	// Progress, where set, is told now and then how many entries of the log are
	// done, and at the end.
	Progress func(done, total int64)
}

// ImpactReport says what a candidate would change. It is the same, byte for
// byte as JSON, for the same log, rules and options.
type ImpactReport struct {
	// At is the time for which both rules were asked, RFC 3339 in UTC.
	At string `json:"at"`
	// Candidate and Current are the revisions that were asked.
	Candidate string `json:"candidate"`
	Current   string `json:"current"`
	Provider  string `json:"provider,omitempty"`
	// From and To are when the first and the last of the requests came in.
	From string `json:"from"`
	To   string `json:"to"`
	// Considered are the requests that were decided by both, and AreaRequests
	// those of them that are about an area.
	Considered   Counts `json:"considered"`
	AreaRequests int64  `json:"area_requests"`
	// Affected are those for which anything is released, withheld or treated
	// otherwise.
	Affected Counts   `json:"affected"`
	Changes  []Change `json:"changes"`
	// Obligations counts the requests whose answer would come with another
	// marking, instruction, date or quota.
	Obligations int64 `json:"obligations_changed"`
	// NotConsidered counts by reason the requests that could not be decided. None is
	// Damaged.
	NotConsidered map[Reason]int64 `json:"not_considered"`
	// Revisions counts the considered requests by the revision that decided them
	// when they came in.
	Revisions map[string]int64 `json:"revisions"`
	// Digests is for the caller: the digest of what each agreement of the
	// candidate means, by agreement.
	Digests map[string]string `json:"digests"`
}

// Impact decides every request of the log by the rules in force and by a
// candidate, both as of o.At, and reports what differs. See the package for what
// that means. It answers Invalid where o.At is not set, and Internal where an entry is not
// what was written or does not open with these keys: a report without it would tell of
// less than there is. Other faults are those of Replay.
func Impact(ctx context.Context, source Source, current, candidate *policy.Engine, o ImpactOptions) (ImpactReport, error) {
	if o.At.IsZero() {
		return ImpactReport{}, fault.New(fault.Invalid, "replay.Impact", "The day on which the candidate goes live is not given.").At("/at")
	}
	c := comparison{
		current: policy.NewMemo(current), candidate: policy.NewMemo(candidate), rules: [2]*policy.Engine{current, candidate},
		provider: o.Provider, asked: map[[2]string][2][]policy.Group{}, subjects: newSubjects(), patterns: map[pair]*pattern{},
		report: ImpactReport{
			At: o.At.UTC().Format(time.RFC3339), Candidate: candidate.Revision(), Current: current.Revision(), Provider: o.Provider,
			Changes: []Change{}, NotConsidered: map[Reason]int64{}, Revisions: map[string]int64{}, Digests: map[string]string{},
		},
	}
	for a, err := range source.requests(ctx, o.Progress) {
		if err == nil {
			err = c.one(ctx, a)
		}
		if err != nil {
			return ImpactReport{}, err
		}
	}
	return c.sum(), nil
}

// comparison is one run of Impact.
type comparison struct {
	current, candidate *policy.Memo
	rules              [2]*policy.Engine
	provider           string
	// asked are what both would be asked about, by kind and agency.
	asked    map[[2]string][2][]policy.Group
	subjects *subjects
	patterns map[pair]*pattern
	report   ImpactReport
}

// pair names two decisions by their digests.
type pair [2][sha256.Size]byte

// pattern is what two decisions differ in, and for which requests.
type pattern struct {
	changes     []changeKey
	obligations bool
	requests    int64
	// nodes are the requests about a person.
	nodes []int32
}

// one decides one request by both.
func (c *comparison) one(ctx context.Context, a *asked) error {
	if a.lacks == Damaged {
		return fault.Wrap(fault.Internal, "replay.Impact", "The log has an entry that is not what was written, or that does not open with these keys.",
			fmt.Errorf("entry %d", a.Index))
	}
	if a.lacks != "" {
		c.report.NotConsidered[a.lacks]++
		return nil
	}
	groups := c.groups(a.in.Request.Kind, a.in.Actor.Agency)
	if c.provider != "" && !concerns(groups, c.provider) {
		return nil
	}
	var settled [2]*policy.Settled
	for i, memo := range []*policy.Memo{c.current, c.candidate} {
		in := a.in
		in.Request.Time, in.Groups = c.report.At, groups[i]
		s, lacks, err := decide(ctx, memo, in)
		if err != nil {
			return err
		}
		if lacks != "" {
			c.report.NotConsidered[lacks]++
			return nil
		}
		settled[i] = s
	}
	c.add(a, settled[0], settled[1])
	return nil
}

// groups are what each of the rules would be asked about.
func (c *comparison) groups(kind, agency string) [2][]policy.Group {
	key := [2]string{kind, agency}
	groups, ok := c.asked[key]
	if !ok {
		for i, e := range c.rules {
			groups[i] = e.Asked(kind, agency)
		}
		c.asked[key] = groups
	}
	return groups
}

func concerns(groups [2][]policy.Group, provider string) bool {
	return slices.ContainsFunc(slices.Concat(groups[0], groups[1]), func(g policy.Group) bool { return g.Provider == provider })
}

// add counts a request that both have decided.
func (c *comparison) add(a *asked, current, candidate *policy.Settled) {
	r := &c.report
	if r.From == "" || a.Time < r.From {
		r.From = a.Time
	}
	r.To = max(r.To, a.Time)
	r.Revisions[a.PolicyRevision]++
	r.Considered.Requests++
	key := pair{current.Digest, candidate.Digest}
	p := c.patterns[key]
	if p == nil {
		p = &pattern{
			changes:     changes(&current.Decision, &candidate.Decision, c.provider),
			obligations: obliges(&current.Decision, &candidate.Decision),
		}
		c.patterns[key] = p
	}
	p.requests++
	if a.in.Request.Kind == kindSubject {
		p.nodes = append(p.nodes, c.subjects.add(a.Private.SubjectRefs))
	} else {
		r.AreaRequests++
	}
}

// sum adds the patterns up.
func (c *comparison) sum() ImpactReport {
	r := c.report
	by := map[changeKey][]*pattern{}
	var all, affected [][]int32
	for _, p := range c.patterns {
		all = append(all, p.nodes)
		if len(p.changes) > 0 {
			r.Affected.Requests += p.requests
			affected = append(affected, p.nodes)
		}
		if p.obligations {
			r.Obligations += p.requests
		}
		for _, k := range p.changes {
			by[k] = append(by[k], p)
		}
	}
	r.Considered.Subjects, r.Affected.Subjects = c.subjects.count(all...), c.subjects.count(affected...)
	for k, patterns := range by {
		change := Change{Provider: k.provider, Dataset: k.dataset, Field: k.field, Kind: k.kind, From: k.from, To: k.to}
		var nodes [][]int32
		for _, p := range patterns {
			change.Requests += p.requests
			nodes = append(nodes, p.nodes)
		}
		change.Subjects = c.subjects.count(nodes...)
		r.Changes = append(r.Changes, change)
	}
	slices.SortFunc(r.Changes, func(a, b Change) int {
		return a.key().compare(b.key())
	})
	return r
}

func (c Change) key() changeKey {
	return changeKey{c.Provider, c.Dataset, c.Field, c.Kind, c.From, c.To}
}

// ParseImpact reads a report as Impact writes it, strictly.
func ParseImpact(raw []byte) (ImpactReport, error) {
	var r ImpactReport
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	err := dec.Decode(&r)
	if err == nil && dec.More() {
		err = errors.New("something follows the report")
	}
	if err != nil {
		return ImpactReport{}, fault.Wrap(fault.Invalid, "replay.ParseImpact", "The impact report cannot be read.", err)
	}
	return r, nil
}
