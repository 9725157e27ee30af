package activation

import (
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/concord-gateway/concord/gateway/agreement"
	"github.com/concord-gateway/concord/gateway/approval"
	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/identity"
	"github.com/concord-gateway/concord/gateway/rulebook"
)

// Suspend is one party's order to stop an agreement.
type Suspend struct {
	Principal identity.Principal
	RequestID string
	// Client is where the request came from.
	Client    string
	Agreement string
	Reason    string
}

// Suspended is what came of it.
type Suspended struct{ Suspension rulebook.Suspension }

// Suspend stops an agreement at once, whether it is live or approved for a later
// date, and for good: only a new version that all parties have signed goes on. It
// returns when no request that begins afterwards is answered under it. Who may
// suspend is for concord.access to decide before. It answers NotFound for an
// agreement that nobody has approved, and Conflict for one that is suspended
// already.
func (s *Service) Suspend(ctx context.Context, order Suspend) (Suspended, error) {
	const op = "activation.Suspend"
	s.mu.Lock()
	defer s.mu.Unlock()
	at := s.now().UTC()
	a, ok := s.approved(order.Agreement, at)
	if !ok {
		return Suspended{}, fault.New(fault.NotFound, op, "There is no such agreement, or nobody has approved it.").WithCode("agreement-unknown")
	}
	v := rulebook.VersionOf(a)
	_, stopped := s.known.stopped(v, s.book.Current().Standing(v).Lifts)
	if stopped || (a.Suspended != nil && a.Suspended.On <= at.Format(time.DateOnly)) {
		return Suspended{}, fault.New(fault.Conflict, op, "The agreement is suspended already.").WithCode("agreement-suspended")
	}
	out := Suspended{Suspension: rulebook.Suspension{Version: v, On: at.Format(time.DateOnly), By: order.Principal.Agency}}
	receipt, err := s.Log.Append(ctx, audit.Request{
		ID: order.RequestID, Actor: actorOf(order.Principal), Time: at, Drafts: []audit.Draft{order.draft(a, at)},
	})
	if err != nil {
		return Suspended{}, err
	}
	out.Suspension.Entry = receipt.First
	s.known.suspend(out.Suspension)
	// From here on it holds whatever happens, also to the caller: until the rules
	// are exchanged, nothing is answered.
	if err := s.renew(context.WithoutCancel(ctx), "suspension"); err != nil {
		s.book.Halt(true)
		return out, err
	}
	return out, nil
}

// approved returns the highest version of an agreement that is live or will be.
func (s *Service) approved(id string, at time.Time) (found *agreement.Agreement, ok bool) {
	rules := s.book.Current()
	for _, a := range rules.Versions { // ordered by id and version
		state := rules.Standing(rulebook.VersionOf(a)).State(at)
		if a.ID == id && (state == approval.Live || state == approval.Approved) {
			found, ok = a, true
		}
	}
	return found, ok
}

// draft is the entry, for the provider's register.
func (o Suspend) draft(a *agreement.Agreement, at time.Time) audit.Draft {
	return audit.Draft{
		Action: audit.Admin, Purpose: Purpose, Provider: a.Provider.Agency, Recipients: []string{a.Recipient.Agency},
		Admin: map[string]string{
			"kind": KindSuspended, "agreement": a.ID, "version": strconv.Itoa(a.Version),
			"on": at.Format(time.DateOnly), "by": o.Principal.Agency,
		},
		Private: audit.Private{Justification: o.Reason, Client: o.Client},
	}
}

func actorOf(p identity.Principal) audit.Actor {
	roles := make([]string, len(p.Roles))
	for i, r := range p.Roles {
		roles[i] = string(r)
	}
	slices.Sort(roles)
	return audit.Actor{Agency: p.Agency, Subject: p.Subject, Roles: roles}
}
