package submission

import (
	"context"
	"errors"
	"io"

	"github.com/concord-gateway/concord/gateway/fault"
)

// chunkBytes bounds the bytes of rows that are stored and journaled together.
const chunkBytes = 8 << 20

// run goes through the phases, from the one that the journal ends in.
func (j *job) run(ctx context.Context) (state string, err error) {
	if j.phase == reading {
		if err := j.read(ctx); err != nil {
			return "", err
		}
		if err := j.enter(ctx, j.afterReading()); err != nil {
			return "", err
		}
	}
	if j.phase == checking {
		if err := j.check(ctx); err != nil {
			return "", err
		}
		if j.counts.Rejected > 0 {
			return Rejected, nil
		}
		if err := j.enter(ctx, storing); err != nil {
			return "", err
		}
	}
	return Complete, j.storeAll(ctx)
}

func (j *job) afterReading() phase {
	if j.st.Atomic {
		return checking
	}
	return storing
}

// enter begins a phase.
func (j *job) enter(ctx context.Context, next phase) error {
	j.phase = next
	j.reset()
	return j.mark(ctx, 0)
}

// read finds out whether the body can be read to its end, before the first row is
// stored, and how many rows it has.
func (j *job) read(ctx context.Context) error {
	r, err := j.reader(j.open(ctx))
	if err != nil {
		return err
	}
	j.total = 0
	for {
		row, err := r.Next()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case row.N > MaxRows:
			return errTooManyRows()
		}
		j.total = row.N
		if row.N%j.Sizes.Chunk == 0 {
			if err := j.stop(ctx); err != nil {
				return err
			}
			j.status.at(j)
		}
	}
}

func (j *job) open(ctx context.Context) io.Reader {
	return &pieceReader{ctx: ctx, kept: j.upload, size: j.st.bytes}
}

// full reports whether a chunk of rows is large enough.
func (j *job) full(rows, bytes int) bool { return rows >= j.Sizes.Chunk || bytes >= chunkBytes }

// check looks at every row and stores none.
func (j *job) check(ctx context.Context) error {
	return j.each(ctx, func(ctx context.Context, chunk []outcome) error {
		_, refused := j.sift(chunk)
		return j.reject(ctx, refused)
	})
}

// storeAll stores every row that is valid.
func (j *job) storeAll(ctx context.Context) error {
	if err := j.honour(ctx); err != nil {
		return err
	}
	return j.each(ctx, func(ctx context.Context, chunk []outcome) error {
		valid, refused := j.sift(chunk)
		late, err := j.put(ctx, valid)
		if err != nil {
			return err
		}
		if err := j.reject(ctx, append(refused, late...)); err != nil {
			return err
		}
		return j.honour(ctx)
	})
}

// each reads the rows that are not done and calls do with chunk after chunk; after
// each it writes a mark.
func (j *job) each(ctx context.Context, do func(context.Context, []outcome) error) error {
	if err := j.stop(ctx); err != nil {
		return err
	}
	r, err := j.reader(j.open(ctx))
	if err != nil {
		return err
	}
	err = j.pass(ctx, r, j.done, func(b *batch) error {
		j.chunk = append(j.chunk, b.out...)
		j.chunkSize += b.bytes
		j.quality.Merge(b.tally)
		if !j.full(len(j.chunk), j.chunkSize) {
			return nil
		}
		return j.flush(ctx, do)
	})
	if err != nil || len(j.chunk) == 0 {
		return err
	}
	return j.flush(ctx, do)
}

// flush does what is to be done with a chunk, and writes a mark.
func (j *job) flush(ctx context.Context, do func(context.Context, []outcome) error) error {
	ctx, stop := j.bounded(ctx)
	defer stop()
	listed := len(j.listed)
	if err := do(ctx, j.chunk); err != nil {
		return err
	}
	j.done += len(j.chunk)
	clear(j.chunk)
	j.chunk, j.chunkSize = j.chunk[:0], 0
	if err := j.mark(ctx, listed); err != nil {
		return err
	}
	return j.stop(ctx)
}

// stop says why the job must not go on: it was cancelled, or its agreement is not in
// force any more.
func (j *job) stop(ctx context.Context) error {
	if !j.allOrNone() && j.status.cancelled() {
		return errCancelled
	}
	_, _, err := j.terms(j.Rules.Bind(ctx), j.st.Agency, j.st.Dataset, j.st.Agreement, j.now())
	return err
}

// errTooManyRows refuses a file.
func errTooManyRows() error {
	return fault.New(fault.TooLarge, "submission.Submit",
		"A submission has at most 5,000,000 rows. Send the rest in another.").WithCode("too-many-rows")
}
