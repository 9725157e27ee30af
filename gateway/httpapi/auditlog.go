package httpapi

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/disclosure"
	"github.com/concord-gateway/concord/gateway/fault"
)

// logPurposes are the only uses that DPA 2018 s.62(4) allows of the log.
func logPurposes() []string {
	return []string{"verify-lawfulness", "self-monitoring", "data-integrity", "criminal-proceedings"}
}

// logPurpose reads and checks the purpose of a query of the log.
func logPurpose(c *call) (string, error) {
	p := c.Query("log_purpose")
	if !slices.Contains(logPurposes(), p) {
		return "", fault.New(fault.Invalid, "httpapi.logPurpose",
			"The query parameter log_purpose must be one of "+strings.Join(logPurposes(), ", ")+" (DPA 2018 s.62(4)).").WithCode("log-purpose")
	}
	return p, nil
}

// logReading records that somebody reads the log, before they do, with names
// and values of what more there is to say.
func (s *server) logReading(c *call, purpose string, about ...string) error {
	admin := map[string]string{"kind": "log-query", "route": c.route.name}
	for i := 0; i+1 < len(about); i += 2 {
		admin[about[i]] = about[i+1]
	}
	_, err := s.Log.Append(c.ctx(), audit.Request{
		ID: c.requestID, Time: s.Clock().UTC(),
		Actor: audit.Actor{Agency: c.principal.Agency, Roles: roleNames(c.principal), Subject: c.principal.Subject},
		Drafts: []audit.Draft{{
			Action: audit.Verified, Purpose: purpose,
			Admin:   admin,
			Private: audit.Private{Client: c.client()},
		}},
	})
	return err
}

// listEntries searches the log, newest first.
func (s *server) listEntries(c *call) (*reply, error) {
	purpose, err := logPurpose(c)
	if err != nil {
		return nil, err
	}
	q, err := query(c)
	if err != nil {
		return nil, err
	}
	if err := s.logReading(c, purpose); err != nil {
		return nil, err
	}
	page, err := s.Disclosures.Entries(c.ctx(), q)
	if err != nil {
		return nil, err
	}
	return &reply{body: page}, nil
}

// query reads the filters of a search of the log.
func query(c *call) (audit.Query, error) {
	q := audit.Query{
		Actor: c.Query("actor"), Agency: c.Query("agency"), Action: audit.Action(c.Query("action")),
		Provider: c.Query("provider"), Purpose: c.Query("purpose"), RequestID: c.Query("request_id"), Limit: disclosure.PageSize,
	}
	var err error
	if q.From, err = instant(c, "from"); err != nil {
		return q, err
	}
	if q.To, err = instant(c, "to"); err != nil {
		return q, err
	}
	if q.Before, err = number(c, "cursor"); err != nil {
		return q, err
	}
	limit, err := number(c, "limit")
	if err != nil {
		return q, err
	}
	if limit > 0 {
		q.Limit = int(min(limit, disclosure.PageSize))
	}
	return q, nil
}

// readEntry returns one entry.
func (s *server) readEntry(c *call) (*reply, error) {
	purpose, err := logPurpose(c)
	if err != nil {
		return nil, err
	}
	index, err := index(c)
	if err != nil {
		return nil, err
	}
	if err := s.logReading(c, purpose); err != nil {
		return nil, err
	}
	item, err := s.Disclosures.Entry(c.ctx(), index)
	if err != nil {
		return nil, err
	}
	return &reply{body: item}, nil
}

// readProof proves that an entry is in the published log.
func (s *server) readProof(c *call) (*reply, error) {
	index, err := index(c)
	if err != nil {
		return nil, err
	}
	proof, err := s.Log.Proof(c.ctx(), index)
	if err != nil {
		return nil, err
	}
	return &reply{body: proof}, nil
}

// readCheckpoint returns the newest published checkpoint, a signed note.
func (s *server) readCheckpoint(c *call) (*reply, error) {
	note, err := s.Log.Checkpoint(c.ctx())
	if fault.Is(err, fault.NotFound) {
		return nil, fault.Wrap(fault.NotFound, "httpapi.readCheckpoint", "No checkpoint has been published yet.", err).WithCode("not-yet-published")
	}
	if err != nil {
		return nil, err
	}
	return &reply{raw: note, contentType: "text/plain; charset=utf-8"}, nil
}

// readConsistency proves that a smaller log is the beginning of a larger one.
func (s *server) readConsistency(c *call) (*reply, error) {
	from, err := number(c, "old")
	if err != nil {
		return nil, err
	}
	to, err := number(c, "new")
	if err != nil {
		return nil, err
	}
	proof, err := s.Log.Consistency(c.ctx(), from, to)
	if err != nil {
		return nil, err
	}
	return &reply{body: proof}, nil
}

// exportLog streams the whole log for verification: the open entries, without
// the sealed parts.
func (s *server) exportLog(c *call) (*reply, error) {
	purpose, err := logPurpose(c)
	if err != nil {
		return nil, err
	}
	if err := s.logReading(c, purpose); err != nil {
		return nil, err
	}
	return &reply{contentType: "application/x-ndjson", stream: func(w http.ResponseWriter) error {
		return s.Disclosures.Export(c.ctx(), w)
	}}, nil
}

// listDisclosures is a partner's view: every use of its own data.
func (s *server) listDisclosures(c *call) (*reply, error) {
	before, err := number(c, "cursor")
	if err != nil {
		return nil, err
	}
	page, err := s.Disclosures.Of(c.ctx(), c.principal.Agency, before)
	if err != nil {
		return nil, err
	}
	return &reply{body: page}, nil
}

func index(c *call) (int64, error) {
	n, err := strconv.ParseInt(c.Param("index"), 10, 64)
	if err != nil || n < 0 {
		return 0, fault.New(fault.NotFound, "httpapi.index", "There is no such entry.")
	}
	return n, nil
}

// number reads a non-negative query parameter; absent is 0.
func number(c *call, name string) (int64, error) {
	text, ok := c.GetQuery(name)
	if !ok || text == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 {
		return 0, fault.New(fault.Invalid, "httpapi.number",
			fmt.Sprintf("The query parameter %s must be a whole number.", name)).WithCode("query-parameter")
	}
	return n, nil
}
