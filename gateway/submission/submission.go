// Package submission takes rows from a partner and turns them into sealed
// records, and withdraws them again.
//
// It guarantees invariant 7: every row of a submission is accepted, unchanged,
// corrected or rejected with its reason, and sending the same rows again
// changes nothing. A row is known by provider, dataset and source id; its
// content by a keyed digest.
//
// A submission is an event stream with two rows:
//
//	opened (0) ──> finished (1): complete, rejected or interrupted
//
// Between the two, records are stored and the log entry is appended. A
// submission whose stream ends at 0 when the gateway starts was cut off:
// Recover logs it and closes it, so that no stored row stays unlogged.
//
// A withdrawal is a stream of the same form. There the log entry comes first and
// the rows go after it (package erasure): RecoverWithdrawals deletes what an entry
// names and a stop of the gateway left.
package submission

import (
	"context"
	"io"
	"sync"
	"time"

	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/event"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/identity"
	"github.com/concord-gateway/concord/gateway/keyring"
	"github.com/concord-gateway/concord/gateway/record"
	"github.com/concord-gateway/concord/gateway/rulebook"
)

// MaxRows is the most rows that one submission may have.
const MaxRows = 10_000

// chunkRows is how many rows are sealed and stored together.
const chunkRows = 512

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
	Keys    keyring.Keyring
	Log     Log
	Clock   func() time.Time
	// Grace is how old an open submission has to be before Recover takes it for
	// interrupted: zero where no other gateway shares the store, and otherwise
	// longer than any gateway works on one.
	Grace time.Duration
}

// Service takes submissions. It is safe for concurrent use.
type Service struct {
	Deps

	mu sync.Mutex // covers slots
	// slots has, for each agency, room for the submissions under way.
	slots map[string]chan struct{}
}

// New returns the service.
func New(d Deps) *Service {
	return &Service{Deps: d, slots: map[string]chan struct{}{}}
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
	DryRun bool
	Format Format
	Body   io.Reader
}

// The states of a submission.
const (
	Complete    = "complete"
	Rejected    = "rejected"
	DryRun      = "dry_run"
	Interrupted = "interrupted"
	Processing  = "processing"
)

// Result is what became of a submission: received = accepted + unchanged +
// corrected + rejected, except that an atomic submission with a bad row
// accepts none.
type Result struct {
	ID        string     `json:"submission_id"`
	State     string     `json:"state"`
	Received  int        `json:"received"`
	Accepted  int        `json:"accepted"`
	Unchanged int        `json:"unchanged"`
	Corrected int        `json:"corrected"`
	Rejected  int        `json:"rejected"`
	Errors    []RowError `json:"errors"`
	// Receipt is the signed promise that the submission is in the log; nil for
	// a dry run.
	Receipt    *Receipt `json:"receipt"`
	AuditIndex *int64   `json:"audit_index"`
}

// RowError says what is wrong with one row. Row counts from 1.
type RowError struct {
	Row     int    `json:"row"`
	Pointer string `json:"pointer"`
	Code    string `json:"code"`
	Message string `json:"message"`
	Remedy  string `json:"remedy"`
}

// Receipt is given to the submitter.
type Receipt struct {
	SubmissionID string `json:"submission_id"`
	// Digest is a keyed hash over the digests of the rows, in order: it proves
	// what was stored without letting others guess contents.
	Digest string        `json:"digest"`
	Audit  audit.Receipt `json:"audit"`
}
