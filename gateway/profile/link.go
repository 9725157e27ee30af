package profile

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/caselink"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/keyring"
	"github.com/concord-gateway/concord/gateway/linkage"
)

// Link links an analyst of the caller's agency to a person for the case of the
// request: claimed where the analyst is the caller, else assigned. Who may do
// which is for concord.access to decide before. It is logged first, with keyed
// references of the person in the sealed part, so that links can be audited by
// person. The entry of a claimed link is marked as an alert.
func (s *Service) Link(ctx context.Context, a Asking, analyst string, subject linkage.Subject) (caselink.Link, audit.Receipt, error) {
	at := s.linkTime()
	link := caselink.Link{
		State: caselink.Assigned, CaseRef: a.CaseRef, Subject: subject, By: a.Principal.Subject,
		Analyst: caselink.Analyst{Subject: analyst, Agency: a.Principal.Agency}, At: at,
	}
	if analyst == a.Principal.Subject {
		link.State = caselink.SelfClaimed
	}
	id, err := uuid.NewV7()
	if err != nil {
		return link, audit.Receipt{}, fault.Wrap(fault.Internal, "profile.Link", "No id could be made.", err)
	}
	link.ID = id.String()
	d, err := s.linkDraft(ctx, a, &link)
	if err != nil {
		return link, audit.Receipt{}, err
	}
	receipt, err := s.logLinks(ctx, a, at, d)
	if err != nil {
		return link, receipt, err
	}
	return link, receipt, s.Links.Add(ctx, link)
}

// linkTime is when a link begins or ends, as finely as the log says it.
func (s *Service) linkTime() time.Time { return s.Clock().UTC().Truncate(time.Microsecond) }

// linkDraft is what the log says of a link that is made.
func (s *Service) linkDraft(ctx context.Context, a Asking, l *caselink.Link) (audit.Draft, error) {
	h, err := s.Keys.Hasher(ctx, keyring.RefScope(l.At))
	if err != nil {
		return audit.Draft{}, err
	}
	a.CaseRef = l.CaseRef
	t := &trail{asking: a, at: l.At}
	d := t.draft(audit.Admin, "")
	d.Admin = map[string]string{"kind": "case-link", "link": l.ID, "state": l.State, "analyst": l.Analyst.Subject}
	if l.State == caselink.SelfClaimed {
		d.Admin["alert"] = "self-claimed"
	}
	if l.Reference != "" {
		d.Admin["source"] = "import"
	}
	d.Private.SubjectRefs = linkage.Refs(h, l.Subject)
	return d, nil
}

func (s *Service) logLinks(ctx context.Context, a Asking, at time.Time, drafts ...audit.Draft) (audit.Receipt, error) {
	t := &trail{asking: a, at: at}
	return s.Log.Append(ctx, audit.Request{ID: a.RequestID, Actor: t.actor(), Time: at, Drafts: drafts})
}

// EndLink ends a link of the caller's agency, for the justification of the request. It
// is logged first. A link of another agency answers NotFound, like one that does not
// exist; one that has been ended answers Conflict.
func (s *Service) EndLink(ctx context.Context, a Asking, id string) (*caselink.Entry, audit.Receipt, error) {
	e, err := s.Links.Find(ctx, a.Principal.Agency, id)
	if err != nil {
		return nil, audit.Receipt{}, err
	}
	if !e.Ended.IsZero() {
		return nil, audit.Receipt{}, fault.New(fault.Conflict, "profile.EndLink", "The link has ended.").WithCode("link-ended")
	}
	a.CaseRef = e.CaseRef
	at := s.linkTime()
	d := (&trail{asking: a, at: at}).draft(audit.Admin, "")
	d.Admin = map[string]string{"kind": "case-link-end", "link": e.ID, "analyst": e.Analyst.Subject}
	receipt, err := s.logLinks(ctx, a, at, d)
	if err != nil {
		return nil, receipt, err
	}
	e.Ended, e.EndedBy = at, a.Principal.Subject
	return e, receipt, s.Links.End(ctx, a.Principal.Agency, id, a.Principal.Subject, at)
}
