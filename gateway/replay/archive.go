package replay

import (
	"context"
	"errors"

	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/policy"
)

// Archive gives the engine of a revision, rebuilt from what was archived when it
// came into force. An engine that calls itself otherwise is asked all the same,
// and every decision of it differs in its revision. Archive answers a fault of kind NotFound where nothing was
// archived, Internal where what is archived is not what the revision names, and
// Unavailable where it cannot be read now. Its engines may take their time: a
// decision that comes too late counts as none.
type Archive interface {
	Engine(ctx context.Context, revision string) (*policy.Engine, error)
}

// enginesAtMost bounds how many engines are held at once: a log goes from one
// revision to the next, with some overlap.
const enginesAtMost = 4

// engines hands out the engines of revisions.
type engines struct {
	archive Archive
	held    map[string]*judge
	// order are the revisions that are held, the newest last.
	order []string
}

// judge decides by one revision, or says why nobody can.
type judge struct {
	engine *policy.Engine
	memo   *policy.Memo
	lacks  Reason
}

func (e *engines) of(ctx context.Context, revision string) (*judge, error) {
	if j, ok := e.held[revision]; ok {
		return j, nil
	}
	j := &judge{}
	engine, err := e.archive.Engine(ctx, revision)
	switch {
	case fault.Is(err, fault.Unavailable), err != nil && ctx.Err() != nil:
		return nil, err
	case fault.Is(err, fault.NotFound):
		j.lacks = NoArchive
	case err != nil:
		j.lacks = ArchiveDamaged
	default:
		j.engine, j.memo = engine, policy.NewMemo(engine)
	}
	if len(e.order) >= enginesAtMost {
		delete(e.held, e.order[0])
		e.order = e.order[1:]
	}
	e.held[revision], e.order = j, append(e.order, revision)
	return j, nil
}

// decide answers a question, or says that it is undecided. A context that has
// ended is an error, and so is a Memo that is found unsound.
func decide(ctx context.Context, m *policy.Memo, in policy.Input) (*policy.Settled, Reason, error) {
	s, err := m.Decide(ctx, in)
	switch {
	case err == nil:
		return s, "", nil
	case ctx.Err() != nil || fault.Is(err, fault.Internal):
		return nil, "", err
	case fault.Is(err, fault.Invalid):
		return nil, FactsUnreadable, nil
	}
	var f *fault.Error
	if errors.As(err, &f) && f.Code != failed {
		return nil, Unanswered, nil
	}
	return nil, Undecided, nil
}

// failed is the code of an evaluation that ended without any answer.
const failed = "policy-failed"

// again asks the engine itself.
func (j *judge) again(ctx context.Context, in policy.Input) (*policy.Settled, error) {
	d, err := j.engine.Decide(ctx, in)
	if err != nil {
		return nil, errors.Join(errors.New("the engine does not answer again"), err)
	}
	return &policy.Settled{Decision: d, Digest: d.Digest()}, nil
}
