package submission

import (
	"context"
	"encoding/json"
	"time"

	"github.com/google/uuid"

	"github.com/concord-gateway/concord/gateway/event"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/identity"
)

// Get returns what became of a submission of the caller's own agency. Another
// agency's submission answers NotFound, like one that does not exist.
func (s *Service) Get(ctx context.Context, p identity.Principal, id string) (*Result, error) {
	const op = "submission.Get"
	if _, err := uuid.Parse(id); err != nil {
		return nil, notFound(op)
	}
	rows, err := s.Events.Stream(ctx, eventKind, id)
	if err != nil {
		return nil, err
	}
	if len(rows) == 0 {
		return nil, notFound(op)
	}
	var first opened
	if err := json.Unmarshal(rows[0].Body, &first); err != nil {
		return nil, fault.Wrap(fault.Internal, op, "The submission cannot be read.", err)
	}
	if first.Agency != p.Agency {
		return nil, notFound(op)
	}
	if len(rows) == 1 {
		return &Result{ID: id, State: Processing, Errors: []RowError{}}, nil
	}
	var last finished
	if err := json.Unmarshal(rows[len(rows)-1].Body, &last); err != nil {
		return nil, fault.Wrap(fault.Internal, op, "The submission cannot be read.", err)
	}
	return &last.Result, nil
}

// recoverWindow is how far back Recover looks. Submission ids are UUIDv7 and so
// sort by time; a gateway is not expected to be down for longer.
const recoverWindow = 30 * 24 * time.Hour

// Recover logs and closes the submissions that were cut off between storing
// and logging, and returns how many there were. Where the gateway has the store
// for itself, it runs before the gateway takes requests. Where others share it,
// Deps.Grace leaves alone those that another gateway may still be working on, and
// it runs from time to time.
func (s *Service) Recover(ctx context.Context) (int, error) {
	var n int
	err := s.cutOff(ctx, eventKind, func(id string, o opened) error {
		err := s.closeInterrupted(ctx, id, o)
		if err == nil {
			n++
		}
		return err
	})
	return n, err
}

// cutOff calls f with each thing of a kind, of the last recoverWindow and older
// than Deps.Grace, whose stream ends with its opening.
func (s *Service) cutOff(ctx context.Context, kind string, f func(id string, o opened) error) error {
	const page = 500
	after, young := floor(s.Clock().Add(-recoverWindow)), floor(s.Clock().Add(-s.Grace))
	for {
		last, err := s.Events.List(ctx, kind, after, page)
		if err != nil {
			return err
		}
		for _, e := range last {
			after = e.ID
			if e.N > 0 || s.Grace > 0 && e.ID > young {
				continue
			}
			var o opened
			if err := json.Unmarshal(e.Body, &o); err != nil {
				return fault.Wrap(fault.Internal, "submission.Recover", "What was cut off cannot be read.", err)
			}
			if err := f(e.ID, o); err != nil {
				return err
			}
		}
		if len(last) < page {
			return nil
		}
	}
}

// closeInterrupted logs that a submission was cut off, and closes it.
func (s *Service) closeInterrupted(ctx context.Context, id string, o opened) error {
	r := collectEntry(o, id, Interrupted)
	r.Time = s.Clock().UTC()
	receipt, err := s.Log.Append(ctx, r)
	if err != nil {
		return err
	}
	res := Result{ID: id, State: Interrupted, Errors: []RowError{}, AuditIndex: &receipt.First}
	res.Receipt = &Receipt{SubmissionID: id, Audit: receipt}
	raw, err := json.Marshal(finished{Agency: o.Agency, Result: res})
	if err != nil {
		return fault.Wrap(fault.Internal, "submission.Recover", "A submission cannot be recorded.", err)
	}
	err = s.Events.Insert(ctx, event.Event{Kind: eventKind, ID: id, N: 1, Body: raw})
	if fault.Is(err, fault.Conflict) {
		return nil // another gateway closed it
	}
	return err
}

// floor is the smallest UUIDv7 of a point in time.
func floor(t time.Time) string {
	ms := t.UnixMilli()
	var id uuid.UUID
	for i := range 6 {
		id[i] = byte(ms >> (8 * (5 - i)))
	}
	return id.String()
}
