package audit

import (
	"context"
	"sync/atomic"
	"time"
)

const (
	// soonAtMost is how long a batch waits for callers who need some ten
	// microseconds, unless their thread was taken away.
	soonAtMost = time.Millisecond
	// expectAtMost is how long a batch waits for requests that were announced.
	expectAtMost = 25 * time.Millisecond
)

// coming counts the callers who will be in the queue in a moment, or may be.
type coming struct {
	// soon are those who are making their entries, and those who have been
	// answered and are making their receipts.
	soon atomic.Int64
	// expected are those whom Expect announced.
	expected atomic.Int64
	// none is told when soon has come down to nothing. It holds one word.
	none chan struct{}
}

func newComing() *coming { return &coming{none: make(chan struct{}, 1)} }

// begin counts a caller who comes soon, until end.
func (c *coming) begin() { c.soon.Add(1) }

func (c *coming) end() {
	if c.soon.Add(-1) == 0 {
		select {
		case c.none <- struct{}{}:
		default:
		}
	}
}

// patience is how long a batch of so many jobs, which has been gathered since
// begun, should wait for another. Those who come soon are all worth it. Of those
// that are expected, as many may stay behind for the next batch as are in this one,
// so that the processors have work while it is written, and fewer where numbers are
// lost to rivals; and its first job, which took age to come here, is kept no longer
// than that.
func (c *coming) patience(jobs int, rivals bool, age time.Duration, begun time.Time) time.Duration {
	behind := int64(jobs)
	if rivals {
		behind /= 4
	}
	most := time.Duration(0)
	if c.soon.Load() > 0 {
		most = soonAtMost
	}
	if c.expected.Load() > behind {
		most = max(most, min(age, expectAtMost))
	}
	if most > 0 {
		most -= time.Since(begun)
	}
	return most
}

// wait waits so long for a job, or until nobody comes soon any more. It reports
// whether it is worth while to look again.
func (c *coming) wait(queue <-chan *job, most time.Duration) (j *job, open, again bool) {
	timer := time.NewTimer(most)
	defer timer.Stop()
	select {
	case j, open = <-queue:
		return j, open, true
	case <-c.none:
		return nil, true, true
	case <-timer.C:
		return nil, true, false
	}
}

// Expectation announces one request.
type Expectation struct {
	of    *coming
	since time.Time
	ended atomic.Bool
}

// Expect announces a request that will be appended when it has been answered. A
// batch that is being made up may then wait for it, so that one transaction serves
// many requests that are under way together; it never does for a request that is
// alone, and none waits longer than it has taken itself. The caller puts what it
// returns into the request, and calls End in any case.
func (l *Log) Expect() *Expectation {
	l.coming.expected.Add(1)
	return &Expectation{of: l.coming, since: time.Now()}
}

// End takes the announcement back, if Append has not met it. It may be called
// again, and on nil.
func (e *Expectation) End() {
	if e != nil && !e.ended.Swap(true) {
		e.of.expected.Add(-1)
	}
}

// age is how long ago the request was announced, and zero for one that was not.
func (e *Expectation) age() time.Duration {
	if e == nil {
		return 0
	}
	return time.Since(e.since)
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
