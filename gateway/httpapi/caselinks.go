package httpapi

import (
	"net/http"
	"regexp"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/concord-gateway/concord/gateway/caselink"
	"github.com/concord-gateway/concord/gateway/fault"
)

// analystForm is what the subject of a token looks like. The log names the
// analyst openly, so free text has no place there.
var analystForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._@:/-]{0,127}$`)

// caseLinkRequest asks for a link between an analyst, a case and a person.
type caseLinkRequest struct {
	CaseRef string       `json:"case_ref"`
	Analyst string       `json:"analyst"`
	Subject *identifiers `json:"subject"`
}

// caseLinkItem is a link that was made.
type caseLinkItem struct {
	ID         string  `json:"id"`
	CaseRef    string  `json:"case_ref"`
	Analyst    string  `json:"analyst"`
	Kind       string  `json:"kind"`
	Expires    *string `json:"expires"`
	AuditIndex int64   `json:"audit_index"`
}

// check checks what does not concern the person.
func (r *caseLinkRequest) check() error {
	if err := required([2]string{"case_ref", r.CaseRef}, [2]string{"analyst", r.Analyst}); err != nil {
		return err
	}
	if !analystForm.MatchString(r.Analyst) {
		return invalid("/analyst", "analyst-form", "The analyst is named by the subject of their token.")
	}
	return nil
}

// createCaseLink makes a link: assigned by a supervisor to somebody else, or
// claimed by an analyst for themselves, which raises an alert.
func (s *server) createCaseLink(c *call) (*reply, error) {
	var req caseLinkRequest
	if err := decode(c.Request, &req); err != nil {
		return nil, err
	}
	if err := req.check(); err != nil {
		return nil, err
	}
	if err := s.authorise(c, map[string]string{"analyst": req.Analyst}); err != nil {
		return nil, err
	}
	subject, err := req.Subject.subject()
	if err != nil {
		return nil, err
	}
	link, receipt, err := s.Profiles.Link(c.ctx(), c.asking("", "", req.CaseRef), req.Analyst, subject)
	if err != nil {
		return nil, err
	}
	if link.State == caselink.SelfClaimed { // for whoever watches the operator's log
		s.Logger.Warn("alert", "kind", "case-link-self-claimed", "request_id", c.requestID, "link", link.ID, "audit_index", receipt.First)
	}
	item := caseLinkItem{
		ID: link.ID, CaseRef: req.CaseRef, Analyst: req.Analyst, Kind: link.State,
		Expires: stampOr(link.Expires()), AuditIndex: receipt.First,
	}
	return &reply{status: http.StatusCreated, body: item}, nil
}

// stampOr is a time as the API writes it, or nil for none.
func stampOr(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	text := stamp(t)
	return &text
}

// caseLinkEntry is a link as supervisors see it: not of whom it is.
type caseLinkEntry struct {
	ID        string  `json:"id"`
	CaseRef   string  `json:"case_ref"`
	Analyst   string  `json:"analyst"`
	Kind      string  `json:"kind"`
	By        string  `json:"by"`
	At        string  `json:"at"`
	Expires   *string `json:"expires"`
	Ended     *string `json:"ended"`
	EndedBy   *string `json:"ended_by"`
	Reference *string `json:"reference"`
	InForce   bool    `json:"in_force"`
}

// caseLinksPage is how many links a page has at most.
const caseLinksPage = 100

// listCaseLinks lists the links of the caller's agency. Those that analysts claimed for
// themselves are the alerts: `kind=self_claimed`.
func (s *server) listCaseLinks(c *call) (*reply, error) {
	want, err := s.caseLinkFilter(c)
	if err != nil {
		return nil, err
	}
	after := c.Query("cursor")
	if after != "" && !isUUID(after) {
		return nil, fault.New(fault.Invalid, "httpapi.listCaseLinks", "The query parameter cursor is not of a page before.").WithCode("query-parameter")
	}
	found, next, err := s.Profiles.Links.List(c.ctx(), c.principal.Agency, after, caseLinksPage, want)
	if err != nil {
		return nil, err
	}
	now := s.Clock()
	out := list[caseLinkEntry]{Items: make([]caseLinkEntry, len(found)), Next: next}
	for i := range found {
		out.Items[i] = entryOf(&found[i], now)
	}
	return &reply{body: out}, nil
}

func entryOf(e *caselink.Entry, now time.Time) caseLinkEntry {
	item := caseLinkEntry{
		ID: e.ID, CaseRef: e.CaseRef, Analyst: e.Analyst.Subject, Kind: e.State, By: e.By, At: stamp(e.At),
		Expires: stampOr(e.Expires), Ended: stampOr(e.Ended), InForce: e.InForce(now),
	}
	if e.EndedBy != "" {
		item.EndedBy = &e.EndedBy
	}
	if e.Reference != "" {
		item.Reference = &e.Reference
	}
	return item
}

// caseLinkFilter reads which links are asked for.
func (s *server) caseLinkFilter(c *call) (func(*caselink.Entry) bool, error) {
	const op = "httpapi.listCaseLinks"
	kind, _ := c.GetQuery("kind")
	if kind != "" && kind != caselink.Assigned && kind != caselink.SelfClaimed {
		return nil, fault.New(fault.Invalid, op, "The query parameter kind is assigned or self_claimed.").WithCode("query-parameter")
	}
	text, given := c.GetQuery("in_force")
	inForce, err := strconv.ParseBool(text)
	if given && (err != nil || text != strconv.FormatBool(inForce)) {
		return nil, fault.New(fault.Invalid, op, "The query parameter in_force is true or false.").WithCode("query-parameter")
	}
	now := s.Clock()
	return func(e *caselink.Entry) bool {
		return (kind == "" || e.State == kind) && (!given || e.InForce(now) == inForce)
	}, nil
}

// isUUID reports whether a text is a UUID in its usual spelling.
func isUUID(text string) bool {
	id, err := uuid.Parse(text)
	return err == nil && id.String() == text
}

// endRequest ends a link.
type endRequest struct {
	Reason string `json:"reason"`
}

// endCaseLink ends a link of the caller's agency.
func (s *server) endCaseLink(c *call) (*reply, error) {
	var req endRequest
	if err := decode(c.Request, &req); err != nil {
		return nil, err
	}
	if err := required([2]string{"reason", req.Reason}); err != nil {
		return nil, err
	}
	id := c.Param("id")
	if !isUUID(id) {
		return nil, fault.New(fault.NotFound, "httpapi.endCaseLink", "There is no such link.")
	}
	e, receipt, err := s.Profiles.EndLink(c.ctx(), c.asking("", req.Reason, ""), id)
	if err != nil {
		return nil, err
	}
	return &reply{body: struct {
		caseLinkEntry

		AuditIndex int64 `json:"audit_index"`
	}{entryOf(e, s.Clock()), receipt.First}}, nil
}
