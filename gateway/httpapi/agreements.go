package httpapi

import (
	"slices"
	"strings"

	"github.com/concord-gateway/concord/gateway/activation"
	"github.com/concord-gateway/concord/gateway/agreement"
	"github.com/concord-gateway/concord/gateway/approval"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/rulebook"
)

// agreementItem is one version of an agreement as the register shows it.
type agreementItem struct {
	ID        string `json:"id"`
	Version   int    `json:"version"`
	Title     string `json:"title"`
	Provider  string `json:"provider"`
	Recipient string `json:"recipient"`
	// Status is that of a live agreement, or how far its approval has come.
	Status   string           `json:"status"`
	Valid    agreement.Period `json:"valid"`
	Review   string           `json:"review"`
	Datasets []string         `json:"datasets"`
	Purposes []string         `json:"purposes"`
	Approval approvalItem     `json:"approval"`
}

// approvalItem says who has approved a version.
type approvalItem struct {
	State    approval.State       `json:"state"`
	Digest   string               `json:"digest"`
	LiveFrom *string              `json:"live_from"`
	Signed   []approval.Signature `json:"signed"`
	Missing  []string             `json:"missing"`
	Void     string               `json:"void"`
}

// listAgreements lists every version that is live or may come: what was
// superseded is history, and is in the log. Agreements are not secret: that they
// can be seen is what trust in them rests on.
func (s *server) listAgreements(c *call) (*reply, error) {
	out := list[agreementItem]{Items: []agreementItem{}}
	rules := c.rules()
	for _, a := range rules.Versions {
		if live, ok := rules.Agreements.Get(a.ID); !ok || live.Version <= a.Version {
			out.Items = append(out.Items, s.agreementItem(rules, a))
		}
	}
	return &reply{body: out}, nil
}

func (s *server) agreementItem(rules *rulebook.Rules, a *agreement.Agreement) agreementItem {
	at, st := s.Clock(), rules.Standing(rulebook.VersionOf(a))
	item := agreementItem{
		ID: a.ID, Version: a.Version, Title: a.Title, Provider: a.Provider.Agency, Recipient: a.Recipient.Agency,
		Status: string(st.State(at)), Valid: a.Valid, Review: a.Review, Datasets: []string{}, Purposes: []string{},
		Approval: approvalItem{State: st.State(at), Digest: st.Digest, Signed: st.Signed, Missing: st.Missing, Void: st.Void},
	}
	if live, ok := rules.Agreements.Get(a.ID); ok && live.Version == a.Version {
		item.Status = string(live.Status(at))
	}
	if !st.LiveFrom.IsZero() {
		from := stamp(st.LiveFrom)
		item.Approval.LiveFrom = &from
	}
	for _, share := range a.Datasets {
		item.Datasets = append(item.Datasets, share.Dataset)
		for _, p := range share.Purposes {
			item.Purposes = append(item.Purposes, p.Purpose)
		}
	}
	slices.Sort(item.Purposes)
	item.Purposes = slices.Compact(item.Purposes)
	return item
}

// readAgreement returns one agreement whole: the live version, as it is
// enforced, or where none is live the newest.
func (s *server) readAgreement(c *call) (*reply, error) {
	rules := c.rules()
	a, ok := rules.Agreements.Get(c.Param("id"))
	if !ok {
		a, ok = newest(rules, c.Param("id"))
	}
	if !ok {
		return nil, noAgreement("httpapi.readAgreement")
	}
	return &reply{body: struct {
		agreementItem

		Agreement *agreement.Agreement `json:"agreement"`
	}{s.agreementItem(rules, a), a}}, nil
}

// newest returns the highest version of an agreement, live or not.
func newest(rules *rulebook.Rules, id string) (found *agreement.Agreement, ok bool) {
	for _, a := range rules.Versions { // ordered by id and version
		if a.ID == id {
			found, ok = a, true
		}
	}
	return found, ok
}

func noAgreement(op string) error {
	return fault.New(fault.NotFound, op, "There is no such agreement.").WithCode("agreement-unknown")
}

// maxReason bounds the reason of a suspension, in bytes.
const maxReason = 500

// suspendRequest stops an agreement.
type suspendRequest struct {
	Reason string `json:"reason"`
}

// suspendedItem says since when an agreement is suspended.
type suspendedItem struct {
	ID      string           `json:"id"`
	Version int              `json:"version"`
	Status  agreement.Status `json:"status"`
	// Suspended says since when and by whom. Why, is sealed in the log entry.
	Suspended  suspension `json:"suspended"`
	AuditIndex int64      `json:"audit_index"`
}

type suspension struct {
	On string `json:"on"`
	By string `json:"by"`
}

// suspendAgreement stops an agreement at once. Either party alone may.
func (s *server) suspendAgreement(c *call) (*reply, error) {
	var req suspendRequest
	if err := decode(c.Request, &req); err != nil {
		return nil, err
	}
	if err := required([2]string{"reason", req.Reason}); err != nil {
		return nil, err
	}
	if len(req.Reason) > maxReason || strings.ContainsAny(req.Reason, "\x00\r") {
		return nil, invalid("/reason", "reason-form", "The reason is at most 500 bytes of text.")
	}
	a, ok := newest(c.rules(), c.Param("id"))
	party := ""
	if ok {
		party = a.Provider.Agency
		if a.Recipient.Agency == c.principal.Agency {
			party = a.Recipient.Agency
		}
	}
	if err := s.authorise(c, map[string]string{"agency": party}); err != nil {
		return nil, err
	}
	if !ok {
		return nil, noAgreement("httpapi.suspendAgreement")
	}
	done, err := s.Activation.Suspend(c.ctx(), activation.Suspend{
		Principal: c.principal, RequestID: c.requestID, Client: c.client(), Agreement: a.ID, Reason: req.Reason,
	})
	if err != nil {
		return nil, err
	}
	return &reply{body: suspendedItem{
		ID: a.ID, Version: done.Suspension.Version.Version, Status: agreement.Suspended,
		Suspended: suspension{On: done.Suspension.On, By: done.Suspension.By}, AuditIndex: done.Suspension.Entry,
	}}, nil
}
