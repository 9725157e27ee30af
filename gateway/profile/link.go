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
// person.
func (s *Service) Link(ctx context.Context, a Asking, analyst string, subject linkage.Subject) (caselink.Link, audit.Receipt, error) {
	at := s.Clock().UTC().Truncate(time.Microsecond)
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
	h, err := s.Keys.Hasher(ctx, keyring.RefScope(at))
	if err != nil {
		return link, audit.Receipt{}, err
	}
	t := &trail{asking: a, at: at}
	d := t.draft(audit.Admin, "")
	d.Admin = map[string]string{"kind": "case-link", "link": link.ID, "state": link.State, "analyst": analyst}
	d.Private.SubjectRefs = linkage.Refs(h, subject)
	receipt, err := s.Log.Append(ctx, audit.Request{ID: a.RequestID, Actor: t.actor(), Time: at, Drafts: []audit.Draft{d}})
	if err != nil {
		return link, receipt, err
	}
	return link, receipt, s.Links.Add(ctx, link)
}
