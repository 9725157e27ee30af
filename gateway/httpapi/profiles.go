package httpapi

import (
	"bufio"
	"errors"
	"io"
	"net/http"

	"github.com/concord-gateway/concord/gateway/dataset"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/linkage"
	"github.com/concord-gateway/concord/gateway/policy"
	"github.com/concord-gateway/concord/gateway/profile"
)

// subjectRequest is the body of a question about a person. The identifiers are
// in the body, never in the URL (invariant 5).
type subjectRequest struct {
	Purpose       string       `json:"purpose"`
	Justification string       `json:"justification"`
	CaseRef       string       `json:"case_ref"`
	Emergency     *emergency   `json:"emergency"`
	Subject       *identifiers `json:"subject"`
}

type emergency struct {
	Ground   string `json:"ground"`
	Incident string `json:"incident"`
}

// identifiers are what a person may be asked for by.
type identifiers struct {
	NHSNumber   string `json:"nhs_number"`
	UPN         string `json:"upn"`
	PNCID       string `json:"pnc_id"`
	GivenName   string `json:"given_name"`
	FamilyName  string `json:"family_name"`
	DateOfBirth string `json:"date_of_birth"`
	Postcode    string `json:"postcode"`
}

// subject turns the identifiers that are given into a subject.
func (i *identifiers) subject() (linkage.Subject, error) {
	if i == nil {
		return linkage.Subject{}, invalid("/subject", "required", "The field subject is required.")
	}
	given := map[dataset.IdentifierType]string{}
	for t, v := range map[dataset.IdentifierType]string{
		dataset.NHSNumber: i.NHSNumber, dataset.UPN: i.UPN, dataset.PNCID: i.PNCID,
		dataset.GivenName: i.GivenName, dataset.FamilyName: i.FamilyName,
		dataset.DateOfBirth: i.DateOfBirth, dataset.Postcode: i.Postcode,
	} {
		if v != "" {
			given[t] = v
		}
	}
	return linkage.NewSubject(given)
}

// subjectProfile answers what may be released about a person.
func (s *server) subjectProfile(c *call) (*reply, error) {
	var req subjectRequest
	if err := decode(c.Request, &req); err != nil {
		return nil, err
	}
	if err := required([2]string{"purpose", req.Purpose}, [2]string{"justification", req.Justification}, [2]string{"case_ref", req.CaseRef}); err != nil {
		return nil, err
	}
	subject, err := req.Subject.subject()
	if err != nil {
		return nil, err
	}
	ask := c.asking(req.Purpose, req.Justification, req.CaseRef)
	if e := req.Emergency; e != nil {
		if err := required([2]string{"emergency/ground", e.Ground}, [2]string{"emergency/incident", e.Incident}); err != nil {
			return nil, err
		}
		ask.Emergency = &policy.Emergency{Ground: e.Ground, Incident: e.Incident}
	}
	answer, err := s.Profiles.Subject(c.ctx(), ask, subject)
	if err != nil {
		return nil, err
	}
	return released(answer)
}

// asking is what the call says about itself.
func (c *call) asking(purpose, justification, caseRef string) profile.Asking {
	return profile.Asking{
		Principal: c.principal, RequestID: c.requestID, Client: c.client(),
		Purpose: purpose, Justification: justification, CaseRef: caseRef,
	}
}

// areaRequest is the body of a question about an area.
type areaRequest struct {
	Purpose       string `json:"purpose"`
	Justification string `json:"justification"`
	CaseRef       string `json:"case_ref"`
	Area          string `json:"area"`
	From          string `json:"from"`
	To            string `json:"to"`
	By            string `json:"by"`
}

// areaProfile answers what the picture of an area is.
func (s *server) areaProfile(c *call) (*reply, error) {
	var req areaRequest
	if err := decode(c.Request, &req); err != nil {
		return nil, err
	}
	err := required([2]string{"purpose", req.Purpose}, [2]string{"justification", req.Justification}, [2]string{"case_ref", req.CaseRef},
		[2]string{"area", req.Area}, [2]string{"from", req.From}, [2]string{"to", req.To})
	if err != nil {
		return nil, err
	}
	if req.By == "" {
		req.By = string(profile.ByNone)
	}
	answer, err := s.Profiles.Area(c.ctx(), c.asking(req.Purpose, req.Justification, req.CaseRef),
		profile.AreaQuestion{Area: req.Area, From: req.From, To: req.To, By: profile.By(req.By)})
	if err != nil {
		return nil, err
	}
	return released(answer)
}

// createEdition freezes a new edition.
func (s *server) createEdition(c *call) (*reply, error) {
	body := bufio.NewReader(c.Request.Body)
	if _, err := body.Peek(1); !errors.Is(err, io.EOF) { // an empty body may have come without a length
		c.Request.Body = io.NopCloser(body)
		var none struct{}
		if err := decode(c.Request, &none); err != nil {
			return nil, err
		}
	}
	m, err := s.Profiles.Freeze(c.ctx(), c.asking("", "", ""))
	if err != nil {
		return nil, err
	}
	return &reply{status: http.StatusCreated, body: m}, nil
}

// listEditions lists the editions, newest last.
func (s *server) listEditions(c *call) (*reply, error) {
	all, err := s.Profiles.Editions(c.ctx())
	if err != nil {
		return nil, err
	}
	return &reply{body: list[profile.Manifest]{Items: all}}, nil
}

// list is a page of items. Next is the cursor of the next page, or empty.
type list[T any] struct {
	Items []T    `json:"items"`
	Next  string `json:"next"`
}

// explainRequest asks what would be released, without asking about anybody.
type explainRequest struct {
	Purpose   string     `json:"purpose"`
	Provider  string     `json:"provider"`
	Dataset   string     `json:"dataset"`
	Emergency *emergency `json:"emergency"`
}

// explain answers "may I?" field by field.
func (s *server) explain(c *call) (*reply, error) {
	var req explainRequest
	if err := decode(c.Request, &req); err != nil {
		return nil, err
	}
	if err := required([2]string{"purpose", req.Purpose}); err != nil {
		return nil, err
	}
	q := profile.ExplainQuestion{Provider: req.Provider, Dataset: req.Dataset}
	ask := c.asking(req.Purpose, "", "")
	if e := req.Emergency; e != nil {
		ask.Emergency = &policy.Emergency{Ground: e.Ground, Incident: e.Incident}
	}
	items, err := s.Profiles.Explain(c.ctx(), ask, q)
	if err != nil {
		return nil, err
	}
	if len(items) == 0 && (req.Provider != "" || req.Dataset != "") {
		return nil, fault.New(fault.NotFound, "httpapi.explain", "There is no such dataset.")
	}
	return &reply{body: map[string]any{"items": items}}, nil
}
