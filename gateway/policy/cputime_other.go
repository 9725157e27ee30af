//go:build !linux

package policy

import "time"

// threadClock stands for the processor clock of one thread where there is none
// that another thread can read: time on the wall takes its place.
type threadClock struct{}

func thisThread() threadClock { return threadClock{} }

func (threadClock) used(begun time.Time) time.Duration { return time.Since(begun) }
