package storetest

import (
	"context"
	"sync"
	"time"

	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/event"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/record"
	"github.com/concord-gateway/concord/gateway/spool"
)

// Engine is a whole store, as a gateway opens it.
type Engine interface {
	Records() record.Store
	Events() event.Store
	Log() audit.Store
	Spool() spool.Store
	Ping(ctx context.Context) error
	Close() error
}

// The writes that a store knows.
const (
	InsertBatch      = "log.InsertBatch"
	InsertTile       = "log.InsertTile"
	InsertCheckpoint = "log.InsertCheckpoint"
	InsertEvent      = "events.Insert"
	InsertRecords    = "records.Insert"
	WithdrawRecords  = "records.Withdraw"
	PruneRecords     = "records.Prune"
	InsertPiece      = "spool.Insert"
	DeletePieces     = "spool.Delete"
	ExpirePieces     = "spool.Expire"
)

// Write is one call of a method that writes.
type Write struct {
	// N is the number of the call, from 0, over all methods of the engine.
	N int
	// Op is the method.
	Op string
	// Batch is what InsertBatch was given; nil for the others.
	Batch *audit.Batch
}

// Intercepted is a real engine whose every write goes through a function of the
// test, which calls do as often as it likes, or not at all, and says what the
// caller is told.
type Intercepted struct {
	Engine

	around func(w Write, do func() error) error

	mu    sync.Mutex // guards calls
	calls int
}

// Intercept wraps an engine. around is called by several goroutines at once.
func Intercept(engine Engine, around func(w Write, do func() error) error) *Intercepted {
	return &Intercepted{Engine: engine, around: around}
}

// Writes returns how many writes there were.
func (i *Intercepted) Writes() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.calls
}

func (i *Intercepted) write(op string, b *audit.Batch, do func() error) error {
	i.mu.Lock()
	n := i.calls
	i.calls++
	i.mu.Unlock()
	return i.around(Write{N: n, Op: op, Batch: b}, do)
}

// Do does what a hostile store does to a write. Unread is not of this kind.
func (h Hostility) Do(do func() error) error {
	unknown := fault.New(fault.Unavailable, "storetest.Hostility", "the outcome is unknown")
	switch h {
	case Failed:
		return unknown
	case Persisted:
		if err := do(); err != nil {
			return err
		}
		return unknown
	case Retried:
		if err := do(); err != nil {
			return err
		}
		return do()
	default:
		return do()
	}
}

// Records implements Engine.
func (i *Intercepted) Records() record.Store { return interceptedRecords{i.Engine.Records(), i} }

// Events implements Engine.
func (i *Intercepted) Events() event.Store { return interceptedEvents{i.Engine.Events(), i} }

// Spool implements Engine.
func (i *Intercepted) Spool() spool.Store { return interceptedSpool{i.Engine.Spool(), i} }

// Log implements Engine.
func (i *Intercepted) Log() audit.Store { return interceptedLog{i.Engine.Log(), i} }

type interceptedRecords struct {
	record.Store

	by *Intercepted
}

func (s interceptedRecords) Insert(ctx context.Context, records []record.Record) (taken []int, err error) {
	err = s.by.write(InsertRecords, nil, func() (err error) {
		taken, err = s.Store.Insert(ctx, records)
		return err
	})
	if err != nil {
		return nil, err
	}
	return taken, nil
}

func (s interceptedRecords) Withdraw(ctx context.Context, keys []record.Key) (had []record.Key, err error) {
	err = s.by.write(WithdrawRecords, nil, func() (err error) {
		had, err = s.Store.Withdraw(ctx, keys)
		return err
	})
	if err != nil {
		return nil, err
	}
	return had, nil
}

func (s interceptedRecords) Prune(ctx context.Context, at time.Time, due []record.Due) (n int, err error) {
	err = s.by.write(PruneRecords, nil, func() (err error) {
		n, err = s.Store.Prune(ctx, at, due)
		return err
	})
	return n, err
}

type interceptedSpool struct {
	spool.Store

	by *Intercepted
}

func (s interceptedSpool) Insert(ctx context.Context, p spool.Piece) error {
	return s.by.write(InsertPiece, nil, func() error { return s.Store.Insert(ctx, p) })
}

func (s interceptedSpool) Delete(ctx context.Context, kind, id string) error {
	return s.by.write(DeletePieces, nil, func() error { return s.Store.Delete(ctx, kind, id) })
}

func (s interceptedSpool) Expire(ctx context.Context, at time.Time) (n int64, err error) {
	err = s.by.write(ExpirePieces, nil, func() (err error) {
		n, err = s.Store.Expire(ctx, at)
		return err
	})
	return n, err
}

type interceptedEvents struct {
	event.Store

	by *Intercepted
}

func (s interceptedEvents) Insert(ctx context.Context, e event.Event) error {
	return s.by.write(InsertEvent, nil, func() error { return s.Store.Insert(ctx, e) })
}

type interceptedLog struct {
	audit.Store

	by *Intercepted
}

func (s interceptedLog) InsertBatch(ctx context.Context, b *audit.Batch) error {
	return s.by.write(InsertBatch, b, func() error { return s.Store.InsertBatch(ctx, b) })
}

func (s interceptedLog) InsertTile(ctx context.Context, level int, n int64, data []byte) error {
	return s.by.write(InsertTile, nil, func() error { return s.Store.InsertTile(ctx, level, n, data) })
}

func (s interceptedLog) InsertCheckpoint(ctx context.Context, size int64, note []byte) error {
	return s.by.write(InsertCheckpoint, nil, func() error { return s.Store.InsertCheckpoint(ctx, size, note) })
}
