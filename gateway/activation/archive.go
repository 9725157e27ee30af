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
	r, err := Archive{s.Events}.Rules(ctx, s.known.revision)
	if fault.Is(err, fault.NotFound) || fault.Is(err, fault.Internal) {
		return nil, fault.Wrap(fault.Unavailable, "activation.Open",
			"The rules that the log names as the last in force are not in the archive any more. The operator has to restore the database.", err).
			WithCode("archive-lost")
	}
	return r, err
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
	known, err := historyOf(ctx, store)
	if err != nil {
		return nil, err
	}
	if known.revision == "" {
		return nil, fault.New(fault.NotFound, "activation.Latest", "No rules were ever in force in this log.")
	}
	return Archive{events}.Rules(ctx, known.revision)
}

// storeLog is a log that nobody has open here.
type storeLog struct {
	Log

	store audit.Store
}

func (l storeLog) Search(ctx context.Context, q audit.Query) ([]audit.Indexed, error) {
	return audit.Search(ctx, l.store, q)
}

func historyOf(ctx context.Context, store audit.Store) (history, error) {
	h := newHistory()
	return h, h.read(ctx, storeLog{store: store})
}

// InForce gives the policies that the log says were in force, and no others.
type InForce struct {
	archive   Archive
	revisions map[string]bool
}

// Replayable returns the archive as the log speaks of it.
func Replayable(ctx context.Context, store audit.Store, events event.Store) (*InForce, error) {
	known, err := historyOf(ctx, store)
	if err != nil {
		return nil, err
	}
	return &InForce{archive: Archive{events}, revisions: known.revisions}, nil
}

// Engine is like Archive.Engine, and answers Internal for a revision of which the
// log does not say that it came into force: whoever writes rows can put rules of
// their own making under a revision.
func (f *InForce) Engine(ctx context.Context, revision string) (*policy.Engine, error) {
	if !f.revisions[revision] {
		return nil, fault.New(fault.Internal, "activation.Engine", "The log does not say that these rules were ever in force.").
			WithCode("never-in-force")
	}
	return f.archive.Engine(ctx, revision)
}
