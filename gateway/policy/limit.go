package policy

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"time"

	"github.com/open-policy-agent/opa/v1/topdown"
)

// The limits of one evaluation where Config does not give them.
const (
	// DefaultTimeout is how much processor time one may take.
	DefaultTimeout = 50 * time.Millisecond
	// DefaultPatience is how long one may take by the clock on the wall.
	DefaultPatience = 10 * time.Second
)

var (
	errTooLong = errors.New("the evaluation took more processor time than it may")
	errStarved = errors.New("the evaluation had not ended when patience did: the machine is too busy")
)

// limits bound one evaluation. What is wrong with the rules shows in processor
// time, which a busy machine does not lengthen; patience is there so that a
// machine that gives none still answers.
type limits struct{ processor, patience time.Duration }

func (c Config) limits() limits {
	l := limits{processor: c.Timeout, patience: c.Patience}
	if l.processor <= 0 {
		l.processor = DefaultTimeout * instrumented
	}
	if l.patience <= 0 {
		l.patience = DefaultPatience
	}
	return l
}

// watch holds one evaluation to its limits. The goroutine that evaluates has a
// thread of its own meanwhile, so that the thread's processor time is that of
// the evaluation; nothing looks at it before so much time has gone by.
type watch struct {
	limits

	stop  topdown.Cancel
	begun time.Time
	clock threadClock
	used  time.Duration // by the thread, before it began

	mu    sync.Mutex // guards what follows
	timer *time.Timer
	err   error
	ended bool
}

// begin starts to watch the calling goroutine. It must call end.
func (l limits) begin() *watch {
	runtime.LockOSThread()
	w := &watch{limits: l, stop: topdown.NewCancel(), begun: time.Now(), clock: thisThread()}
	w.used = w.clock.used(w.begun)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.timer = time.AfterFunc(l.processor, w.look)
	return w
}

// look stops an evaluation that is over a limit, and comes again when another
// may be.
func (w *watch) look() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ended {
		return
	}
	if w.check(); w.err != nil {
		w.stop.Cancel()
		return
	}
	left := w.processor - (w.clock.used(w.begun) - w.used)
	left = min(left, w.patience-time.Since(w.begun))
	w.timer.Reset(max(left, time.Millisecond))
}

// check sets err where a limit is passed.
func (w *watch) check() {
	switch {
	case w.err != nil:
	case w.clock.used(w.begun)-w.used > w.processor:
		w.err = errTooLong
	case time.Since(w.begun) > w.patience:
		w.err = errStarved
	}
}

// end ends the watch and tells which limit was passed. An answer that comes too
// late is none.
func (w *watch) end(ctx context.Context) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.check()
	w.ended = true
	w.timer.Stop()
	runtime.UnlockOSThread()
	if w.err == nil {
		return ctx.Err()
	}
	return w.err
}
