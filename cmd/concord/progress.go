package main

import (
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// progressEvery is how often the bar moves at most.
const progressEvery = 100 * time.Millisecond

// bar shows how far something is, on a terminal only.
type bar struct{ shown *progressbar.ProgressBar }

// progress returns a bar that stands on the terminal, if there is one.
func (c *console) progress(what string) *bar {
	f, ok := c.errs.(interface{ Fd() uintptr })
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return &bar{}
	}
	return &bar{shown: progressbar.NewOptions64(-1,
		progressbar.OptionSetWriter(c.errs), progressbar.OptionSetDescription(what),
		progressbar.OptionShowCount(), progressbar.OptionShowIts(), progressbar.OptionClearOnFinish(),
		progressbar.OptionThrottle(progressEvery),
	)}
}

// at moves the bar. A terminal that is gone stops nothing.
func (b *bar) at(done, total int64) {
	if b.shown == nil {
		return
	}
	b.shown.ChangeMax64(max(total, done, 1))
	_ = b.shown.Set64(done)
}

// done takes the bar away.
func (b *bar) done() {
	if b.shown != nil {
		_ = b.shown.Finish()
	}
}
