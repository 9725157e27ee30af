package backup

import (
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/json"
	"hash"
	"io"
	"iter"
	"time"

	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/event"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/record"
)

// Stores are those of one engine.
type Stores struct {
	Log     audit.Store
	Events  event.Store
	Records record.Store
}

// Copy is what a copy is made of.
type Copy struct {
	Stores

	// LogOnly leaves the records out.
	LogOnly bool
	Origin  string
	// Keys are the verifier keys of the log that the copy is verified with.
	Keys []string
	// Sign signs with the log key of a version, from 1.
	Sign  func(ctx context.Context, version int, message []byte) ([]byte, error)
	Clock func() time.Time
	// Progress, where set, is told how far a part of the work is.
	Progress func(what string, done, total int64)
}

// Summary says what was copied.
type Summary struct {
	Header
	Counts

	// SHA256 is over the content of the file before compression, in hex.
	SHA256 string `json:"sha256"`
	// Bytes is the size of the file.
	Bytes int64 `json:"bytes"`
}

// Write copies to w. It answers Conflict when nothing is published yet or a
// restore into the store was not finished, Internal when the log in the store does
// not verify, and Unavailable when a store, the key or w cannot answer.
func Write(ctx context.Context, w io.Writer, c Copy) (Summary, error) {
	if c.Progress == nil {
		c.Progress = func(string, int64, int64) {}
	}
	out := &writer{Copy: c, counter: &counter{w: w}, sum: sha256.New(), version: 1}
	out.zip, _ = gzip.NewWriterLevel(out.counter, gzip.BestSpeed) // the level is known; most of the content is ciphertext
	if err := out.all(ctx); err != nil {
		return Summary{}, err
	}
	return out.made, nil
}

// writer is one copy in the making.
type writer struct {
	Copy

	counter *counter
	zip     *gzip.Writer
	sum     hash.Hash
	made    Summary
	// checkpoint ends the log of the copy.
	checkpoint []byte
	// version is that of the log key, as far as the log was read.
	version int
}

func (w *writer) all(ctx context.Context) error {
	if err := Refuse(ctx, w.Events); err != nil {
		return err
	}
	if err := w.header(ctx); err != nil {
		return err
	}
	for _, part := range []func(context.Context) error{w.log, w.events, w.records, w.end} {
		if err := part(ctx); err != nil {
			return err
		}
	}
	return nil
}

// put writes one line.
func (w *writer) put(l line) error {
	raw, err := json.Marshal(l)
	if err != nil {
		return fault.Wrap(fault.Internal, "backup.Write", "a line cannot be written", err)
	}
	raw = append(raw, '\n')
	w.sum.Write(raw)
	if _, err := w.zip.Write(raw); err != nil {
		return fault.Wrap(fault.Unavailable, "backup.Write", "The copy cannot be written.", err)
	}
	return nil
}

// header fixes the end of the log.
func (w *writer) header(ctx context.Context) error {
	const op = "backup.Write"
	size, checkpoint, err := w.Log.LastCheckpoint(ctx)
	if fault.Is(err, fault.NotFound) {
		return fault.New(fault.Conflict, op, "No checkpoint of the log was published yet. A copy ends at one.")
	}
	if err != nil {
		return err
	}
	b, err := w.Log.BatchOf(ctx, size-1)
	if err != nil {
		return fault.Wrap(fault.Internal, op, "The log does not reach to its published checkpoint.", err)
	}
	w.checkpoint = checkpoint
	w.made.Header = Header{
		Format: format, LogOnly: w.LogOnly, Origin: w.Origin, Time: w.Clock().UTC().Truncate(time.Microsecond),
		Size: size, Root: b.Root,
	}
	if w.made.PolicyRevision, err = revision(ctx, w.Log); err != nil {
		return err
	}
	return w.put(line{Header: &w.made.Header})
}

// revision finds the newest revision of the rules that an entry names.
func revision(ctx context.Context, log audit.Store) (string, error) {
	found, err := audit.Search(ctx, log, audit.Query{Purpose: "policy-administration", Limit: 100})
	if err != nil {
		return "", err
	}
	for i := range found {
		if r := found[i].Entry.PolicyRevision; r != "" {
			return r, nil
		}
	}
	return "", nil
}

// log copies the batches, and verifies them on the way.
func (w *writer) log(ctx context.Context) error {
	report, err := audit.Verify(ctx, &copied{w: w}, audit.VerifyOptions{
		Keys: w.Keys, Progress: func(done, _ int64) { w.Progress("log", done, w.made.Size) },
	})
	if err != nil {
		return err
	}
	if !report.OK || report.Size != w.made.Size || report.Checkpoint != w.made.Size {
		return damaged("backup.Write", "The log in the store", &report)
	}
	w.made.Batches, w.made.Entries = report.Batches, report.Entries
	return w.put(line{Checkpoint: string(w.checkpoint)})
}

// damaged says that a log does not verify, and where.
func damaged(op, which string, r *audit.Report) error {
	text := which + " does not verify"
	if len(r.Problems) > 0 {
		text += ": " + r.Problems[0].Message
	}
	return fault.New(fault.Internal, op, text+".")
}

// copied is the log on its way into the copy.
type copied struct{ w *writer }

func (c *copied) Batches(ctx context.Context) iter.Seq2[*audit.Batch, error] {
	return func(yield func(*audit.Batch, error) bool) {
		for n, size := int64(0), int64(0); size < c.w.made.Size; n++ {
			b, err := c.w.Log.Batch(ctx, n)
			if err == nil {
				err = c.w.put(line{Batch: b})
			}
			if err != nil {
				yield(nil, err)
				return
			}
			size = b.Size
			c.w.version = max(c.w.version, keyVersion(b))
			if !yield(b, nil) {
				return
			}
		}
	}
}

func (c *copied) Checkpoints(context.Context) ([][]byte, error) { return [][]byte{c.w.checkpoint}, nil }

// events copies what is an unbroken beginning of its stream: a row that was
// inserted after the walk had passed its place is missing, and so is what follows
// it.
func (w *writer) events(ctx context.Context) error {
	next := event.Event{}
	return w.Events.Walk(ctx, func(e *event.Event) error {
		if e.Kind != next.Kind || e.ID != next.ID {
			next = event.Event{Kind: e.Kind, ID: e.ID}
		}
		if e.N != next.N {
			return nil
		}
		next.N++
		w.made.Events++
		w.Progress("events", w.made.Events, 0)
		return w.put(line{Event: &eventLine{Kind: e.Kind, ID: e.ID, N: e.N, Body: e.Body}})
	})
}

func (w *writer) records(ctx context.Context) error {
	if w.LogOnly {
		return nil
	}
	total, err := w.Records.Count(ctx, record.Filter{})
	if err != nil {
		return err
	}
	return w.Records.Scan(ctx, record.Filter{}, func(r *record.Record) error {
		w.made.Records++
		w.Progress("records", w.made.Records, total)
		return w.put(line{Record: lineOf(r)})
	})
}

// end signs the copy and closes it.
func (w *writer) end(ctx context.Context) error {
	const op = "backup.Write"
	w.made.SHA256 = hexOf(w.sum.Sum(nil))
	signature, err := w.Sign(ctx, w.version, signed(w.Origin, w.made.SHA256))
	if err != nil {
		return fault.Wrap(fault.Unavailable, op, "The log key cannot sign the copy.", err)
	}
	if err := w.put(line{Trailer: &trailer{Counts: w.made.Counts, SHA256: w.made.SHA256, Signature: signature}}); err != nil {
		return err
	}
	if err := w.zip.Close(); err != nil {
		return fault.Wrap(fault.Unavailable, op, "The copy cannot be written.", err)
	}
	w.made.Bytes = w.counter.n
	return nil
}

// counter counts what goes through it.
type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}
