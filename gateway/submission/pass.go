package submission

import (
	"context"
	"errors"
	"io"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/intake"
	"github.com/concord-gateway/concord/gateway/quality"
)

const (
	// batchRows and batchBytes bound what one worker prepares at a time.
	batchRows  = 256
	batchBytes = 1 << 20
	// batchesAhead is how many batches are read before they are stored.
	batchesAhead = 4
)

// rawRow is a row on its way to a worker.
type rawRow struct {
	n        int
	raw      []byte
	cells    []string
	problems []RowError
	columnOf func(pointer string) string
}

// reject is the row as it is kept for the error file, with the columns that its
// errors are about.
func (r *rawRow) reject(errs []RowError) *intake.Rejected {
	out := &intake.Rejected{Errors: errs, Cells: r.cells}
	for i := range errs {
		if errs[i].Column == "" && errs[i].Pointer != "" {
			errs[i].Column = r.columnOf(errs[i].Pointer)
		}
		errs[i].Column = cut(errs[i].Column)
	}
	if r.cells == nil {
		out.Raw = string(r.raw)
	}
	return out
}

// cut shortens the heading of a column: it stands in every error of the column.
func cut(heading string) string {
	const most = 200
	if len(heading) <= most {
		return heading
	}
	return strings.ToValidUTF8(heading[:most], "") + "…"
}

// batch is rows that are prepared together.
type batch struct {
	rows  []rawRow
	bytes int
	// out, tally and err are set when done is closed.
	out   []outcome
	tally *quality.Tally
	err   error
	done  chan struct{}
}

// pass reads the rows of a body after the first skip ones, has them prepared on all
// processors, and calls take with them in their order. It ends with the first error
// of take, or of reading.
func (w *work) pass(ctx context.Context, r *intake.Reader, skip int, take func(*batch) error) error {
	ctx, stop := context.WithCancel(ctx)
	var group sync.WaitGroup
	defer group.Wait()
	defer stop()
	todo, inOrder := make(chan *batch), make(chan *batch, batchesAhead)
	for range runtime.GOMAXPROCS(0) {
		group.Go(func() {
			for b := range todo {
				w.prepareBatch(b)
				close(b.done)
			}
		})
	}
	var ended error
	group.Go(func() {
		defer close(inOrder)
		defer close(todo)
		defer func() {
			if p := recover(); p != nil { // a mistake in reading one file must not end the gateway
				ended = fault.New(fault.Internal, "submission.pass", "The body could not be read.")
			}
		}()
		ended = w.readBatches(r, skip, func(b *batch) bool { return offer(ctx, inOrder, b) && offer(ctx, todo, b) })
	})
	for b := range inOrder {
		select {
		case <-b.done:
		case <-ctx.Done():
			return late(ctx)
		}
		if b.err != nil {
			return b.err
		}
		if err := take(b); err != nil {
			return err
		}
	}
	if err := ctx.Err(); err != nil {
		return late(ctx)
	}
	return ended
}

// late is the error of a pass whose context ended.
func late(ctx context.Context) error {
	return fault.Wrap(fault.Unavailable, "submission.pass", "The submission was not finished in time.", ctx.Err())
}

func offer(ctx context.Context, to chan<- *batch, b *batch) bool {
	select {
	case to <- b:
		return true
	case <-ctx.Done():
		return false
	}
}

// readBatches hands on the rows after the first skip ones until hand says no more.
func (w *work) readBatches(r *intake.Reader, skip int, hand func(*batch) bool) error {
	b := newBatch(w.Sizes.Batch)
	for {
		row, err := r.Next()
		if err != nil {
			if len(b.rows) > 0 && !hand(b) || errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		if row.N > MaxRows {
			return errTooManyRows()
		}
		if row.N <= skip {
			continue
		}
		b.add(row, r.ColumnOf)
		if len(b.rows) == w.Sizes.Batch || b.bytes >= batchBytes {
			if !hand(b) {
				return nil
			}
			b = newBatch(w.Sizes.Batch)
		}
	}
}

func newBatch(rows int) *batch {
	return &batch{rows: make([]rawRow, 0, rows), done: make(chan struct{})}
}

// add copies a row.
func (b *batch) add(row *intake.Row, columnOf func(string) string) {
	b.bytes += 2 * len(row.Raw) // with its cells, which hold about the same
	b.rows = append(b.rows, rawRow{
		n: row.N, raw: slices.Clone(row.Raw), cells: slices.Clone(row.Cells), problems: slices.Clone(row.Problems), columnOf: columnOf,
	})
}

// prepareBatch runs on a worker. What goes wrong in the program with one row must
// not end the gateway.
func (w *work) prepareBatch(b *batch) {
	defer func() {
		if p := recover(); p != nil { // its value may hold data
			b.err = fault.New(fault.Internal, "submission.prepare", "A row could not be checked.")
		}
	}()
	b.tally = w.p.tally()
	b.out = make([]outcome, len(b.rows))
	ahead := w.ahead.Load()
	for i := range b.rows {
		if b.out[i], b.err = w.p.prepare(&b.rows[i], b.tally, ahead); b.err != nil {
			return
		}
	}
}
