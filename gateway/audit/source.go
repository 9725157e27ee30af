package audit

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"iter"

	"github.com/concord-gateway/concord/gateway/fault"
)

// Source is where Verify reads a log from. It is read once: first Batches to
// the end, then Checkpoints.
type Source interface {
	// Batches yields the batches in order. An error ends the sequence: one of
	// kind Unavailable means that the source could not be read, any other that
	// what it holds is damaged.
	Batches(ctx context.Context) iter.Seq2[*Batch, error]
	// Checkpoints returns published checkpoints, signed notes.
	Checkpoints(ctx context.Context) ([][]byte, error)
}

// Sized is a Source that knows how many entries it holds, for progress.
type Sized interface {
	Size(ctx context.Context) (int64, error)
}

// StoreSource returns the log that a store holds as a source, with the checkpoint
// that is the newest when reading begins: on a log that others append to, a later
// one may cover more than was read.
func StoreSource(store Store) Source { return &storeSource{store: store} }

type storeSource struct {
	store Store
	// from is the number of the first batch that is read.
	from int64
	// checkpoint is set by Batches, and nil while there is none.
	checkpoint []byte
	err        error
}

func (s *storeSource) Size(ctx context.Context) (int64, error) {
	last, err := s.store.LastBatch(ctx)
	if isNotFound(err) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return last.Size, nil
}

// Batches reads up to the batch that was the last when it began, so that a hole
// before it is not taken for the end, and then whatever follows.
func (s *storeSource) Batches(ctx context.Context) iter.Seq2[*Batch, error] {
	return func(yield func(*Batch, error) bool) {
		_, s.checkpoint, s.err = s.store.LastCheckpoint(ctx)
		end := int64(-1)
		last, err := s.store.LastBatch(ctx)
		if err == nil {
			end = last.N
		} else if fault.Is(err, fault.Unavailable) {
			yield(nil, err)
			return
		}
		for n := s.from; ; n++ {
			b, err := s.store.Batch(ctx, n)
			if isNotFound(err) {
				if n > end {
					return
				}
				continue // a hole: the next batch is out of place
			}
			if !yield(b, err) || err != nil {
				return
			}
		}
	}
}

func (s *storeSource) Checkpoints(context.Context) ([][]byte, error) {
	if isNotFound(s.err) {
		return nil, nil
	}
	return [][]byte{s.checkpoint}, s.err
}

// exportLine is one line of an export: a batch, or at the end a checkpoint.
type exportLine struct {
	Batch      *Batch `json:"batch,omitempty"`
	Checkpoint string `json:"checkpoint,omitempty"`
}

// WriteExport writes the log as NDJSON: one line for each batch, without the
// sealed private parts, and a last line with the newest checkpoint if there is
// one. Entries stand in it as base64 of their exact bytes, so that a damaged
// entry is exported as it is.
func WriteExport(ctx context.Context, w io.Writer, store Store) error {
	enc := json.NewEncoder(w)
	source := StoreSource(store)
	for b, err := range source.Batches(ctx) {
		if err != nil {
			return err
		}
		public := *b
		public.Private = nil
		if err := enc.Encode(exportLine{Batch: &public}); err != nil {
			return fault.Wrap(fault.Unavailable, "audit.WriteExport", "the export cannot be written", err)
		}
	}
	checkpoints, err := source.Checkpoints(ctx)
	if err != nil {
		return err
	}
	for _, checkpoint := range checkpoints {
		if err := enc.Encode(exportLine{Checkpoint: string(checkpoint)}); err != nil {
			return fault.Wrap(fault.Unavailable, "audit.WriteExport", "the export cannot be written", err)
		}
	}
	return nil
}

// ReadExport returns an export as a source that can be read once.
func ReadExport(r io.Reader) Source {
	dec := json.NewDecoder(r)
	dec.DisallowUnknownFields()
	return &export{dec: dec}
}

type export struct {
	dec         *json.Decoder
	checkpoints [][]byte
}

func (e *export) Batches(ctx context.Context) iter.Seq2[*Batch, error] {
	const op = "audit.ReadExport"
	return func(yield func(*Batch, error) bool) {
		for {
			if err := ctx.Err(); err != nil {
				yield(nil, fault.Wrap(fault.Unavailable, op, "reading was given up", err))
				return
			}
			var line exportLine
			err := e.dec.Decode(&line)
			switch {
			case errors.Is(err, io.EOF):
				return
			case err != nil:
				yield(nil, fault.Wrap(fault.Invalid, op, "the export is cut off or no export", err))
				return
			case line.Batch == nil && line.Checkpoint == "" || line.Batch != nil && len(e.checkpoints) > 0:
				yield(nil, fault.New(fault.Invalid, op, "the export has a line that does not belong there"))
				return
			case line.Checkpoint != "":
				e.checkpoints = append(e.checkpoints, []byte(line.Checkpoint))
			}
			if line.Batch != nil && !yield(line.Batch, nil) {
				return
			}
		}
	}
}

func (e *export) Checkpoints(context.Context) ([][]byte, error) { return e.checkpoints, nil }

// ahead yields what a source does, which is read in a goroutine of its own while
// the batches before are dealt with. Reading has ended when the sequence has.
func ahead(ctx context.Context, source Source) iter.Seq2[*Batch, error] {
	type read struct {
		batch *Batch
		err   error
	}
	return func(yield func(*Batch, error) bool) {
		ctx, stop := context.WithCancel(ctx)
		const some = 4
		come := make(chan read, some)
		go func() {
			defer close(come)
			for b, err := range source.Batches(ctx) {
				select {
				case come <- read{b, err}:
				case <-ctx.Done():
					return
				}
			}
		}()
		defer func() {
			stop()
			for range come { // until the goroutine has ended
			}
		}()
		for r := range come {
			if !yield(r.batch, r.err) {
				return
			}
		}
	}
}
