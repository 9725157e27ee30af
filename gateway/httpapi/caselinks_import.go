package httpapi

import (
	"regexp"
	"strconv"

	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/profile"
)

const (
	// maxImport is how many links one request may bring: with their entries they fit
	// into one batch of the log.
	maxImport = 200
	// maxImportBody bounds its body.
	maxImportBody = 256 << 10
)

// referenceForm is what a case system may call a link: no free text, so that nothing
// about a person is written there by mistake.
var referenceForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}$`)

// importRequest brings the links that a case system knows of.
type importRequest struct {
	Links []importLink `json:"links"`
}

type importLink struct {
	Reference string       `json:"reference"`
	CaseRef   string       `json:"case_ref"`
	Analyst   string       `json:"analyst"`
	Subject   *identifiers `json:"subject"`
}

// importedItem says what became of one link. Row counts from 1.
type importedItem struct {
	Row       int     `json:"row"`
	Reference *string `json:"reference"`
	ID        *string `json:"id"`
	Outcome   string  `json:"outcome"`
	Code      *string `json:"code"`
	Message   *string `json:"message"`
	Pointer   *string `json:"pointer"`
}

// importCaseLinks takes links from a case system. It is for service accounts: the role
// is one that no person holds.
func (s *server) importCaseLinks(c *call) (*reply, error) {
	var req importRequest
	if err := decode(c.Request, &req); err != nil {
		return nil, err
	}
	if n := len(req.Links); n == 0 || n > maxImport {
		return nil, invalid("/links", "too-many", "One request brings 1 to "+strconv.Itoa(maxImport)+" links.")
	}
	rows := make([]profile.ImportRow, len(req.Links))
	for i := range req.Links {
		rows[i] = s.importRow(c, &req.Links[i])
		if err := rows[i].Err; err != nil && (fault.KindOf(err) != fault.Invalid && fault.KindOf(err) != fault.Forbidden) {
			return nil, err // the policy does not answer
		}
	}
	done, receipt, err := s.Profiles.ImportLinks(c.ctx(), c.asking("", "", ""), rows)
	if err != nil {
		return nil, err
	}
	count := map[string]int{}
	items := make([]importedItem, len(done))
	for i, d := range done {
		count[d.Outcome]++
		items[i] = importedOf(i, rows[i].Reference, d)
	}
	return &reply{body: struct {
		Created    int            `json:"created"`
		Unchanged  int            `json:"unchanged"`
		Refused    int            `json:"refused"`
		Items      []importedItem `json:"items"`
		AuditIndex int64          `json:"audit_index"`
	}{count[profile.LinkCreated], count[profile.LinkUnchanged], count[profile.LinkRefused], items, receipt.First}}, nil
}

// importRow checks one link. Whom it may be for, concord.access decides.
func (s *server) importRow(c *call, l *importLink) (row profile.ImportRow) {
	if !referenceForm.MatchString(l.Reference) {
		row.Err = invalid("/reference", "reference-form", "The reference is 1 to 128 letters, digits and ._:/- of the case system's own.")
		return row
	}
	row = profile.ImportRow{Reference: l.Reference, CaseRef: l.CaseRef, Analyst: l.Analyst}
	link := caseLinkRequest{CaseRef: l.CaseRef, Analyst: l.Analyst}
	if row.Err = link.check(); row.Err != nil {
		return row
	}
	if row.Err = s.authorise(c, map[string]string{"analyst": l.Analyst}); row.Err != nil {
		return row
	}
	row.Subject, row.Err = l.Subject.subject()
	return row
}

func importedOf(i int, reference string, d profile.Imported) importedItem {
	text := func(s string) *string {
		if s == "" {
			return nil
		}
		return &s
	}
	item := importedItem{Row: i + 1, Reference: text(reference), ID: text(d.ID), Outcome: d.Outcome}
	if d.Err != nil {
		p := newProblem(d.Err, "")
		item.Code, item.Message, item.Pointer = text(p.Code), text(p.Detail), text(p.Pointer)
	}
	return item
}
