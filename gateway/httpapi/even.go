package httpapi

import (
	"runtime"
	"time"
)

// evenAfter is when an answer that something is not there goes out at the soonest,
// counted from when its handler began: several times what finding out takes.
const evenAfter = time.Millisecond

// even waits until what is not there and what the caller may not know of have taken
// equally long. To see that a submission is another agency's it has to be read, and a
// test of times told that from finding none: it took 60 microseconds more. The work
// that one of the two is spared is not made up for piece by piece, which the next
// change would undo: both wait for the same moment.
//
// It watches the clock and lets others work meanwhile. A timer would not do: Go's wake
// in steps of a millisecond from when they are set, so that whoever set one later
// would be woken later. A handler that takes longer than that is not kept.
func (c *call) even() {
	for time.Since(c.begun) < evenAfter && c.ctx().Err() == nil {
		runtime.Gosched()
	}
}
