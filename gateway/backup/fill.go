package backup

import (
	"context"
	"fmt"

	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/record"
)

// recordsEach is how many records are inserted together.
const recordsEach = 512

// fill writes everything, between the two rows of the marker.
func (p *plan) fill(ctx context.Context) error {
	id := newMarker()
	m := marker{Time: p.Clock().UTC(), SHA256: p.backup.sum, BackupSize: p.res.Backup.Size, Size: p.res.Size}
	if err := p.mark(ctx, id, 0, m); err != nil {
		return err
	}
	in, err := p.backup.read(p.insertBatch)
	if err != nil {
		return err
	}
	if err := drain(ctx, in); err != nil {
		return err
	}
	if err := p.fillNewer(ctx); err != nil {
		return err
	}
	chunk := make([]record.Record, 0, recordsEach)
	err = in.rest(func(l *line) error {
		switch {
		case l.Event != nil && !p.events:
			return p.insertEvent(ctx, l.Event)
		case l.Record != nil:
			return p.insertRecord(ctx, l.Record, &chunk)
		}
		return nil
	})
	if err == nil {
		err = p.flush(ctx, &chunk)
	}
	if err == nil {
		err = p.check(ctx)
	}
	if err != nil {
		return err
	}
	m.Time, m.Records, m.Erased = p.Clock().UTC(), p.res.Records, p.res.Erased
	return p.mark(ctx, id, 1, m)
}

// fillNewer adds what the newer log has: batches, checkpoint and events.
func (p *plan) fillNewer(ctx context.Context) error {
	in, err := p.newer.read(func(b *audit.Batch) error {
		if b.N <= p.last || b.Size > p.res.Size {
			return nil
		}
		if p.unsealed {
			b.Private = make([][]byte, len(b.Entries))
			p.res.Unsealed += int64(len(b.Entries))
		}
		return p.insertBatch(b)
	})
	if err != nil {
		return err
	}
	if err := drain(ctx, in); err != nil {
		return err
	}
	if err := p.Log.InsertCheckpoint(ctx, p.res.Size, p.checkpoint); err != nil {
		return err
	}
	return in.rest(func(l *line) error {
		if l.Event == nil {
			return nil
		}
		return p.insertEvent(ctx, l.Event)
	})
}

// drain reads the log of a file that was verified before.
func drain(ctx context.Context, in *logReading) error {
	for _, err := range in.Batches(ctx) {
		if err != nil {
			return err
		}
	}
	_, err := in.Checkpoints(ctx)
	return err
}

func (p *plan) insertBatch(b *audit.Batch) error {
	p.Progress("log", b.Size, p.res.Size)
	return p.Log.InsertBatch(p.seen.ctx, b)
}

func (p *plan) insertEvent(ctx context.Context, e *eventLine) error {
	p.res.Events++
	p.Progress("events", p.res.Events, 0)
	return p.Events.Insert(ctx, e.event())
}

// insertRecord takes a record in, unless it was erased since: withdrawn, past its
// retention, or sealed under a key that was destroyed. One whose retention has ended
// and of which no entry says that it went is taken in: the gateway logs and erases
// it when it starts.
func (p *plan) insertRecord(ctx context.Context, l *recordLine, chunk *[]record.Record) error {
	r, err := l.record()
	if err != nil {
		return err
	}
	if p.seen.erased(&r) {
		p.res.Erased++
		return nil
	}
	*chunk = append(*chunk, r)
	if len(*chunk) < recordsEach {
		return nil
	}
	return p.flush(ctx, chunk)
}

func (p *plan) flush(ctx context.Context, chunk *[]record.Record) error {
	taken, err := p.Records.Insert(ctx, *chunk)
	if err == nil && len(taken) > 0 {
		err = fault.New(fault.Conflict, "backup.Restore", "A record stands in the backup twice, or somebody else writes into the store.")
	}
	p.res.Records += int64(len(*chunk))
	p.Progress("records", p.res.Records, 0)
	*chunk = (*chunk)[:0]
	return err
}

// check reads back what was written.
func (p *plan) check(ctx context.Context) error {
	const op = "backup.Restore"
	report, err := audit.Verify(ctx, audit.StoreSource(p.Log), audit.VerifyOptions{
		Keys: p.Keys, Progress: func(done, total int64) { p.Progress("verify the store", done, total) },
	})
	if err != nil {
		return err
	}
	if !report.OK || report.Size != p.res.Size || report.Checkpoint != p.res.Size {
		return damaged(op, "The restored log", &report)
	}
	n, err := p.Records.Count(ctx, record.Filter{})
	if err != nil {
		return err
	}
	if n != p.res.Records {
		return fault.New(fault.Internal, op, fmt.Sprintf("The store has %d records of %d that were restored.", n, p.res.Records))
	}
	p.res.Root = report.Root
	return nil
}
