//go:build unix

package fleet

import (
	"context"
	"math/rand/v2"
	"os/exec"
	"syscall"
	"testing"
	"time"
)

// patience bounds what happens at once on a machine that is not busy.
const patience = time.Minute

func sleepers(t *testing.T, size int) *Fleet {
	t.Helper()
	return Start(t, Options{
		Size: size, Seed: 7, Command: func(int) *exec.Cmd { return exec.Command("sleep", "600") },
		Pause: Range{time.Millisecond, 5 * time.Millisecond}, Frozen: Range{time.Millisecond, 50 * time.Millisecond},
	})
}

// TestHarm hurts, starts again what it killed, and leaves nobody standing still.
func TestHarm(t *testing.T) {
	f := sleepers(t, 3)
	first := f.members[0].cmd.Process.Pid
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	count := f.Harm(ctx)
	if count.Kills == 0 || count.Stops == 0 || f.members[0].cmd.Process.Pid == first {
		t.Errorf("%+v, and the first process is still %d", count, first)
	}
	for i := range f.members {
		if !f.Running(i) {
			t.Errorf("member %d does not run", i)
		}
	}
	if err := f.Stop(patience); err == nil {
		t.Error("processes that a signal ended count as stopped in order")
	}
	if f.Running(0) {
		t.Error("it runs after all")
	}
}

// TestHarmNobodyReady strikes only some of those who do not work yet.
func TestHarmNobodyReady(t *testing.T) {
	f := sleepers(t, 1)
	asked := 0
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	f.opt.Ready = func(int) bool {
		if asked++; asked == 20 {
			cancel()
		}
		return false
	}
	if count := f.Harm(ctx); count.Kills+count.Stops >= asked {
		t.Errorf("%+v, and %d were spared", count, asked)
	}
}

// TestDraw draws the same for the same seed.
func TestDraw(t *testing.T) {
	f := &Fleet{opt: Options{Size: 3, Pause: Range{1, 9}, Frozen: Range{time.Second, time.Minute}}}
	a, b := rand.New(rand.NewPCG(1, 0)), rand.New(rand.NewPCG(1, 0))
	seen := map[int]bool{}
	for range 50 {
		one, two := f.draw(a), f.draw(b)
		if one != two || one.pause < 1 || one.pause > 9 || one.frozen < time.Second || one.frozen > time.Minute {
			t.Fatalf("%+v and %+v", one, two)
		}
		seen[one.member] = true
	}
	if len(seen) != f.opt.Size {
		t.Errorf("only %v were drawn", seen)
	}
}

// TestKillAtTheEnd leaves no process behind, not even one that stands still.
func TestKillAtTheEnd(t *testing.T) {
	var pid int
	t.Run("life", func(t *testing.T) {
		f := sleepers(t, 1)
		pid = f.members[0].cmd.Process.Pid
		f.members[0].freeze(f, blow{})
	})
	if err := syscall.Kill(pid, 0); err == nil {
		t.Errorf("process %d is left over", pid)
	}
}
