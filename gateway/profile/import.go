package profile

import (
	"context"
	"strconv"

	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/caselink"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/linkage"
)

// ImportRow is one link that a case system knows of.
type ImportRow struct {
	// Reference is the case system's own name of the link. It says nothing about a
	// person.
	Reference string
	CaseRef   string
	Analyst   string
	Subject   linkage.Subject
	// Err says what is wrong with the row, where something is.
	Err error
}

// The outcomes of a row that is imported.
const (
	LinkCreated   = "created"
	LinkUnchanged = "unchanged"
	LinkRefused   = "refused"
)

// Imported is what became of a row. Err says why, of one that was refused.
type Imported struct {
	ID, Outcome string
	Err         error
}

// ImportLinks makes the links that a case system knows of, assigned to analysts of its
// agency. Each row is answered. A row is known by its reference: sent again, it changes
// nothing, and completes what a crash left; with other content it is refused. What is
// to be made is logged first, with one entry for the whole. Where the log, the keys or
// the store cannot answer, the whole fails and can be sent again.
func (s *Service) ImportLinks(ctx context.Context, a Asking, rows []ImportRow) ([]Imported, audit.Receipt, error) {
	at := s.linkTime()
	out, links := make([]Imported, len(rows)), make([]*caselink.Link, len(rows))
	drafts := make([]audit.Draft, 1, len(rows)+1)
	seen, created := map[string]bool{}, 0
	for i, row := range rows {
		if row.Err == nil && seen[row.Reference] {
			row.Err = fault.New(fault.Invalid, "profile.ImportLinks", "The reference stands twice.").WithCode("reference-twice")
		}
		seen[row.Reference] = true
		if out[i] = (Imported{Outcome: LinkRefused, Err: row.Err}); row.Err != nil {
			continue
		}
		l := &caselink.Link{
			State: caselink.Assigned, CaseRef: row.CaseRef, Subject: row.Subject, By: a.Principal.Subject, At: at, Reference: row.Reference,
			Analyst: caselink.Analyst{Subject: row.Analyst, Agency: a.Principal.Agency},
		}
		var err error
		if l.ID, err = s.Links.ImportID(ctx, a.Principal.Agency, row.Reference); err != nil {
			return nil, audit.Receipt{}, err
		}
		links[i], out[i] = l, Imported{ID: l.ID, Outcome: LinkUnchanged}
		_, err = s.Links.Find(ctx, a.Principal.Agency, l.ID)
		switch {
		case fault.Is(err, fault.NotFound):
			d, err := s.linkDraft(ctx, a, l)
			if err != nil {
				return nil, audit.Receipt{}, err
			}
			drafts, out[i].Outcome = append(drafts, d), LinkCreated
			created++
		case err != nil:
			return nil, audit.Receipt{}, err
		}
	}
	drafts[0] = (&trail{asking: a, at: at}).draft(audit.Admin, "")
	drafts[0].Admin = map[string]string{"kind": "case-link-import", "rows": strconv.Itoa(len(rows)), "created": strconv.Itoa(created)}
	receipt, err := s.logLinks(ctx, a, at, drafts...)
	if err != nil {
		return nil, receipt, err
	}
	return out, receipt, s.addLinks(ctx, links, out)
}

// addLinks keeps what is new, and completes what is not.
func (s *Service) addLinks(ctx context.Context, links []*caselink.Link, out []Imported) error {
	for i, l := range links {
		if l == nil {
			continue
		}
		err := s.Links.Add(ctx, *l)
		switch {
		case fault.Is(err, fault.Conflict): // other content under the reference, or ended
			out[i] = Imported{ID: l.ID, Outcome: LinkRefused, Err: err}
		case err != nil:
			return err
		}
	}
	return nil
}
