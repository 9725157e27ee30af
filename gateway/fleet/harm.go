//go:build unix

package fleet

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"
)

// blow is one draw: after a pause, member is killed, or stopped for a while.
type blow struct {
	pause, frozen time.Duration
	member        int
	kill          bool
	// early strikes a member that is not ready yet, too.
	early bool
}

// Harm kills and stops processes at random until ctx ends. Then it lets those go
// on that stand still, and returns; all run then, or are starting.
func (f *Fleet) Harm(ctx context.Context) Count {
	f.tb.Helper()
	var count Count
	var waking sync.WaitGroup
	defer waking.Wait()
	r := rand.New(rand.NewPCG(f.opt.Seed, 0)) //nolint:gosec // drawn again from the seed
	for {
		b := f.draw(r)
		if !wait(ctx, b.pause) {
			return count
		}
		m := f.members[b.member]
		if !f.Mend() {
			return count
		}
		switch {
		case f.opt.Ready != nil && !b.early && !f.opt.Ready(b.member):
		case b.kill || m.isFrozen():
			if err := m.cmd.Process.Kill(); err != nil {
				f.tb.Errorf("member %d cannot be killed: %v", b.member, err)
				return count
			}
			<-m.done
			count.Kills++
			f.start(b.member)
		default:
			m.freeze(f, b)
			count.Stops++
			life := m.cmd
			waking.Go(func() { m.wake(ctx, f, b, life) })
		}
	}
}

// draw draws the same number of values each time, whatever came of the last.
func (f *Fleet) draw(r *rand.Rand) blow {
	return blow{
		pause: f.opt.Pause.at(r.Float64()), member: r.IntN(f.opt.Size),
		kill: r.IntN(2) == 0, frozen: f.opt.Frozen.at(r.Float64()), early: r.IntN(4) == 0,
	}
}

// at returns the duration that lies a share of the way through the range.
func (r Range) at(share float64) time.Duration {
	return r.Min + time.Duration(share*float64(r.Max-r.Min))
}

func (m *member) isFrozen() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.frozen
}

// freeze stops the process.
func (m *member) freeze(f *Fleet, b blow) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.frozen = true
	if err := m.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		f.tb.Errorf("member %d cannot be stopped: %v", b.member, err)
	}
}

// wake lets the process go on when its time has come, or ctx has ended. In a later
// life of the member there is nothing to wake.
func (m *member) wake(ctx context.Context, f *Fleet, b blow, life *exec.Cmd) {
	wait(ctx, b.frozen)
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.cmd != life {
		return
	}
	m.frozen = false
	if err := life.Process.Signal(syscall.SIGCONT); err != nil && !errors.Is(err, os.ErrProcessDone) { // killed just now
		f.tb.Errorf("member %d cannot go on: %v", b.member, err)
	}
}

// wait waits, and reports whether ctx is still alive.
func wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
