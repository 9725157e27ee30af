package httpapi

import (
	"net/http"
	"regexp"

	"github.com/concord-gateway/concord/gateway/fault"
)

// datasetItem describes a dataset that the caller's agency may share.
type datasetItem struct {
	Name            string `json:"name"`
	Title           string `json:"title"`
	Description     string `json:"description"`
	Version         string `json:"version"`
	Kind            string `json:"kind"`
	SpecialCategory bool   `json:"special_category"`
}

// listDatasets lists what can be shared under the agreements of the caller's
// agency.
func (s *server) listDatasets(c *call) (*reply, error) {
	out := list[datasetItem]{Items: []datasetItem{}}
	for _, d := range c.rules().Datasets.All() {
		if c.rules().Agreements.Visible(c.principal.Agency, d.Name) {
			out.Items = append(out.Items, datasetItem{
				Name: d.Name, Title: d.Title, Description: d.Description, Version: d.Version,
				Kind: string(d.Kind), SpecialCategory: d.SpecialCategory,
			})
		}
	}
	return &reply{body: out}, nil
}

// readSchema returns a dataset's JSON Schema. A dataset that the caller's
// agency shares nothing of answers as one that does not exist.
func (s *server) readSchema(c *call) (*reply, error) {
	d, ok := c.rules().Datasets.Get(c.Param("dataset"))
	if !ok || !c.rules().Agreements.Visible(c.principal.Agency, d.Name) {
		return nil, fault.New(fault.NotFound, "httpapi.readSchema", "There is no such dataset.")
	}
	return &reply{raw: d.Schema, contentType: "application/schema+json"}, nil
}

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

// createCaseLink makes a link: assigned by a supervisor to somebody else, or
// claimed by an analyst for themselves.
func (s *server) createCaseLink(c *call) (*reply, error) {
	var req caseLinkRequest
	if err := decode(c.Request, &req); err != nil {
		return nil, err
	}
	if err := required([2]string{"case_ref", req.CaseRef}, [2]string{"analyst", req.Analyst}); err != nil {
		return nil, err
	}
	if !analystForm.MatchString(req.Analyst) {
		return nil, invalid("/analyst", "analyst-form", "The analyst is named by the subject of their token.")
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
	item := caseLinkItem{ID: link.ID, CaseRef: req.CaseRef, Analyst: req.Analyst, Kind: link.State, AuditIndex: receipt.First}
	if e := link.Expires(); !e.IsZero() {
		text := stamp(e)
		item.Expires = &text
	}
	return &reply{status: http.StatusCreated, body: item}, nil
}
