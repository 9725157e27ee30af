package audit

import (
	"context"
	"sync/atomic"
	"time"
)

// gatherAtMost is how long a batch waits for jobs that are about to come. It is
// there for a caller whose thread was taken away: making an entry takes some
// microseconds.
const gatherAtMost = time.Millisecond

// coming counts the callers who will be in the queue in a moment, or may be: those
// who are making their entries, and those who have been answered and are making
// their receipts.
type coming struct {
	count atomic.Int64
	// none is told when the count has come down to nothing. It holds one word.
	none chan struct{}
}

func newComing() *coming { return &coming{none: make(chan struct{}, 1)} }

func (c *coming) begin() { c.count.Add(1) }

func (c *coming) end() {
	if c.count.Add(-1) == 0 {
		select {
		case c.none <- struct{}{}:
		default:
		}
	}
}

// wait waits until something is in the queue or nobody is coming any more, but no
// longer than to late. It reports whether there is something to look for in the
// queue. The job it may have received meanwhile is the first to be taken.
func (c *coming) wait(queue <-chan *job, late time.Time) (j *job, open, waited bool) {
	left := time.Until(late)
	if c.count.Load() == 0 || left <= 0 {
		return nil, true, false
	}
	timer := time.NewTimer(left)
	defer timer.Stop()
	select {
	case j, open = <-queue:
		return j, open, true
	case <-c.none:
	case <-timer.C:
	}
	return nil, true, true
}

// The states of a job, for its caller may leave while it is answered.
const (
	jobWaits = iota
	jobAnswered
	jobLeft
)

// acknowledge tells the caller of a job that it is durable. Until the caller has
// dealt with that, it counts as coming.
func (j *job) acknowledge(c *coming, o outcome) {
	if j.state.CompareAndSwap(jobWaits, jobAnswered) {
		c.begin()
		o.coming = c
	}
	j.reply <- o
}

// wait returns what became of the job, or false when ctx ends first.
func (j *job) wait(ctx context.Context) (outcome, bool) {
	select {
	case o := <-j.reply:
		return o, true
	case <-ctx.Done():
		if j.state.CompareAndSwap(jobWaits, jobLeft) {
			return outcome{}, false
		}
		return <-j.reply, true
	}
}

// dealtWith says that the caller has done with an outcome what has to be done at
// once.
func (o *outcome) dealtWith() {
	if o.coming != nil {
		o.coming.end()
	}
}
