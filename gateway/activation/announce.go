package activation

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/concord-gateway/concord/gateway/agreement"
	"github.com/concord-gateway/concord/gateway/approval"
	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/rulebook"
)

// Purpose stands in every entry that this package writes, so that they are found
// among all others.
const Purpose = "policy-administration"

// maxChanges is how many entries go into one request: fewer than a batch of the
// log takes.
const maxChanges = 400

// announce writes into the log that rules come into force, before they do: one
// entry for the provider of each agreement for which something changes, and
// last one about the whole. What was announced in part is announced again.
func (s *Service) announce(ctx context.Context, r *rulebook.Rules, c Candidate, reason string) error {
	sequence := max(c.Sequence, s.known.sequence)
	drafts := append(s.changes(r), audit.Draft{
		Action: audit.Admin, Purpose: Purpose, PolicyRevision: r.Revision(),
		Admin: map[string]string{
			"kind": KindActivated, "revision": r.Revision(), "previous": s.known.revision, "reason": reason,
			"sequence": strconv.FormatInt(sequence, 10), "author": c.Author,
			"bundle_sha256": c.SHA256, "live": strconv.Itoa(len(r.Choice.Live)), "approvers": s.Approvers.Digest(),
		},
	})
	id, err := uuid.NewV7()
	if err != nil {
		return fault.Wrap(fault.Internal, "activation.Announce", "No id could be made.", err)
	}
	for part := range slices.Chunk(drafts, maxChanges) {
		_, err := s.Log.Append(ctx, audit.Request{ID: id.String(), Actor: s.actor(), Time: s.now().UTC(), Drafts: part})
		if err != nil {
			return err
		}
	}
	s.known.activated(r.Revision(), sequence, len(r.Choice.Live))
	return nil
}

// actor is who acts where nobody in particular does.
func (s *Service) actor() audit.Actor {
	return audit.Actor{Agency: s.Origin, Subject: "activation", Roles: []string{}}
}

// changes are the entries for the providers' registers.
func (s *Service) changes(r *rulebook.Rules) []audit.Draft {
	before := map[string]rulebook.Version{}
	var old *rulebook.Rules
	if s.book != nil {
		old = s.book.Current()
		for _, v := range old.Choice.Live {
			before[v.Agreement] = v
		}
	}
	out := s.approvals(old, r)
	for _, v := range r.Choice.Live {
		was, ok := before[v.Agreement]
		delete(before, v.Agreement)
		if ok && was == v && old.Digest(v) == r.Digest(v) {
			continue
		}
		if a, ok := r.Get(v); ok {
			out = append(out, change(KindLive, a, r.Standing(v)))
		}
	}
	for _, id := range slices.Sorted(maps.Keys(before)) {
		if a, ok := old.Get(before[id]); ok {
			out = append(out, change(KindEnded, a, old.Standing(before[id])))
		}
	}
	return out
}

// approvals are the entries about versions that all parties have approved for
// later, and had not before.
func (s *Service) approvals(old, r *rulebook.Rules) (out []audit.Draft) {
	at := s.now()
	for _, st := range r.Standings {
		v := rulebook.Version{Agreement: st.Agreement, Version: st.Version}
		if st.State(at) != approval.Approved {
			continue
		}
		if old != nil && old.Standing(v).State(at) == approval.Approved && old.Standing(v).Digest == st.Digest {
			continue
		}
		if a, ok := r.Get(v); ok {
			out = append(out, change(KindApproved, a, st))
		}
	}
	return out
}

// change is one entry for a provider's register.
func change(kind string, a *agreement.Agreement, st approval.Standing) audit.Draft {
	signed := make([]string, len(st.Signed))
	for i, sig := range st.Signed {
		signed[i] = sig.Subject + "=" + sig.Key
	}
	return audit.Draft{
		Action: audit.Admin, Purpose: Purpose, Provider: a.Provider.Agency,
		Recipients: []string{a.Recipient.Agency},
		Admin: map[string]string{
			"kind": kind, "agreement": a.ID, "version": strconv.Itoa(a.Version), "digest": st.Digest,
			"live_from": st.LiveFrom.Format(time.RFC3339), "signed": strings.Join(signed, " "),
		},
	}
}

// refuse writes into the log, once, that a candidate was refused. That the log
// does not answer must not hide the refusal itself.
func (s *Service) refuse(ctx context.Context, c Candidate, cause error) {
	code := "policy-invalid"
	var f *fault.Error
	if errors.As(cause, &f) && f.Code != "" {
		code = f.Code
	}
	if s.known.refused[c.SHA256+code] {
		return
	}
	s.Logger.Error("a policy bundle was refused; the rules in force stay", "code", code, "sha256", c.SHA256, "error", cause)
	id, err := uuid.NewV7()
	if err == nil {
		_, err = s.Log.Append(ctx, audit.Request{
			ID: id.String(), Actor: s.actor(), Time: s.now().UTC(),
			Drafts: []audit.Draft{{
				Action: audit.Admin, Purpose: Purpose,
				Admin: map[string]string{"kind": KindRefused, "code": code, "bundle_sha256": c.SHA256, "author": c.Author},
			}},
		})
	}
	if err != nil {
		s.Logger.Error("the refusal of a policy bundle could not be logged", "error", err)
		return
	}
	s.known.refused[c.SHA256+code] = true
}
