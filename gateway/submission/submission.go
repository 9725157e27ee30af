// Package submission takes rows from a partner and turns them into sealed
// records, and withdraws them again.
//
// # What it guarantees
//
// Invariant 7: every row of a submission is accepted, unchanged, corrected or
// rejected with its reason, and sending the same rows again changes nothing. A row
// is known by provider, dataset and source id; its content by a keyed digest. This
// holds also where the gateway is killed on the way, and for a file of any length:
// memory does not grow with it, but for some 24 bytes a row by which a row that
// comes twice is known.
//
// # The way of a body
//
// A body is taken in whole before the first row is stored, so one that breaks off,
// or cannot be read to its end, stores nothing. What is small stays in memory; what
// is larger is kept in sealed pieces (package spool). Up to MaxAtOnce rows are
// stored while the sender waits; a longer file becomes a job, which goes on by
// itself and survives a restart.
//
//	                 POST, up to 10,000 rows
//	             ┌──────────────────────────────────────────────┐
//	             │                                              ▼
//	opened (0) ──┼── more rows ──▶ received ──▶ job: journal ─▶ finished
//	             │                    ▲          │  ▲    │
//	             └─ upload in parts ──┘          ▼  │    └─ cancel ─▶ finished
//	                                            paused
//
// opened, received, cancel and finished are rows of an event stream; finished is
// complete, rejected, interrupted, cancelled or failed. A submission in memory whose
// stream ends at 0 when the gateway starts was cut off: Recover logs it and closes
// it, so that no stored row stays unlogged. A job is taken up again where its journal
// ends.
//
// # The journal of a job
//
// After each chunk of rows the job writes one journal piece: how far it is, the counts
// and what it knows of the rows so far. When it is taken up again, the rows of the
// chunk after the last piece may be stored or not. A row whose version in force was
// brought by this submission was stored by that very row, since rows that come twice
// are known by then: it counts as it would have counted. So counts are exact after
// any number of restarts. Where several gateways share a store, inserting the next
// piece is what decides between two that work on the same job: the loser stops. It has
// half of Deps.Grace to get from piece to piece, and asks the stream after each, since
// whoever ends a job removes its journal.
//
// When store, log or keys cannot answer, a job pauses, says so, and goes on when they
// can. A job that ends before its file does (cancelled, its agreement suspended, its
// body or journal gone or changed) is counted and logged with every row that it has
// stored, also those that the journal does not know of. An upload in parts is always
// a job, however short, so that a kill between its rows and its end is no exception.
//
// # Withdrawals
//
// A withdrawal leaves a note for the jobs under way, so that none brings back what was
// withdrawn while it worked.
//
// A withdrawal is a stream of two rows. There the log entry comes first and the rows
// go after it (package erasure): RecoverWithdrawals deletes what an entry names and a
// stop of the gateway left.
package submission

import (
	"cmp"
	"context"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/erasure"
	"github.com/concord-gateway/concord/gateway/event"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/identity"
	"github.com/concord-gateway/concord/gateway/intake"
	"github.com/concord-gateway/concord/gateway/keyring"
	"github.com/concord-gateway/concord/gateway/record"
	"github.com/concord-gateway/concord/gateway/rulebook"
	"github.com/concord-gateway/concord/gateway/spool"
)

// The limits of a submission.
const (
	// MaxAtOnce is the most rows that are stored while the sender waits.
	MaxAtOnce = 10_000
	// MaxRows is the most rows that one submission may have.
	MaxRows = 5_000_000
	// MaxBytes is the most bytes of a body as it is sent.
	MaxBytes = 1 << 30
	// MaxListed is how many errors a result lists; the error file has them all.
	MaxListed = 1000
)

// Log is what submissions and withdrawals need of the audit log, all of it as
// audit.Log does it.
type Log interface {
	Append(ctx context.Context, r audit.Request) (audit.Receipt, error)
	Search(ctx context.Context, q audit.Query) ([]audit.Indexed, error)
	OpenPrivate(ctx context.Context, index int64) (audit.Private, error)
}

// atOnce is how many submissions of one agency are read and stored at the same
// time; its others wait, so that memory stays bounded however many arrive, and
// no agency's slow uploads hold up another's.
const atOnce = 2

// Deps is what the service works with.
type Deps struct {
	Rules   *rulebook.Book
	Records record.Store
	Events  event.Store
	Spool   spool.Store
	Keys    keyring.Keyring
	Log     Log
	Clock   func() time.Time
	// Logger is told when a job pauses, goes on or fails; nil is nobody.
	Logger *slog.Logger
	// Grace is how old an open submission has to be before Recover takes it for
	// interrupted, and a job before another gateway takes it up: zero where no other
	// gateway shares the store, and otherwise longer than any gateway works on one.
	Grace time.Duration
	// Sizes are how much is done at once; zero is the default.
	Sizes Sizes
	// Pause waits before a job tries again; nil is by the clock of the machine.
	Pause func(ctx context.Context, d time.Duration)
}

// Sizes say how much is done at once. Tests make them small.
type Sizes struct {
	// AtOnce is the most rows that are stored while the sender waits.
	AtOnce int
	// Chunk is about how many rows are stored and journaled together: a chunk is whole
	// batches, of Batch rows, each prepared by one worker.
	Chunk, Batch int
}

// Service takes submissions. It is safe for concurrent use.
type Service struct {
	Deps

	months *erasure.Months
	pieces *sealedPieces
	jobs   *jobs

	mu sync.Mutex // covers slots and ended
	// slots has, for each agency, room for the submissions under way.
	slots map[string]chan struct{}
	// ended is, for each kind, up to where Recover need not look any more.
	ended map[string]string
}

// New returns the service. Close ends its jobs.
func New(d Deps) *Service {
	if d.Logger == nil {
		d.Logger = slog.New(slog.DiscardHandler)
	}
	if d.Pause == nil {
		d.Pause = sleep
	}
	d.Sizes = Sizes{
		AtOnce: cmp.Or(d.Sizes.AtOnce, MaxAtOnce), Chunk: cmp.Or(d.Sizes.Chunk, chunkRows), Batch: cmp.Or(d.Sizes.Batch, batchRows),
	}
	s := &Service{Deps: d, slots: map[string]chan struct{}{}, ended: map[string]string{}}
	s.months = erasure.NewMonths(d.Events)
	s.pieces = &sealedPieces{store: d.Spool, keys: d.Keys, months: s.months}
	s.jobs = newJobs(s)
	return s
}

// enter waits for a place of the agency and returns what gives it back.
func (s *Service) enter(ctx context.Context, agency string) (leave func(), err error) {
	s.mu.Lock()
	slots, ok := s.slots[agency]
	if !ok {
		slots = make(chan struct{}, atOnce)
		s.slots[agency] = slots
	}
	s.mu.Unlock()
	select {
	case slots <- struct{}{}:
		return func() { <-slots }, nil
	case <-ctx.Done():
		return nil, fault.Wrap(fault.Unavailable, "submission.Submit", "Too many submissions are under way. Send it again.", ctx.Err())
	}
}

// Upload is one submission as it arrives.
type Upload struct {
	Principal identity.Principal
	RequestID string
	// Client is where the request came from, for the private part of the log.
	Client    string
	Dataset   string
	Agreement string
	// Atomic takes all rows or none.
	Atomic bool
	// DryRun checks every row and stores nothing.
	DryRun   bool
	Format   intake.Format
	Encoding intake.Encoding
	// Key makes a repetition of the same submission answer the same
	// (draft-ietf-httpapi-idempotency-key-header); empty is none.
	Key string
	// Digest is the SHA-256 of the body that the sender announces (RFC 9530), or
	// empty. A body that differs is refused.
	Digest []byte
	Body   io.Reader
}

// The states of a submission.
const (
	Uploading   = "uploading"
	Processing  = "processing"
	Paused      = "paused"
	Complete    = "complete"
	Rejected    = "rejected"
	DryRun      = "dry_run"
	Interrupted = "interrupted"
	Cancelled   = "cancelled"
	Failed      = "failed"
)

// RowError says what is wrong with one row.
type RowError = intake.RowError

// Result is what became of a submission: received = accepted + unchanged +
// corrected + rejected, except that an atomic submission with a bad row
// accepts none.
type Result struct {
	ID        string `json:"submission_id"`
	State     string `json:"state"`
	Received  int    `json:"received"`
	Accepted  int    `json:"accepted"`
	Unchanged int    `json:"unchanged"`
	Corrected int    `json:"corrected"`
	Rejected  int    `json:"rejected"`
	// Errors are those of the first rows that were rejected, MaxListed at most.
	Errors []RowError `json:"errors"`
	// Receipt is the signed promise that the submission is in the log; nil for
	// a dry run and while it is under way.
	Receipt    *Receipt `json:"receipt"`
	AuditIndex *int64   `json:"audit_index"`
	// Progress is how far a job is; nil where there is none.
	Progress *Progress `json:"progress,omitempty"`
}

// Ended reports whether nothing more will become of the submission.
func (r *Result) Ended() bool {
	return r.State != Uploading && r.State != Processing && r.State != Paused
}

// Progress is how far a job is.
type Progress struct {
	// Rows is how many rows are done, of RowsTotal; zero while that is not known.
	Rows      int `json:"rows"`
	RowsTotal int `json:"rows_total"`
	// Bytes is how many bytes of the body have arrived.
	Bytes int64 `json:"bytes"`
	// RowsPerSecond counts since the job began or was taken up again.
	RowsPerSecond int `json:"rows_per_second"`
	// EstimatedEnd is in RFC 3339, or empty while nothing can be said.
	EstimatedEnd string `json:"estimated_end,omitempty"`
	// Paused says why the job waits, or is empty.
	Paused string `json:"paused,omitempty"`
}

// Receipt is given to the submitter.
type Receipt struct {
	SubmissionID string `json:"submission_id"`
	// Digest is a keyed hash over the digests of the rows, in order: it proves
	// what was stored without letting others guess contents. The log entry of the
	// submission holds it too.
	Digest string        `json:"digest"`
	Audit  audit.Receipt `json:"audit"`
}
