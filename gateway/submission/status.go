package submission

import (
	"context"

	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/identity"
)

// Get returns what became of a submission of the caller's own agency, or how far it
// is. Another agency's submission answers NotFound, like one that does not exist.
func (s *Service) Get(ctx context.Context, p identity.Principal, id string) (*Result, error) {
	st, err := s.ownStream(ctx, "submission.Get", p, id)
	if err != nil {
		return nil, err
	}
	return s.resultOf(ctx, st)
}

func (s *Service) resultOf(ctx context.Context, st *stream) (*Result, error) {
	switch {
	case st.result != nil:
		return st.result, nil
	case st.Kept && st.bytes < 0:
		size, err := s.size(ctx, st)
		return uploading(st.id, size), err
	}
	res := &Result{ID: st.id, State: Processing, Errors: []RowError{}}
	if st.bytes < 0 {
		return res, nil
	}
	if status := s.jobs.status(st.id); status != nil && status.fill(res) {
		res.Progress.Bytes = st.bytes
		return res, nil
	}
	return res, s.journaled(ctx, st, res)
}

// journaled writes how far another gateway is with a job into a result.
func (s *Service) journaled(ctx context.Context, st *stream, res *Result) error {
	res.Progress = &Progress{Bytes: st.bytes}
	kept, err := s.pieces.series(ctx, kindJournal, st.id, st.Time)
	if err != nil {
		return err
	}
	raw, _, err := kept.last(ctx)
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	m, err := readMark(raw)
	if err != nil {
		return err
	}
	res.Progress.Rows, res.Progress.RowsTotal = m.Rows, m.RowsTotal
	if m.Phase == storing {
		res.Received, res.Accepted, res.Unchanged = m.Counts.Received, m.Counts.Accepted, m.Counts.Unchanged
		res.Corrected, res.Rejected = m.Counts.Corrected, m.Counts.Rejected
	}
	return nil
}

// Cancel ends an upload or a job of the caller's own agency. Of an upload nothing is
// stored; a job stops after the rows that it is at, and what it stored stays and is
// accounted for. An atomic job that has begun to store goes on: it takes all or none.
// A submission that has ended answers Conflict.
func (s *Service) Cancel(ctx context.Context, p identity.Principal, id string) (*Result, error) {
	const op = "submission.Cancel"
	st, err := s.ownStream(ctx, op, p, id)
	if err != nil {
		return nil, err
	}
	switch {
	case st.cancelled && st.result == nil:
		return s.resultOf(ctx, st)
	case st.result != nil || !st.Kept:
		return nil, errEnded(op)
	case st.bytes < 0:
		return s.cancelUpload(ctx, st)
	}
	if st.Atomic {
		res, err := s.resultOf(ctx, st)
		if err != nil {
			return nil, err
		}
		if res.Received > 0 {
			return nil, fault.New(fault.Conflict, op, "All rows are good and are being stored: it is too late to take none.").WithCode("submission-storing")
		}
	}
	err = s.append(ctx, st, cancelled{Type: typeCancel, Subject: p.Subject, Time: s.now()})
	if fault.Is(err, fault.Conflict) { // it ended at that moment, or was cancelled
		return nil, errEnded(op)
	}
	if err != nil {
		return nil, err
	}
	if status := s.jobs.status(id); status != nil {
		status.askToStop()
	}
	s.jobs.start(id, st.Agency)
	return s.resultOf(ctx, st)
}

func errEnded(op string) error {
	return fault.New(fault.Conflict, op, "The submission has ended, or ends in a moment: there is nothing to cancel.").WithCode("submission-ended")
}

func (s *Service) cancelUpload(ctx context.Context, st *stream) (*Result, error) {
	res, err := s.closeUnlogged(ctx, st, Cancelled)
	if fault.Is(err, fault.Conflict) { // its last part has come meanwhile
		return nil, errEnded("submission.Cancel")
	}
	if err != nil {
		return nil, err
	}
	kept, err := s.pieces.series(ctx, kindUpload, st.id, st.Time)
	if err == nil {
		err = kept.remove(ctx)
	}
	return res, err
}
