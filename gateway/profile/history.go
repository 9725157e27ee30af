package profile

import (
	"cmp"
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/event"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/keyring"
)

// history returns all editions, oldest first, after holding the store against
// the log, which cannot be cut short unseen.
//
// The rule: the first entry of the log that names edition n is edition n. It is
// written when the series are durable, so from then on the edition can be made
// whole from entry and series; the manifest only finds it. Of two that freeze at
// once, the one whose entry comes second sees the other's and gives way. Where
// the manifest is missing, because the process ended before it was kept or
// because somebody deleted it, history keeps it again. Where the series are
// missing, no crash did that, and nothing is frozen any more: history answers
// Unavailable.
func (s *Service) history(ctx context.Context) ([]*edition, error) {
	kept, err := s.manifests(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]*edition, 0, len(kept)+1)
	for _, m := range kept {
		e, err := s.load(ctx, m)
		if err != nil {
			return nil, err
		}
		out = append(out, e)
	}
	logged, err := s.loggedSince(ctx, out)
	if err != nil {
		return nil, err
	}
	for n := int64(len(out)); len(logged) > 0; n++ {
		m, ok := logged[n]
		if !ok {
			return nil, lost(fmt.Errorf("the log names editions after number %d, but not that one", n))
		}
		e, err := s.load(ctx, m)
		switch {
		case fault.Is(err, fault.Internal):
			return nil, lost(err)
		case err != nil:
			return nil, err
		}
		if err := s.keep(ctx, m); err != nil {
			return nil, err
		}
		out = append(out, e)
		delete(logged, n)
	}
	return out, nil
}

func lost(cause error) error {
	return fault.Wrap(fault.Unavailable, "profile.Freeze",
		"The log names an edition that is not in the store any more. The operator has to restore it before another can be frozen.", cause).
		WithCode("edition-lost")
}

// claim keeps the manifest of an edition that was just logged, unless another
// entry came first.
func (s *Service) claim(ctx context.Context, m storedManifest, before []*edition) error {
	logged, err := s.loggedSince(ctx, before)
	if err != nil {
		return err
	}
	first, ok := logged[m.N]
	if !ok {
		return lost(fmt.Errorf("entry %d of the log is not found: its search rows have to be built again", m.AuditIndex))
	}
	if first.Edition != m.Edition {
		return fault.Wrap(fault.Conflict, "profile.Freeze", "Another edition was frozen meanwhile.",
			fmt.Errorf("edition %d is %q by the log, not %s", m.N, first.Edition, m.Edition)).WithCode("edition-exists")
	}
	return s.keep(ctx, m)
}

// keep seals and inserts a manifest. That it is there already is no error:
// another process may have found its entry first.
func (s *Service) keep(ctx context.Context, m storedManifest) error {
	sealer, err := s.Keys.Sealer(ctx, keyring.EditionScope)
	if err != nil {
		return err
	}
	row, err := sealRow(sealer, event.Event{Kind: manifestKind, ID: manifestID, N: m.N}, m)
	if err != nil {
		return err
	}
	err = s.Events.Insert(ctx, row)
	if !fault.Is(err, fault.Conflict) {
		return err
	}
	kept, err := s.manifests(ctx)
	if err != nil {
		return err
	}
	if m.N >= int64(len(kept)) || kept[m.N].Edition != m.Edition {
		return fault.Wrap(fault.Internal, "profile.Freeze", "The edition could not be kept.",
			fmt.Errorf("edition %d in the store is not the one in the log", m.N))
	}
	return nil
}

// logged describes an edition in the open part of its log entry.
func (m *storedManifest) logged() map[string]string {
	return map[string]string{
		"kind": manifestKind, "n": strconv.FormatInt(m.N, 10), "edition": m.Edition, "from": m.From, "to": m.To,
		"series": strconv.Itoa(m.Series), "series_sha256": m.SeriesSHA256,
	}
}

// loggedSince returns the first entry of each edition that the log names after
// those given, by number.
func (s *Service) loggedSince(ctx context.Context, known []*edition) (map[int64]storedManifest, error) {
	since := int64(-1)
	if len(known) > 0 {
		since = known[len(known)-1].manifest.AuditIndex
	}
	out := map[int64]storedManifest{}
	q := audit.Query{Action: audit.Admin}
	for {
		page, err := s.Log.Search(ctx, q)
		if err != nil {
			return nil, err
		}
		for i := range page {
			e := &page[i]
			if e.Index <= since {
				return out, nil
			}
			if e.Entry.Admin["kind"] != manifestKind {
				continue
			}
			m, err := fromLog(e)
			if err != nil {
				return nil, fault.Wrap(fault.Internal, "profile.Freeze", "An entry of the log about an edition cannot be read.", err)
			}
			if m.N >= int64(len(known)) {
				out[m.N] = m // newest first: the first entry stays
			}
		}
		if len(page) == 0 || page[len(page)-1].Index == 0 {
			return out, nil
		}
		q.Before = page[len(page)-1].Index
	}
}

// fromLog makes a manifest of a log entry: the one that was kept, or should be.
func fromLog(e *audit.Indexed) (storedManifest, error) {
	about := e.Entry.Admin
	n, errN := strconv.ParseInt(about["n"], 10, 64)
	series, errSeries := strconv.Atoi(about["series"])
	at, errAt := time.Parse(time.RFC3339Nano, e.Entry.Time)
	if err := cmp.Or(errN, errSeries, errAt); err != nil {
		return storedManifest{}, fmt.Errorf("entry %d: %w", e.Index, err)
	}
	return storedManifest{
		Manifest: Manifest{
			Edition: about["edition"], FrozenAt: at.UTC(), From: about["from"], To: about["to"],
			Series: series, By: e.Entry.Actor.Subject, AuditIndex: e.Index,
		},
		N: n, SeriesSHA256: about["series_sha256"],
	}, nil
}
