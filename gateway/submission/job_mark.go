package submission

import (
	"context"
)

// resume reads the journal, and claims the job by a mark of its own.
func (j *job) resume(ctx context.Context) error {
	last, err := j.readJournal(ctx)
	if err != nil {
		return err
	}
	if last != nil {
		if age := j.Clock().Sub(last.Time); j.Grace > 0 && age < j.Grace && !j.status.mine {
			return errSuperseded // another gateway is at work on it
		}
		j.phase, j.done, j.total = last.Phase, last.Rows, last.RowsTotal
		j.counts, j.digest, j.kept.n, j.quality = last.Counts, last.Digest, last.Kept, &last.Quality
		j.state, j.why = last.State, last.Why
	}
	j.status.mine = true
	j.status.begin(j)
	return j.mark(ctx, len(j.listed))
}

// readJournal takes in what the marks say, and returns the last, or nil.
func (j *job) readJournal(ctx context.Context) (last *mark, err error) {
	err = j.journal.read(ctx, func(m *mark) error {
		if last != nil && last.Phase != m.Phase {
			j.reset()
		}
		last = m
		j.seen.take(m.Seen)
		if room := MaxListed - len(j.listed); room > 0 {
			j.listed = append(j.listed, m.Listed[:min(room, len(m.Listed))]...)
		}
		return nil
	})
	return last, err
}

// reset forgets what checking found out before storing begins: the same is found
// out again.
func (j *job) reset() {
	j.counts, j.digest, j.kept.n, j.listed = counts{}, nil, 0, []RowError{}
	j.seen = newSeen()
	j.quality = j.p.tally()
	j.chunk, j.chunkSize = nil, 0
	j.done = 0
}

// mark writes down how far the job is. Errors are those that were listed since a
// number of them.
func (j *job) mark(ctx context.Context, listed int) error {
	m := &mark{
		Time: j.now(), Phase: j.phase, Rows: j.done, RowsTotal: j.total, Counts: j.counts, Digest: j.digest,
		Kept: j.kept.n, Seen: j.seen.since, Quality: *j.quality, State: j.state, Why: j.why,
	}
	m.Listed = j.listed[listed:]
	if err := j.journal.write(ctx, m); err != nil {
		return err
	}
	j.seen.since = j.seen.since[:0]
	j.marked = marked{j.counts, j.digest, j.kept.n, len(j.listed), j.p.tally()}
	j.marked.quality.Merge(j.quality)
	j.status.at(j)
	return j.ask(ctx)
}

// ask asks what other gateways did meanwhile: one that took the job up and ended it
// has removed the marks that would have told of it.
func (j *job) ask(ctx context.Context) error {
	if j.Grace == 0 {
		return nil
	}
	now, err := j.readStream(ctx, "submission.job", j.st.id)
	switch {
	case err != nil:
		return err
	case now.result != nil:
		_ = j.clear(ctx, j.st.id) // goes when its time is over
		return errSuperseded
	case now.cancelled:
		j.status.askToStop()
	}
	return nil
}
