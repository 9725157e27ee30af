package httpapi

import (
	"slices"

	"github.com/google/uuid"

	"github.com/concord-gateway/concord/gateway/coverage"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/identity"
)

// readQuality is the quality of one submission of the caller's agency.
func (s *server) readQuality(c *call) (*reply, error) {
	id, err := uuid.Parse(c.Param("id"))
	if err != nil {
		return nil, fault.New(fault.NotFound, "httpapi.readQuality", "There is no such submission.")
	}
	q, err := s.Coverage.Submission(c.ctx(), c.principal.Agency, id.String())
	if err != nil {
		return nil, err
	}
	return &reply{body: q}, nil
}

// The actions that stand behind one route: of one's own agency's data, and of
// everybody's.
const (
	qualityOwn = "quality.read"
	qualityAll = "quality.all"
)

// listQuality is the quality of what came, month by month. A lead of the host
// sees every provider; everybody else their own agency.
func (s *server) listQuality(c *call) (*reply, error) {
	if slices.Contains(c.principal.Roles, identity.IGLead) {
		if err := s.authoriseAs(c, qualityAll, map[string]string{}); err != nil {
			return nil, err
		}
	} else {
		provider := c.DefaultQuery("provider", c.principal.Agency)
		if err := s.authoriseAs(c, qualityOwn, map[string]string{"agency": provider}); err != nil {
			return nil, err
		}
	}
	q, err := s.question(c)
	if err != nil {
		return nil, err
	}
	if !slices.Contains(c.principal.Roles, identity.IGLead) {
		q.Provider = c.principal.Agency
	}
	items, err := s.Coverage.Quality(c.ctx(), q)
	if err != nil {
		return nil, err
	}
	return &reply{body: list[coverage.MonthOfQuality]{Items: items}}, nil
}

// listCoverage says what was agreed, what came and what is missing. How many rows
// came is for the leads alone: an analyst reads suppressed tables.
func (s *server) listCoverage(c *call) (*reply, error) {
	q, err := s.question(c)
	if err != nil {
		return nil, err
	}
	q.Coarse = !slices.Contains(c.principal.Roles, identity.IGLead)
	items, err := s.Coverage.Coverage(c.ctx(), q)
	if err != nil {
		return nil, err
	}
	return &reply{body: list[coverage.Item]{Items: items}}, nil
}

// question reads the filters that quality and coverage have in common.
func (s *server) question(c *call) (coverage.Question, error) {
	months, err := coverage.NewRange(c.Query("from"), c.Query("to"), s.Clock())
	return coverage.Question{Provider: c.Query("provider"), Dataset: c.Query("dataset"), Range: months}, err
}
