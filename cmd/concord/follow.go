package main

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/concord-gateway/concord/gateway/client"
)

// follow shows how far a submission is: a bar for the upload, then one for the work.
type follow struct {
	*console

	mu    sync.Mutex // covers what follows
	bar   *bar
	state client.State
	id    string
}

// at is told what is going on. It says once when the gateway pauses, and each time
// when it cannot be reached; that it does also where there is no terminal.
func (f *follow) at(p client.Progress) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if p.Result != nil {
		f.id = p.Result.ID
	}
	if p.Cause != nil {
		f.clear()
		_, _ = fmt.Fprintf(f.errs, "%v; trying again in %v\n", p.Cause, p.Wait.Round(100*time.Millisecond))
		return
	}
	if p.Resumed {
		_, _ = fmt.Fprintf(f.errs, "Going on with an upload: the gateway has %s of %s bytes.\n", commas(p.Done), commas(p.Total))
	}
	if p.State != f.state {
		f.clear()
		if p.State == client.Paused && p.Result != nil && p.Result.Job != nil {
			_, _ = fmt.Fprintf(f.errs, "The gateway has paused and goes on by itself: %s\n", p.Result.Job.Paused)
		}
		f.state = p.State
	}
	if f.bar == nil {
		f.bar = f.progress(string(p.State))
	}
	f.bar.at(p.Done, p.Total)
}

func (f *follow) clear() {
	if f.bar != nil {
		f.bar.done()
		f.bar = nil
	}
}

// done takes the bar away.
func (f *follow) done() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.clear()
}

// stopped says what goes on when the command was stopped by hand.
func (f *follow) stopped() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.id != "" {
		return fmt.Errorf("stopped waiting; the gateway goes on with submission %s. Run the same command again to see what became of it", f.id)
	}
	return errors.New("stopped; what is uploaded stays at the gateway. Run the same command again to go on from there")
}
