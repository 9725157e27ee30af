package policy

import (
	"time"

	"golang.org/x/sys/unix"
)

// threadClock is the processor clock of one thread.
type threadClock int32

// thisThread is the clock of the calling thread, for any thread of the process
// to read: clock_getcpuclockid of the C library makes the id of a thread's
// clock in the same way (linux/include/linux/posix-timers.h, CPUCLOCK_SCHED and
// CPUCLOCK_PERTHREAD_MASK).
func thisThread() threadClock {
	tid := int32(unix.Gettid()) //nolint:gosec // the kernel's thread ids have 22 bits
	return threadClock(^tid<<3 | 6)
}

// used is the processor time that the thread has had, or where the kernel does
// not tell, the time since begun.
func (c threadClock) used(begun time.Time) time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(int32(c), &t); err != nil {
		return time.Since(begun)
	}
	return time.Duration(t.Nano())
}
