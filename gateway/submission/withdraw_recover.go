package submission

import (
	"context"
	"encoding/json"

	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/erasure"
	"github.com/concord-gateway/concord/gateway/event"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/record"
)

// withdrawnEvent is the second event of a withdrawal.
type withdrawnEvent struct {
	Agency string    `json:"agency"`
	Result Withdrawn `json:"result"`
}

// withdrawn closes a withdrawal. One that a gateway which started meanwhile has
// closed is closed.
func (s *Service) withdrawn(ctx context.Context, id string, e withdrawnEvent) error {
	err := s.event(ctx, withdrawalKind, id, 1, e)
	if fault.Is(err, fault.Conflict) {
		return nil
	}
	return err
}

// RecoverWithdrawals brings to their end the withdrawals that were cut off between
// their log entry and the deletion, and returns how many there were. One without
// an entry did not happen: its submitter was told to send it again. It runs before
// the gateway takes requests, and looks as far back as Recover.
func (s *Service) RecoverWithdrawals(ctx context.Context) (int, error) {
	var n int
	begun := func(e *event.Event) bool { return e.N > 0 }
	err := s.unfinished(ctx, withdrawalKind, begun, func(id string, old bool) error {
		if !old {
			return nil
		}
		o, err := s.openedOf(ctx, withdrawalKind, id)
		if err != nil {
			return err
		}
		done, err := s.withdrawAgain(ctx, id, o)
		if done {
			n++
		}
		return err
	})
	return n, err
}

// entriesAtMost is more than one request puts into the log.
const entriesAtMost = 512

// withdrawAgain does again what the entries of a withdrawal say.
func (s *Service) withdrawAgain(ctx context.Context, id string, o opened) (bool, error) {
	found, err := s.Log.Search(ctx, audit.Query{RequestID: o.RequestID, Action: audit.Erase, Limit: entriesAtMost})
	if err != nil {
		return false, err
	}
	e := withdrawnEvent{Agency: o.Agency, Result: Withdrawn{ID: id, AuditIndex: -1}}
	for i := range found {
		private, err := s.Log.OpenPrivate(ctx, found[i].Index)
		if err != nil {
			return false, err
		}
		erased, err := erasure.Of(found[i].Index, &found[i].Entry, &private)
		if err != nil {
			return false, err
		}
		if erased.Withdrawal != id {
			continue
		}
		if into := o.into(); into != nil {
			if err := s.markMerged(ctx, erased.Keys, *into); err != nil {
				return false, err
			}
		}
		gone, err := s.reach(ctx, &erased, o)
		if err != nil {
			return false, err
		}
		e.Result.Withdrawn += gone
		e.Result.AuditIndex = found[i].Index // the last found is the first of the request
	}
	if e.Result.AuditIndex < 0 {
		return false, nil
	}
	return true, s.withdrawn(ctx, id, e)
}

// reach deletes the rows that an erasure reaches and returns how many records went.
// What was submitted again since stays.
func (s *Service) reach(ctx context.Context, e *erasure.Erasure, o opened) (int, error) {
	named := make(map[record.Key]bool, len(e.Keys))
	for _, k := range e.Keys {
		named[k] = true
	}
	var keys []record.Key
	err := s.Records.Scan(ctx, record.Filter{Provider: o.Agency, Dataset: o.Dataset}, func(r *record.Record) error {
		if !named[r.Key] {
			return nil
		}
		c, err := s.collected(ctx, r.Submission)
		if err == nil && e.Reaches(r.Received, c) {
			keys = append(keys, r.Key)
		}
		return err
	})
	if err != nil {
		return 0, err
	}
	return s.remove(ctx, keys)
}

// collected says where a submission stands in the log, by its events.
func (s *Service) collected(ctx context.Context, id string) (erasure.Collected, error) {
	last, err := s.Events.Last(ctx, eventKind, id)
	if fault.Is(err, fault.NotFound) || err == nil && !over(&last) {
		return erasure.Collected{}, nil
	}
	if err != nil {
		return erasure.Collected{}, err
	}
	var f finished
	if err := json.Unmarshal(last.Body, &f); err != nil {
		return erasure.Collected{}, fault.Wrap(fault.Internal, "submission.RecoverWithdrawals", "A submission cannot be read.", err)
	}
	if f.Result.State == Interrupted || f.Result.AuditIndex == nil {
		return erasure.Collected{}, nil
	}
	return erasure.Collected{Known: true, Index: *f.Result.AuditIndex}, nil
}
