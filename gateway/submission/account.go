package submission

import (
	"context"
	"errors"

	"github.com/concord-gateway/concord/gateway/record"
)

// account counts what a job has stored that does not go on: up to the last mark, and
// of the chunk after it what is stored. So every stored row is in the log, whatever
// ends a job.
func (j *job) account(ctx context.Context) error {
	m := j.marked
	j.counts, j.digest, j.kept.n, j.listed, j.quality = m.counts, m.digest, m.kept, j.listed[:m.listed], m.quality
	if j.phase != storing {
		return nil
	}
	return j.countStored(ctx, false)
}

// errEnough ends a pass.
var errEnough = errors.New("no more rows are needed")

// countStored counts the rows of the next chunk that this submission stored, or of
// all chunks. A body that cannot be read any more ends the counting.
func (j *job) countStored(ctx context.Context, all bool) error {
	j.ahead.Store(false)
	r, err := j.reader(j.open(ctx))
	if err == nil {
		rows, bytes := 0, 0
		err = j.pass(ctx, r, j.done, func(b *batch) error {
			rows, bytes = rows+len(b.out), bytes+b.bytes
			if err := j.countBatch(ctx, b.out); err != nil {
				return err
			}
			if !all && j.full(rows, bytes) {
				return errEnough
			}
			return nil
		})
	}
	switch {
	case waits(err):
		return err
	case err != nil && !errors.Is(err, errEnough):
		j.Logger.Warn("what a submission has stored cannot be counted to its end", "submission", j.st.id, "error", err)
	}
	return nil
}

func (j *job) countBatch(ctx context.Context, rows []outcome) error {
	var keys []record.Key
	var valid []*outcome
	for i := range rows {
		o := &rows[i]
		if o.rejected != nil || j.merged[o.record.Source] {
			continue
		}
		if _, again := j.seen.add(o.record.Source[:], o.record.Digest[:], o.row, false); again {
			continue
		}
		keys, valid = append(keys, o.record.Key), append(valid, o)
	}
	stamps, err := j.Records.Stamps(ctx, keys)
	if err != nil {
		return err
	}
	for _, o := range valid {
		if st, there := stamps[o.record.Key]; there && st.Submission == j.st.id {
			j.counts.Received++
			j.stored(st.Version)
			j.digest = foldDigest(j.p.digest, j.digest, o.record.Digest[:])
		}
	}
	return nil
}
