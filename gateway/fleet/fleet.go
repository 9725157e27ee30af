//go:build unix

// Package fleet runs several processes of one kind and has them fail, for tests
// of what happens between gateways.
//
// Harm draws, from a seed, whom to hurt next and how: SIGKILL, after which the
// process is started anew, or SIGSTOP and later SIGCONT. The draws are the same
// for the same seed; what the processes are doing at that moment is not. A process
// that ends by itself is a failure of the test, and so is one that does not stop
// in order when it is told to.
package fleet

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Options say what runs, and what happens to it.
type Options struct {
	// Size is how many processes there are.
	Size int
	// Command makes the command of member i, not yet started. It is called
	// again each time that the member is started anew, from one goroutine.
	Command func(i int) *exec.Cmd
	// Ready, where set, reports whether member i does its work already. Of the
	// blows that strike one that does not, Harm spares three in four: on a slow
	// machine nobody would get to work otherwise.
	Ready func(i int) bool
	// Again, where set, reports whether member i, which has ended by itself, may be
	// started again, as whoever looks after a service does with one that refused to
	// start because its store did not answer. Otherwise the test fails.
	Again func(i int) bool
	// Seed decides the draws of Harm.
	Seed uint64
	// Pause is the range of the time between two faults, Frozen that of how long
	// a process stands still.
	Pause, Frozen Range
}

// Range is a range of durations, both ends included.
type Range struct{ Min, Max time.Duration }

// Count says what Harm did.
type Count struct{ Kills, Stops int }

// Fleet is a number of running processes. Its methods, but for Running, are for
// one goroutine.
type Fleet struct {
	tb      testing.TB
	opt     Options
	members []*member
}

// member is one of the processes, in its present life.
type member struct {
	mu     sync.Mutex // covers frozen and cmd
	cmd    *exec.Cmd
	frozen bool
	// done is closed when the process has ended, with err.
	done chan struct{}
	err  error
}

// Start starts the processes. Whatever still runs of them when the test ends is
// killed.
func Start(tb testing.TB, opt Options) *Fleet {
	tb.Helper()
	f := &Fleet{tb: tb, opt: opt, members: make([]*member, opt.Size)}
	tb.Cleanup(f.kill)
	for i := range f.members {
		f.members[i] = new(member)
		f.start(i)
	}
	return f
}

// start begins a life of member i.
func (f *Fleet) start(i int) {
	f.tb.Helper()
	m, cmd := f.members[i], f.opt.Command(i)
	if err := cmd.Start(); err != nil {
		f.tb.Fatalf("member %d cannot be started: %v", i, err)
	}
	done := make(chan struct{})
	m.mu.Lock()
	m.cmd, m.frozen, m.done = cmd, false, done
	m.mu.Unlock()
	go func() {
		m.err = cmd.Wait()
		close(done)
	}()
}

// Mend starts the members again that have ended by themselves and may be. It
// reports whether none has that may not.
func (f *Fleet) Mend() bool {
	f.tb.Helper()
	for i, m := range f.members {
		select {
		case <-m.done:
		default:
			continue
		}
		if f.opt.Again == nil || !f.opt.Again(i) {
			f.tb.Errorf("member %d ended by itself: %v", i, m.err)
			return false
		}
		f.start(i)
	}
	return true
}

// Running reports whether member i was neither stopped nor has ended. It may be
// called from any goroutine.
func (f *Fleet) Running(i int) bool {
	m := f.members[i]
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.frozen || m.done == nil {
		return false
	}
	select {
	case <-m.done:
		return false
	default:
		return true
	}
}

// Kill ends member i at once (SIGKILL), and starts it anew.
func (f *Fleet) Kill(i int) {
	f.tb.Helper()
	m := f.members[i]
	if err := m.cmd.Process.Kill(); err != nil {
		f.tb.Fatalf("member %d cannot be killed: %v", i, err)
	}
	<-m.done
	f.start(i)
}

// PID is the process of member i in its present life.
func (f *Fleet) PID(i int) int { return f.members[i].cmd.Process.Pid }

// Stop tells every process to stop (SIGTERM) and waits for it. It is an error if
// one does not end within the patience, or with another exit code than 0.
func (f *Fleet) Stop(patience time.Duration) error {
	var errs []error
	for i, m := range f.members {
		if err := m.cmd.Process.Signal(syscall.SIGTERM); err != nil {
			errs = append(errs, fmt.Errorf("member %d is not there any more: %w", i, err))
		}
	}
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	for i, m := range f.members {
		select {
		case <-m.done:
			if m.err != nil {
				errs = append(errs, fmt.Errorf("member %d ended with %w", i, m.err))
			}
		case <-deadline.C:
			return errors.Join(append(errs, fmt.Errorf("member %d does not stop", i))...)
		}
	}
	return errors.Join(errs...)
}

// kill ends whatever still runs, stopped or not.
func (f *Fleet) kill() {
	for _, m := range f.members {
		if m == nil || m.done == nil {
			continue
		}
		if err := m.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
			f.tb.Errorf("a process is left over: %v", err)
			continue
		}
		<-m.done
	}
}
