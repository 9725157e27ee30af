package activation

import (
	"context"

	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/event"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/policy"
	"github.com/concord-gateway/concord/gateway/rulebook"
)

// archiveKind is the kind of event rows that hold archived rules, one for each
// revision.
const archiveKind = "policy-archive"

// archive keeps rules under their revision. That they are there already is no
// error: a revision is always the same rules.
func (s *Service) archive(ctx context.Context, r *rulebook.Rules) error {
	raw, err := r.Archive()
	if err != nil {
		return err
	}
	err = s.Events.Insert(ctx, event.Event{Kind: archiveKind, ID: r.Revision(), Body: raw})
	if fault.Is(err, fault.Conflict) {
		return nil
	}
	return err
}

// lastGood returns the rules of the newest activation in the log, or nil where
// there was none.
func (s *Service) lastGood(ctx context.Context) (*rulebook.Rules, error) {
	if s.known.revision == "" {
		return nil, nil
	}
	return Archive{s.Events}.Rules(ctx, s.known.revision)
}

// Archive gives rules that were in force once.
type Archive struct{ Events event.Store }

// Rules returns the rules of a revision, made again from what was archived when
// they came into force. It answers a fault of kind NotFound where nothing was
// archived under the revision, and Internal where that is not what was in force.
func (a Archive) Rules(ctx context.Context, revision string) (*rulebook.Rules, error) {
	e, err := a.Events.Last(ctx, archiveKind, revision)
	if err != nil {
		return nil, err
	}
	return rulebook.FromArchive(ctx, e.Body, revision)
}

// Engine returns the policy of a revision, with the faults of Rules.
func (a Archive) Engine(ctx context.Context, revision string) (*policy.Engine, error) {
	r, err := a.Rules(ctx, revision)
	if err != nil {
		return nil, err
	}
	return r.Policy, nil
}

// Latest returns the rules that the log names as the newest, from the store of a
// log that nobody has open here. It answers NotFound where no rules were ever in
// force.
func Latest(ctx context.Context, store audit.Store, events event.Store) (*rulebook.Rules, error) {
	q := audit.Query{Action: audit.Admin, Purpose: Purpose}
	for {
		page, err := audit.Search(ctx, store, q)
		if err != nil {
			return nil, err
		}
		for i := range page {
			if e := &page[i].Entry; e.Admin["kind"] == KindActivated {
				return Archive{events}.Rules(ctx, e.Admin["revision"])
			}
			q.Before = page[i].Index
		}
		if len(page) == 0 || q.Before == 0 {
			return nil, fault.New(fault.NotFound, "activation.Latest", "No rules were ever in force in this log.")
		}
	}
}
