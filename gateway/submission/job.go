package submission

import (
	"context"
	"errors"
	"time"

	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/quality"
)

// job is a submission that goes on by itself, from where its journal ends. It is
// owned by one goroutine.
type job struct {
	*work

	upload  *series
	journal *journal
	phase   phase
	// done is how many rows are done in the phase, total how many there are.
	done, total int
	// status is told how far the job is.
	status *jobStatus
	// chunk are the rows since the last mark, chunkSize how many bytes they are.
	chunk     []outcome
	chunkSize int
	// marked is what the last mark says.
	marked marked
	// state is what became of the job, once that is known, and why says why it failed.
	state string
	why   *RowError
}

// marked is what a mark says of rows.
type marked struct {
	counts  counts
	digest  []byte
	kept    int64
	listed  int
	quality *quality.Tally
}

// errCancelled says that the sender wants no more of it.
var errCancelled = fault.New(fault.Conflict, "submission.job", "The submission was cancelled.")

// runJob takes a job to its end, or to an error: of kind Unavailable where it can go
// on later.
func (s *Service) runJob(ctx context.Context, id string, status *jobStatus) error {
	st, err := s.readStream(ctx, "submission.job", id)
	switch {
	case fault.Is(err, fault.NotFound): // it was never opened
		return s.Spool.Delete(ctx, kindUpload, id)
	case err != nil:
		return err
	case st.result != nil:
		return s.clear(ctx, id)
	case st.bytes < 0: // its body is not there in whole
		return nil
	}
	j, refused, err := s.openJob(ctx, st, status)
	if fault.Is(err, fault.NotFound) {
		return s.closeLost(ctx, st, err)
	}
	if err != nil {
		return err
	}
	switch err := j.resume(ctx); {
	case waits(err):
		return err
	case err != nil:
		return j.abandon(ctx, err)
	}
	if j.state == "" {
		if err := j.goOn(ctx, refused); err != nil {
			return err
		}
	}
	return j.close(ctx)
}

// waits reports whether a job goes on after an error, here or elsewhere.
func waits(err error) bool { return fault.Is(err, fault.Unavailable) || errors.Is(err, errSuperseded) }

// goOn works on a job until it is known what becomes of it, and writes that down.
func (j *job) goOn(ctx context.Context, refused error) error {
	state, err := Complete, refused
	switch {
	case err != nil:
	case j.st.cancelled && !j.allOrNone():
		err = errCancelled
	default:
		state, err = j.run(ctx)
	}
	switch {
	case waits(err):
		return err
	case errors.Is(err, errCancelled):
		state = Cancelled
	case err != nil:
		// The body cannot be read to its end, or the agreement has ended. What was
		// stored before that is accounted for; of what was not, nothing is.
		state = Failed
		j.blame(err)
	}
	if err != nil {
		if err := j.account(ctx); err != nil {
			return err
		}
	}
	j.state = state
	return j.mark(ctx, len(j.listed))
}

// allOrNone reports whether it is too late to cancel.
func (j *job) allOrNone() bool { return j.st.Atomic && j.phase == storing }

// blame notes why a job fails; the operator hears of what is no fault of the sender.
func (j *job) blame(err error) {
	e := fileError(err)
	j.why = &e
	if fault.KindOf(err) == fault.Internal {
		j.Logger.Error("a submission has failed", "submission", j.st.id, "error", err)
	}
}

// abandon ends a job whose journal cannot be read: what it has stored is counted from
// the records.
func (j *job) abandon(ctx context.Context, why error) error {
	j.blame(why)
	j.reset()
	if err := j.countStored(ctx, true); err != nil {
		return err
	}
	j.state = Failed
	return j.close(ctx)
}

// close logs a job, closes it and removes what it does not need any more.
func (j *job) close(ctx context.Context) error {
	if j.why != nil {
		j.listed = append([]RowError{*j.why}, j.listed[:min(len(j.listed), MaxListed-1)]...)
	}
	ctx, stop := j.bounded(ctx)
	defer stop()
	if _, err := j.finish(ctx, j.state); err != nil {
		return err
	}
	return j.clear(ctx, j.st.id)
}

// clear removes what is kept for a job.
func (s *Service) clear(ctx context.Context, id string) error {
	return errors.Join(s.Spool.Delete(ctx, kindUpload, id), s.Spool.Delete(ctx, kindJournal, id))
}

// bounded is the time in which a gateway has to get from one mark to the next where
// another may take the job up, so that it does not store what the other has done.
func (j *job) bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	if j.Grace == 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, j.Grace/2)
}

// fileError is what is wrong with a whole file.
func fileError(err error) RowError {
	e := RowError{Code: "internal", Message: "The submission could not be finished.", Remedy: "Report the submission id to the operator."}
	f, ok := errors.AsType[*fault.Error](err)
	if !ok || f.Kind == fault.Internal {
		return e
	}
	e.Code, e.Message, e.Remedy = f.Code, f.Message, "Correct the file and send it again: rows that were stored are reported as unchanged."
	if f.Kind == fault.Forbidden || f.Kind == fault.NotFound {
		e.Remedy = "Send the file again when the agreement permits it: rows that were stored are reported as unchanged."
	}
	return e
}

// pauses are how long a job waits before it tries again.
const (
	pauseFirst = time.Second
	pauseMost  = 30 * time.Second
)
