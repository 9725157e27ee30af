package httpapi

import "github.com/concord-gateway/concord/gateway/submission"

// withdrawalRequest names what is to go, by the provider's own ids.
type withdrawalRequest struct {
	SourceIDs []string `json:"source_ids"`
	Reason    string   `json:"reason"`
}

// createWithdrawal takes records of the caller's own agency away.
func (s *server) createWithdrawal(c *call) (*reply, error) {
	var req withdrawalRequest
	if err := decode(c.Request, &req); err != nil {
		return nil, err
	}
	if err := required([2]string{"reason", req.Reason}); err != nil {
		return nil, err
	}
	res, err := s.Submissions.Withdraw(c.ctx(), submission.Withdrawal{
		Principal: c.principal, RequestID: c.requestID, Client: c.client(),
		Dataset: c.Param("dataset"), Sources: req.SourceIDs, Reason: req.Reason,
	})
	if err != nil {
		return nil, err
	}
	return &reply{body: res}, nil
}

// mergeRequest names the record that stays and those that go.
type mergeRequest struct {
	Into      string   `json:"into"`
	SourceIDs []string `json:"source_ids"`
	Reason    string   `json:"reason"`
}

// createMerge merges records of the caller's own agency that are about one thing.
func (s *server) createMerge(c *call) (*reply, error) {
	var req mergeRequest
	if err := decode(c.Request, &req); err != nil {
		return nil, err
	}
	if err := required([2]string{"into", req.Into}, [2]string{"reason", req.Reason}); err != nil {
		return nil, err
	}
	res, err := s.Submissions.Merge(c.ctx(), submission.Merge{
		Principal: c.principal, RequestID: c.requestID, Client: c.client(),
		Dataset: c.Param("dataset"), Into: req.Into, Sources: req.SourceIDs, Reason: req.Reason,
	})
	if err != nil {
		return nil, err
	}
	return &reply{body: res}, nil
}
