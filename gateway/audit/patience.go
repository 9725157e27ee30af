package audit

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/concord-gateway/concord/gateway/fault"
)

const (
	// DefaultPatience is how long entries may go without a published checkpoint
	// before nothing more is logged, and so nothing released.
	DefaultPatience = 4 * time.Hour
	// alarmAfter is from when on, and how often, the operator is told.
	alarmAfter = time.Minute
	// markEvery is how far the times of what is not published are kept apart.
	markEvery = time.Second
)

// patience knows since when there are entries that no published checkpoint covers.
type patience struct {
	mu sync.Mutex // guards all below
	// marks are the times of such entries, oldest first: a mark stands for the
	// entries up to the next one, which are younger by less than markEvery.
	marks []mark
	// end is how many entries there are.
	end int64
	// missing are the witnesses that did not cosign last.
	missing []string
	// alarmed is when the operator was last told.
	alarmed time.Time
}

// mark is the time of an entry.
type mark struct {
	first int64
	at    time.Time
}

// grown notes that the entries from first to end-1 came into the log.
func (p *patience) grown(first, end int64, at time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.end = max(p.end, end)
	if n := len(p.marks); n == 0 || at.Sub(p.marks[n-1].at) >= markEvery {
		p.marks = append(p.marks, mark{first, at})
	}
}

// published notes that a checkpoint of a size is published.
func (p *patience) published(size int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if size >= p.end {
		p.marks, p.end = nil, size
		return
	}
	n := 0
	for n+1 < len(p.marks) && p.marks[n+1].first <= size {
		n++
	}
	p.marks = slices.Delete(p.marks, 0, n)
}

// answered notes which witnesses did not cosign.
func (p *patience) answered(missing []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.missing = missing
}

// since returns when the oldest entry that is not published was logged.
func (p *patience) since() (time.Time, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.marks) == 0 {
		return time.Time{}, false
	}
	return p.marks[0].at, true
}

// Publication says how the publication of the log stands.
type Publication struct {
	// Witnesses are asked for every checkpoint, and Quorum of them must cosign.
	Witnesses int
	Quorum    int
	// Missing are the names of those that did not cosign when they were last
	// asked.
	Missing []string
	// Since is when the oldest entry was logged that no published checkpoint
	// covers; zero when there is none.
	Since time.Time
	// Refusing is set when that is too long ago: nothing more is logged.
	Refusing bool
}

// Publication says how the publication of the log stands, as far as this process
// knows.
func (l *Log) Publication() Publication {
	p := Publication{Witnesses: len(l.witnesses), Quorum: l.cfg.Quorum}
	p.Since, _ = l.patience.since()
	l.patience.mu.Lock()
	p.Missing = slices.Clone(l.patience.missing)
	l.patience.mu.Unlock()
	p.Refusing = l.overdue()
	return p
}

// overdue reports whether entries have waited too long for a checkpoint.
func (l *Log) overdue() bool {
	since, waiting := l.patience.since()
	return l.cfg.Quorum > 0 && waiting && l.cfg.Clock().Sub(since) > l.cfg.Patience
}

// learn notes that a checkpoint of a size is published, by whomever.
func (l *Log) learn(size int64) {
	l.served.cover(size)
	l.patience.published(size)
}

// impatient answers Unavailable, with the code CodeUnwitnessed, when entries have
// waited too long for a checkpoint. Another gateway may have published one
// meanwhile, so the store is asked before anybody is refused.
func (l *Log) impatient(ctx context.Context) error {
	if !l.overdue() {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	if size, _, err := l.cfg.Store.LastCheckpoint(ctx); err == nil {
		l.learn(size)
	}
	if !l.overdue() {
		return nil
	}
	err := fault.New(fault.Unavailable, "audit.Append", "what was logged is not witnessed, and nothing more is logged until it is").
		WithCode(CodeUnwitnessed)
	err.RetryAfter = max(l.cfg.CheckpointEvery, retryAfter)
	return err
}

// patient returns the jobs that go on, and refuses the others when entries have
// waited too long. What publishing needs goes on.
func (s *sequencer) patient(ctx context.Context, jobs []*job) []*job {
	err := s.l.impatient(ctx)
	if err == nil {
		return jobs
	}
	var on, refused []*job
	for _, j := range jobs {
		if j.heads != nil {
			on = append(on, j)
		} else {
			refused = append(refused, j)
		}
	}
	refuse(refused, err)
	return on
}

// alarm tells the operator, once a minute, that entries are not witnessed.
func (l *Log) alarm() {
	if l.cfg.Quorum == 0 {
		return
	}
	now := l.cfg.Clock()
	refusing := l.overdue()
	p := &l.patience
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.marks) == 0 {
		if !p.alarmed.IsZero() {
			l.cfg.Logger.Info("audit: the log is witnessed again")
		}
		p.alarmed = time.Time{}
		return
	}
	waiting := now.Sub(p.marks[0].at)
	if waiting < alarmAfter || !p.alarmed.IsZero() && now.Sub(p.alarmed) < alarmAfter {
		return
	}
	p.alarmed = now
	l.cfg.Logger.Error("audit: the log is not witnessed", "waiting", waiting.Truncate(time.Second).String(),
		"missing", p.missing, "refusing", refusing, "patience", l.cfg.Patience.String())
}
