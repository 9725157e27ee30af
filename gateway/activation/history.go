package activation

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/rulebook"
)

// The kinds of log entries that activation writes (Entry.Admin["kind"]).
const (
	KindActivated = "policy-activated"
	KindRefused   = "policy-refused"
	KindApproved  = "agreement-approved"
	KindLive      = "agreement-live"
	KindEnded     = "agreement-ended"
	KindSuspended = "agreement-suspended"
)

// history is what the log says of earlier activations.
type history struct {
	// revision is that of the newest activation; empty before the first.
	revision string
	// revisions are all that were ever in force.
	revisions map[string]bool
	// sequence is the highest that was ever in force.
	sequence int64
	// founded is set once any agreement was live.
	founded bool
	// suspensions are all there ever were, in the order of the log.
	suspensions []rulebook.Suspension
	// refused are the candidates that were refused, by digest and code.
	refused map[string]bool
	// time is that of the newest entry: the clock is not believed to stand before
	// it.
	time time.Time
	// last is the index of the last entry that has been read. The log's first
	// entry introduces a session, so that zero is none of them.
	last int64
}

func newHistory() history { return history{revisions: map[string]bool{}, refused: map[string]bool{}} }

// read takes up what has come into the log since the last time.
func (h *history) read(ctx context.Context, log Log) error {
	var news []audit.Indexed
	q := audit.Query{Action: audit.Admin, Purpose: Purpose, After: h.last}
	for {
		page, err := log.Search(ctx, q)
		if err != nil {
			return err
		}
		news = append(news, page...)
		if len(page) == 0 || page[len(page)-1].Index == 0 {
			break
		}
		q.Before = page[len(page)-1].Index
	}
	slices.Reverse(news)
	for i := range news {
		if err := h.take(&news[i]); err != nil {
			return fault.Wrap(fault.Internal, "activation.Open",
				"An entry of the log about the rules cannot be read.", fmt.Errorf("entry %d: %w", news[i].Index, err))
		}
		h.last = news[i].Index
	}
	return nil
}

func (h *history) take(e *audit.Indexed) error {
	at, err := time.Parse(time.RFC3339Nano, e.Entry.Time)
	if err != nil {
		return err
	}
	if at.After(h.time) {
		h.time = at
	}
	about := e.Entry.Admin
	switch about["kind"] {
	case KindActivated:
		sequence, errSequence := strconv.ParseInt(about["sequence"], 10, 64)
		live, errLive := strconv.Atoi(about["live"])
		if err := cmp.Or(errSequence, errLive); err != nil {
			return err
		}
		h.activated(about["revision"], sequence, live)
	case KindRefused:
		h.refused[about["bundle_sha256"]+about["code"]] = true
	case KindSuspended:
		version, errVersion := strconv.Atoi(about["version"])
		_, errDate := time.Parse(time.DateOnly, about["on"])
		if err := cmp.Or(errVersion, errDate); err != nil {
			return err
		}
		h.suspend(rulebook.Suspension{
			Version: rulebook.Version{Agreement: about["agreement"], Version: version},
			On:      about["on"], By: e.Entry.Actor.Agency, Entry: e.Index,
		})
	}
	return nil
}

func (h *history) activated(revision string, sequence int64, live int) {
	h.revision, h.sequence = revision, max(h.sequence, sequence)
	h.revisions[revision] = true
	h.founded = h.founded || live > 0
}

// suspend keeps a suspension.
func (h *history) suspend(s rulebook.Suspension) {
	if !slices.Contains(h.suspensions, s) {
		h.suspensions = append(h.suspensions, s)
		slices.SortFunc(h.suspensions, func(a, b rulebook.Suspension) int { return cmp.Compare(a.Entry, b.Entry) })
	}
}

// stopped returns the suspension that holds for a version, or false. The newest
// of an agreement counts. It holds for the version that was suspended and those
// before, and for a later one too, unless its parties have signed that they lift
// this very suspension: what was signed before it, or by one party, does not.
func (h *history) stopped(v rulebook.Version, lifts int64) (rulebook.Suspension, bool) {
	for _, s := range slices.Backward(h.suspensions) {
		if s.Agreement != v.Agreement {
			continue
		}
		if v.Version > s.Version.Version && lifts == s.Entry {
			return s, false
		}
		s.Version = v // it holds for this one
		return s, true
	}
	return rulebook.Suspension{}, false
}
