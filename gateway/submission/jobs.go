package submission

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/concord-gateway/concord/gateway/fault"
)

// jobsAtOnce is how many jobs work at the same time; the others wait.
const jobsAtOnce = 2

// jobs are those that this gateway works on.
type jobs struct {
	s *Service
	// ctx ends when the gateway does.
	ctx  context.Context //nolint:containedctx // the service's own, from New to Close
	stop context.CancelFunc
	room chan struct{}

	mu sync.Mutex // covers the rest
	// running counts the goroutines, and quiet is told when it falls. A WaitGroup may
	// not be added to while somebody waits for it.
	running int
	quiet   *sync.Cond
	open    map[string]*jobStatus
	// agencies has, for each agency, room for the one job of it that works: whoever
	// sends many files does not hold up the others.
	agencies map[string]chan struct{}
}

// jobStatus is how far a job is, as far as this gateway knows.
type jobStatus struct {
	// mine says that this gateway has claimed the job. Only the job's goroutine
	// touches it.
	mine bool
	// told is closed when the job has ended, or waits.
	told chan struct{}

	mu       sync.Mutex // covers the rest
	begun    bool       // the journal was read
	heard    bool       // told is closed
	since    time.Time
	from     int // rows that were done at since
	progress Progress
	counts   counts
	phase    phase
	cancel   bool
}

func newJobs(s *Service) *jobs {
	ctx, stop := context.WithCancel(context.Background())
	j := &jobs{s: s, ctx: ctx, stop: stop, room: make(chan struct{}, jobsAtOnce), open: map[string]*jobStatus{}, agencies: map[string]chan struct{}{}}
	j.quiet = sync.NewCond(&j.mu)
	return j
}

// idle waits until no job is under way.
func (j *jobs) idle() {
	j.mu.Lock()
	defer j.mu.Unlock()
	for j.running > 0 {
		j.quiet.Wait()
	}
}

// left notes that a goroutine has ended.
func (j *jobs) left() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.running--
	j.quiet.Broadcast()
}

// Close stops the jobs after the rows that they are at. A gateway that starts takes
// them up again.
func (s *Service) Close() {
	s.jobs.stop()
	s.jobs.idle()
}

// start begins to work on a job of an agency, unless this gateway does already.
func (j *jobs) start(id, agency string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.open[id] != nil || j.ctx.Err() != nil {
		return
	}
	status := &jobStatus{told: make(chan struct{})}
	j.open[id] = status
	turn := j.agencies[agency]
	if turn == nil {
		turn = make(chan struct{}, 1)
		j.agencies[agency] = turn
	}
	j.running++
	go func() {
		defer j.left()
		defer status.tell()
		if !j.wait(turn) {
			return
		}
		defer func() { <-turn }()
		if !j.wait(j.room) {
			return
		}
		defer func() { <-j.room }()
		if j.run(id, status) {
			j.forget(id)
		}
	}()
}

// wait takes a place, unless the gateway closes before.
func (j *jobs) wait(room chan struct{}) bool {
	select {
	case room <- struct{}{}:
		return true
	case <-j.ctx.Done():
		return false
	}
}

func (j *jobs) forget(id string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	delete(j.open, id)
}

// status returns how far a job of this gateway is, or nil.
func (j *jobs) status(id string) *jobStatus {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.open[id]
}

// run works on a job until it ends, and waits where the store, the log or the keys
// cannot answer. It returns false where nobody can mend by waiting what is wrong: the
// job stays open, and says so, until the gateway starts again.
func (j *jobs) run(id string, status *jobStatus) bool {
	wait := pauseFirst
	for {
		err := j.attempt(id, status)
		switch {
		case err == nil, errors.Is(err, errSuperseded), j.ctx.Err() != nil:
			return true
		case !fault.Is(err, fault.Unavailable):
			j.s.Logger.Error("a submission could not be finished", "submission", id, "error", err)
			status.pause("The submission could not be finished. The operator has been told.")
			return false
		}
		j.s.Logger.Warn("a submission is paused", "submission", id, "error", err, "again_in", wait)
		status.pause("The store, the log or the keys cannot be reached or are full. It goes on by itself when they answer.")
		j.s.Pause(j.ctx, wait)
		wait = min(2*wait, pauseMost)
	}
}

// attempt is runJob, whose mistakes end the job and not the gateway.
func (j *jobs) attempt(id string, status *jobStatus) (err error) {
	defer func() {
		if p := recover(); p != nil { // its value may hold data
			err = fault.New(fault.Internal, "submission.job", "The program has a mistake.")
		}
	}()
	return j.s.runJob(j.ctx, id, status)
}

// sleep waits for a time, or until the context ends.
func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// begin notes where the job begins or goes on.
func (t *jobStatus) begin(j *job) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.begun, t.since, t.from = true, j.Clock(), j.done
	t.progress.Paused = ""
}

// at notes how far the job is.
func (t *jobStatus) at(j *job) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.phase != j.phase {
		t.phase, t.since, t.from = j.phase, j.Clock(), j.done
	}
	t.counts = j.counts
	t.progress = progressOf(j.done, j.total, j.st.bytes, j.done-t.from, j.Clock().Sub(t.since), j.Clock())
}

// progressOf says how far a job is that did some rows in a time.
func progressOf(done, total int, bytes int64, rows int, took time.Duration, now time.Time) Progress {
	p := Progress{Rows: done, RowsTotal: total, Bytes: bytes}
	if rows <= 0 || took <= 0 {
		return p
	}
	rate := float64(rows) / took.Seconds()
	p.RowsPerSecond = int(rate)
	if left := float64(total - done); left >= 0 && rate > 0 {
		p.EstimatedEnd = now.Add(time.Duration(left / rate * float64(time.Second))).UTC().Format(time.RFC3339)
	}
	return p
}

// pause notes why the job waits.
func (t *jobStatus) pause(why string) {
	t.tell()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.progress.Paused, t.progress.RowsPerSecond, t.progress.EstimatedEnd = why, 0, ""
}

// cancelled reports whether the sender has cancelled the job.
func (t *jobStatus) cancelled() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.cancel
}

// tell lets those go on who wait for the job.
func (t *jobStatus) tell() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.heard {
		t.heard = true
		close(t.told)
	}
}

// askToStop makes the job stop after the rows that it is at.
func (t *jobStatus) askToStop() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.cancel = true
}

// fill writes how far the job is into a result, if this gateway knows.
func (t *jobStatus) fill(res *Result) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.begun && t.progress.Paused == "" {
		return false
	}
	p := t.progress
	res.Progress = &p
	if p.Paused != "" {
		res.State = Paused
	}
	if t.phase == storing {
		res.Received, res.Accepted, res.Unchanged = t.counts.Received, t.counts.Accepted, t.counts.Unchanged
		res.Corrected, res.Rejected = t.counts.Corrected, t.counts.Rejected
	}
	return true
}
