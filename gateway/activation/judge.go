package activation

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/concord-gateway/concord/gateway/agreement"
	"github.com/concord-gateway/concord/gateway/approval"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/policy"
	"github.com/concord-gateway/concord/gateway/replay"
	"github.com/concord-gateway/concord/gateway/rulebook"
)

// The codes of what is refused, besides those of package bundle.
const (
	CodeOlder    = "bundle-older"
	CodeApproval = "approval-missing"
	CodeImpact   = "impact-missing"
	CodeOverdue  = "review-past"
)

func refusal(code, format string, args ...any) error {
	return fault.New(fault.Invalid, "activation.Offer", fmt.Sprintf(format, args...)).WithCode(code)
}

// judge reads a candidate, puts it together and says whether it may follow what
// is in force.
func (s *Service) judge(ctx context.Context, c Candidate) (*rulebook.Rules, error) {
	if c.Sequence > 0 && c.Sequence < s.known.sequence {
		return nil, refusal(CodeOlder, "The bundle is number %d of its author, and number %d has been in force.", c.Sequence, s.known.sequence)
	}
	if s.draft != nil && c.Files.Revision() == s.draft.Files.Revision() {
		return s.compile(ctx, s.draft) // what is in force already, under the approvals of the moment
	}
	if c.Sequence > 0 && c.Sequence == s.known.sequence {
		return nil, refusal(CodeOlder, "The bundle has the number of the one in force, %d, and is another.", c.Sequence)
	}
	d, err := rulebook.Read(c.Files)
	if err != nil {
		return nil, err
	}
	r, err := s.compile(ctx, d)
	if err != nil {
		return nil, err
	}
	if err := s.keepsFaith(r); err != nil {
		s.again = nextLive(r.Standings, s.now())
		return nil, err
	}
	return r, s.soundAhead(ctx, r)
}

// compile puts a draft together as its approvals and the suspensions of the
// moment have it. Where that is what is in force, it is not compiled again.
func (s *Service) compile(ctx context.Context, d *rulebook.Draft) (*rulebook.Rules, error) {
	var standings []approval.Standing
	if s.book != nil && s.book.Current().Draft == d {
		standings = s.book.Current().Standings // they do not depend on the time
	} else {
		standings = d.Standings(s.Approvers)
	}
	choice := s.choose(standings, s.now())
	if s.book != nil {
		now := s.book.Current()
		if now.Draft == d && now.Choice.Equal(choice) && now.Policy.Evaluator() == policy.EvaluatorVersion() {
			return now, nil
		}
	}
	r, err := d.Rules(ctx, choice)
	if err != nil {
		return nil, err
	}
	r.Standings = standings
	return r, nil
}

// nextLive is when the next of the approved versions goes live, or the zero time.
func nextLive(standings []approval.Standing, at time.Time) (next time.Time) {
	for _, st := range standings {
		if st.State(at) == approval.Approved && (next.IsZero() || st.LiveFrom.Before(next)) {
			next = st.LiveFrom
		}
	}
	return next
}

// keepsFaith refuses a draft that would end or alter a live agreement without
// the approval of its parties, or brings one that was approved without an impact
// report about it.
func (s *Service) keepsFaith(r *rulebook.Rules) error {
	at := s.now()
	var before *rulebook.Rules
	if s.book != nil {
		before = s.book.Current()
		if err := s.stillLive(before, r, at); err != nil {
			return err
		}
	}
	for _, st := range r.Standings {
		v := rulebook.Version{Agreement: st.Agreement, Version: st.Version}
		if st.State(at) != approval.Approved && !slices.Contains(r.Choice.Live, v) {
			continue // not approved, or superseded
		}
		if before != nil && before.Digest(v) == st.Digest && slices.Contains(before.Choice.Live, v) {
			continue // nothing about it is new
		}
		a, _ := r.Get(v)
		// One that has ended releases nothing, and may stay for the record.
		for _, f := range a.Lapsed(at) {
			if f.Rule == CodeOverdue {
				return refusal(CodeOverdue, "Agreement %s, version %d: %s.", st.Agreement, st.Version, f.Message)
			}
		}
		if err := s.impactHolds(r.Draft, a, st); err != nil {
			return err
		}
	}
	return nil
}

// stillLive refuses a draft under which a version that is live, or approved for
// later, has neither stayed as it is nor a successor as far as it. What lacks a
// signature is named before what only lacks its date.
func (s *Service) stillLive(before, r *rulebook.Rules, at time.Time) error {
	var unsigned, early []string
	for _, v := range promised(before, at) {
		a, _ := before.Get(v)
		st, ok := candidateOf(r, v.Agreement)
		live, isLive := r.Agreements.Get(v.Agreement)
		wasLive := slices.Contains(before.Choice.Live, v)
		switch {
		case isLive && live.Version >= v.Version:
		case a.Status(at) == agreement.Expired: // it has ended by itself, and may go
		case !ok || st.Version < v.Version:
			unsigned = append(unsigned, fmt.Sprintf("%s, version %d, is not among the files any more; "+
				"it ends by its dates, by suspension or by a later version", v.Agreement, v.Version))
		case st.State(at) == approval.Approved:
			if wasLive {
				early = append(early, fmt.Sprintf("%s, version %d, is live from %s", v.Agreement, st.Version, st.LiveFrom.Format(time.RFC3339)))
			}
		case st.State(at) == approval.Void:
			unsigned = append(unsigned, fmt.Sprintf("%s, version %d: %s", v.Agreement, st.Version, st.Void))
		default:
			unsigned = append(unsigned, fmt.Sprintf("%s, version %d, is not signed by %s", v.Agreement, st.Version, strings.Join(st.Missing, " and ")))
		}
	}
	switch {
	case len(unsigned) > 0:
		return refusal(CodeApproval, "What all parties approved would lose its place without them: %s.", strings.Join(unsigned, "; "))
	case len(early) > 0:
		return refusal(CodeApproval, "All parties have signed, and the bundle is taken when its day comes: %s.", strings.Join(early, "; "))
	}
	return nil
}

// promised are the versions that are live, and those that will be.
func promised(r *rulebook.Rules, at time.Time) []rulebook.Version {
	out := slices.Clone(r.Choice.Live)
	for _, st := range r.Standings {
		if st.State(at) == approval.Approved {
			out = append(out, rulebook.Version{Agreement: st.Agreement, Version: st.Version})
		}
	}
	return out
}

// candidateOf returns the standing of the highest version of an agreement.
func candidateOf(r *rulebook.Rules, id string) (found approval.Standing, ok bool) {
	for _, st := range r.Standings { // ordered by id and version
		if st.Agreement == id {
			found, ok = st, true
		}
	}
	return found, ok
}

// impactHolds checks that an approval names an impact report that lies beside
// it, is about this very content, and was made against rules that were in force
// here. That its counts are right, is for those to know who sign it: they make it
// themselves, or have it from the gateway.
func (s *Service) impactHolds(d *rulebook.Draft, a *agreement.Agreement, st approval.Standing) error {
	if st.Impact == approval.NoImpact {
		if !s.known.founded {
			return nil
		}
		return refusal(CodeImpact, "Agreement %s, version %d, was signed without an impact report.", st.Agreement, st.Version)
	}
	raw := d.Impact(a)
	report, err := replay.ParseImpact(raw)
	if approval.ImpactHash(raw) != st.Impact || err != nil || report.Digests[a.ID] != st.Digest {
		return refusal(CodeImpact, "Agreement %s, version %d, was signed with an impact report that is missing or about something else.",
			st.Agreement, st.Version)
	}
	if !s.known.revisions[report.Current] {
		return refusal(CodeImpact, "Agreement %s, version %d, was signed with an impact report against rules that were never in force here.",
			st.Agreement, st.Version)
	}
	return nil
}

// soundAhead puts the draft together for each date on which something goes live,
// so that a contradiction is found today and not then.
func (s *Service) soundAhead(ctx context.Context, r *rulebook.Rules) error {
	at, done := s.now(), map[time.Time]bool{}
	for _, st := range r.Standings {
		if st.State(at) != approval.Approved || done[st.LiveFrom] {
			continue
		}
		done[st.LiveFrom] = true
		if _, err := r.Rules(ctx, s.choose(r.Standings, st.LiveFrom)); err != nil {
			return err
		}
	}
	return nil
}

// choose picks what is live at a time: of each agreement the highest version
// that is; and which of them a suspension holds for.
func (s *Service) choose(standings []approval.Standing, at time.Time) rulebook.Choice {
	highest := map[string]approval.Standing{}
	for _, st := range standings { // ordered by id and version
		if st.State(at) == approval.Live {
			highest[st.Agreement] = st
		}
	}
	c := rulebook.Choice{Live: []rulebook.Version{}, Suspensions: []rulebook.Suspension{}}
	for _, id := range slices.Sorted(maps.Keys(highest)) {
		v := rulebook.Version{Agreement: id, Version: highest[id].Version}
		c.Live = append(c.Live, v)
		if sus, ok := s.known.stopped(v, highest[id].Lifts); ok {
			c.Suspensions = append(c.Suspensions, sus)
		}
	}
	return c
}
