package activation

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/concord-gateway/concord/gateway/agreement"
	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/rulebook"
)

// The kinds of log entries that activation writes (Entry.Admin["kind"]).
const (
	KindActivated = "policy-activated"
	KindRefused   = "policy-refused"
	KindLive      = "agreement-live"
	KindEnded     = "agreement-ended"
	KindSuspended = "agreement-suspended"
)

// history is what the log says of earlier activations.
type history struct {
	// revision is that of the newest activation; empty before the first.
	revision string
	// sequence is the highest that was ever in force.
	sequence int64
	// suspensions are all there ever were.
	suspensions []rulebook.Suspension
	// last is the index of the last entry that has been read. The log's first
	// entry introduces a session, so that zero is none of them.
	last int64
}

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
		if err := h.take(ctx, log, &news[i]); err != nil {
			return fault.Wrap(fault.Internal, "activation.Open",
				"An entry of the log about the rules cannot be read.", fmt.Errorf("entry %d: %w", news[i].Index, err))
		}
		h.last = news[i].Index
	}
	return nil
}

func (h *history) take(ctx context.Context, log Log, e *audit.Indexed) error {
	about := e.Entry.Admin
	switch about["kind"] {
	case KindActivated:
		n, err := strconv.ParseInt(about["sequence"], 10, 64)
		if err != nil {
			return err
		}
		h.revision, h.sequence = about["revision"], max(h.sequence, n)
	case KindSuspended:
		s, err := suspension(ctx, log, e)
		if err != nil {
			return err
		}
		h.suspend(s)
	}
	return nil
}

// suspended reports whether a version is suspended, by itself or with a later one.
func (h *history) suspended(v rulebook.Version) bool {
	return slices.ContainsFunc(h.suspensions, func(s rulebook.Suspension) bool {
		return s.Agreement == v.Agreement && s.Version.Version >= v.Version
	})
}

// suspend keeps a suspension, the earliest of each version.
func (h *history) suspend(s rulebook.Suspension) {
	if slices.ContainsFunc(h.suspensions, func(t rulebook.Suspension) bool { return t.Version == s.Version }) {
		return
	}
	h.suspensions = append(h.suspensions, s)
	slices.SortFunc(h.suspensions, func(a, b rulebook.Suspension) int {
		return cmp.Or(cmp.Compare(a.Agreement, b.Agreement), cmp.Compare(a.Version.Version, b.Version.Version))
	})
}

// suspension reads one from its entry. The reason is sealed in the entry and
// goes when the log's retention ends.
func suspension(ctx context.Context, log Log, e *audit.Indexed) (rulebook.Suspension, error) {
	about := e.Entry.Admin
	version, errVersion := strconv.Atoi(about["version"])
	_, errDate := time.Parse(time.DateOnly, about["on"])
	if err := cmp.Or(errVersion, errDate); err != nil {
		return rulebook.Suspension{}, err
	}
	private, err := log.OpenPrivate(ctx, e.Index)
	reason := private.Justification
	if fault.Is(err, fault.NotFound) {
		reason, err = "no longer kept", nil
	}
	return rulebook.Suspension{
		Version:    rulebook.Version{Agreement: about["agreement"], Version: version},
		Suspension: agreement.Suspension{On: about["on"], By: e.Entry.Actor.Agency, Reason: reason},
	}, err
}
