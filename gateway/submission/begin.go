package submission

import (
	"context"
	"time"

	"github.com/concord-gateway/concord/gateway/fault"
)

// patience is how long the sender of the last part of a short upload waits for the
// job that stores it.
const patience = 20 * time.Second

// begin makes a job of a submission whose body is there in whole. From the row on
// that says so, the job goes on by itself.
func (s *Service) begin(ctx context.Context, st *stream, b *body) (*Result, error) {
	if err := b.spool(ctx); err != nil {
		return nil, err
	}
	opening := st.next == 0
	st.begun, b.handed = true, true
	var err error
	if opening {
		st.Kept, st.Bytes = true, &b.size
		err = s.append(ctx, st, st.opened)
	} else {
		err = s.append(ctx, st, received{Type: typeReceived, Bytes: b.size})
	}
	switch {
	case err == nil:
		s.jobs.start(st.id, st.Agency)
		return &Result{ID: st.id, State: Processing, Errors: []RowError{}, Progress: &Progress{Bytes: b.size}}, nil
	case fault.Is(err, fault.Conflict) && !opening: // another request was faster: with the same part, or a cancellation
		now, err := s.readStream(ctx, "submission.Append", st.id)
		if err != nil {
			return nil, err
		}
		return s.resultOf(ctx, now)
	case fault.Is(err, fault.Unavailable): // it may be there all the same: the job finds out
		s.jobs.start(st.id, st.Agency)
	}
	return nil, err
}

// awaited goes on with an upload of few rows as a job, so that nothing that happens
// on the way leaves rows behind that nobody accounts for, and waits for its end.
func (s *Service) awaited(ctx context.Context, st *stream, b *body) (*Result, error) {
	res, err := s.begin(ctx, st, b)
	if err != nil || res.Ended() {
		return res, err
	}
	if status := s.jobs.status(st.id); status != nil {
		enough := time.NewTimer(patience)
		defer enough.Stop()
		select {
		case <-status.told:
		case <-enough.C:
		case <-ctx.Done():
		}
	}
	now, err := s.readStream(ctx, "submission.Append", st.id)
	if err != nil {
		return nil, err
	}
	return s.resultOf(ctx, now)
}
