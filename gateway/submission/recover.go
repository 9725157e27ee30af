package submission

import (
	"context"
	"encoding/json"
	"time"

	"github.com/google/uuid"

	"github.com/concord-gateway/concord/gateway/event"
	"github.com/concord-gateway/concord/gateway/fault"
)

// recoverWindow is how far back Recover looks. Submission ids are UUIDv7 and so
// sort by time; a gateway is not expected to be down for longer.
const recoverWindow = 30 * 24 * time.Hour

// Recover logs and closes the submissions that were cut off between storing
// and logging, takes up the jobs that nobody works on, closes the uploads that were
// given up, and returns how many were closed. Where the gateway has the store
// for itself, it runs before the gateway takes requests. Where others share it,
// Deps.Grace leaves alone those that another gateway may still be working on, and
// it runs from time to time.
func (s *Service) Recover(ctx context.Context) (int, error) {
	var n int
	err := s.unfinished(ctx, eventKind, over, func(id string, old bool) error {
		st, err := s.readStream(ctx, "submission.Recover", id)
		if fault.Is(err, fault.Internal) { // one that cannot be read must not keep the others waiting
			s.Logger.Error("a submission cannot be read", "submission", id, "error", err)
			return nil
		}
		if err != nil || st.result != nil {
			return err
		}
		closed, err := s.takeUp(ctx, st, old)
		if closed {
			n++
		}
		return err
	})
	return n, err
}

// takeUp goes on with a submission that is open, or closes it.
func (s *Service) takeUp(ctx context.Context, st *stream, old bool) (closed bool, err error) {
	switch {
	case st.bytes >= 0: // a job; its journal says whether another gateway is at it
		s.jobs.start(st.id, st.Agency)
		return false, nil
	case st.Kept:
		err := s.lapse(ctx, "submission.Recover", st)
		return st.result != nil, err
	case !old:
		return false, nil
	}
	err = s.closeInterrupted(ctx, st)
	return err == nil, err
}

// unfinished calls f with each thing of a kind, of the last recoverWindow, whose
// stream is not over; old says that it is older than Deps.Grace.
func (s *Service) unfinished(ctx context.Context, kind string, over func(*event.Event) bool, f func(id string, old bool) error) error {
	const page = 100 // a row of a submission that has ended lists its errors
	after, young := floor(s.Clock().Add(-recoverWindow)), floor(s.Clock().Add(-s.Grace))
	s.mu.Lock()
	after = max(after, s.ended[kind])
	s.mu.Unlock()
	ended, open := after, false // all up to ended are over
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.ended[kind] = ended
	}()
	for {
		last, err := s.Events.List(ctx, kind, after, page)
		if err != nil {
			return err
		}
		for i := range last {
			e := &last[i]
			after = e.ID
			if over(e) {
				if !open && e.ID <= young {
					ended = e.ID
				}
				continue
			}
			open = true
			if err := f(e.ID, s.Grace == 0 || e.ID <= young); err != nil {
				return err
			}
		}
		if len(last) < page {
			return nil
		}
	}
}

// openedOf reads the opening of a thing.
func (s *Service) openedOf(ctx context.Context, kind, id string) (o opened, err error) {
	rows, err := s.Events.Stream(ctx, kind, id)
	if err != nil {
		return o, err
	}
	if len(rows) == 0 {
		return o, notFound("submission.Recover")
	}
	if err := json.Unmarshal(rows[0].Body, &o); err != nil {
		return o, fault.Wrap(fault.Internal, "submission.Recover", "What was cut off cannot be read.", err)
	}
	return o, nil
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
