// Package profile answers the two questions that Concord exists for: what may
// be released about this person, and what does the picture of this area look
// like.
//
// One request takes one road, in an order that does not change:
//
//	policy ──> look-up ──> treatments ──> log ──> answer
//
// The policy decides once, before anything about a person is looked up, so
// what is named as withheld depends on actor, purpose and agreements alone
// (DESIGN, "The way of a request"). The log entry is durable before the answer
// is handed to the caller (invariant 1); if it cannot be written there is no
// answer (invariant 3). Denials take the same road.
package profile

import (
	"context"
	"time"

	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/caselink"
	"github.com/concord-gateway/concord/gateway/event"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/identity"
	"github.com/concord-gateway/concord/gateway/keyring"
	"github.com/concord-gateway/concord/gateway/policy"
	"github.com/concord-gateway/concord/gateway/record"
	"github.com/concord-gateway/concord/gateway/rulebook"
)

// Log is what a profile needs of the audit log.
type Log interface {
	Append(ctx context.Context, r audit.Request) (audit.Receipt, error)
	Expect() *audit.Expectation
	Usage(subject, agency string, at time.Time) audit.Usage
	Wait(subject, agency string, limit audit.Limit, at time.Time) time.Duration
	Search(ctx context.Context, q audit.Query) ([]audit.Indexed, error)
}

// Deps is what the service works with.
type Deps struct {
	Rules   *rulebook.Book
	Links   *caselink.Register
	Records record.Store
	Events  event.Store
	Keys    keyring.Keyring
	Log     Log
	Clock   func() time.Time
}

// Service answers profile requests. It is safe for concurrent use.
type Service struct {
	Deps

	editions editionCache
}

// New returns the service.
func New(d Deps) *Service { return &Service{Deps: d} }

// Asking is what every profile request says about itself.
type Asking struct {
	Principal identity.Principal
	RequestID string
	// Client is where the request came from, for the private part of the log.
	Client        string
	Purpose       string
	Justification string
	CaseRef       string
	Emergency     *policy.Emergency
}

// Denied is the fault of a request of which nothing is permitted. It carries
// what was withheld and why, and the index of the entry that logs it.
type Denied struct {
	Fault      *fault.Error
	Withheld   []policy.Withheld
	AuditIndex int64
}

// Error returns the operator's text.
func (d *Denied) Error() string { return d.Fault.Error() }

// Unwrap returns the fault.
func (d *Denied) Unwrap() error { return d.Fault }

// Answer is the body of a released profile: canonical JSON of everything but
// the audit fields, which lie outside every hash and are put in front.
type Answer struct {
	Receipt audit.Receipt
	// Body is the canonical JSON that response_sha256 covers.
	Body []byte
}

// Handling is how the answer must be handled.
type Handling struct {
	Expires      string   `json:"expires"`
	Instructions []string `json:"instructions"`
	Marking      string   `json:"marking"`
	Review       string   `json:"review"`
}

// The kinds of question, as the policy names them.
const (
	kindSubject = "subject"
	kindArea    = "area"
)

// input builds the question that is put to the policy.
func (s *Service) input(r *rulebook.Rules, a Asking, kind string, at time.Time) policy.Input {
	roles := make([]string, len(a.Principal.Roles))
	for i, role := range a.Principal.Roles {
		roles[i] = string(role)
	}
	used := s.Log.Usage(a.Principal.Subject, a.Principal.Agency, at)
	return policy.Input{
		Actor: policy.Actor{
			Subject: a.Principal.Subject, Agency: a.Principal.Agency,
			Roles: roles, Clearance: a.Principal.Clearance,
		},
		Request: policy.Request{
			Kind: kind, Purpose: a.Purpose, CaseRef: a.CaseRef, CaseLink: caselink.None,
			Emergency: a.Emergency, Time: at.Format(time.RFC3339),
		},
		Usage: policy.Usage{
			SubjectsLastHour: used.LastHour, SubjectsLastDay: used.LastDay,
			AgencySubjectsLastHour: used.AgencyLastHour, AgencySubjectsLastDay: used.AgencyLastDay,
		},
		Groups: r.Policy.Asked(kind, a.Principal.Agency),
	}
}

func handling(o policy.Obligations) Handling {
	h := Handling{Marking: o.Handling, Instructions: o.Instructions, Review: o.Review, Expires: o.Expires}
	if h.Instructions == nil {
		h.Instructions = []string{}
	}
	return h
}
