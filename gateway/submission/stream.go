package submission

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/google/uuid"

	"github.com/concord-gateway/concord/gateway/event"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/identity"
	"github.com/concord-gateway/concord/gateway/intake"
)

const eventKind = "submission"

// The types of the rows of a submission's stream.
const (
	typeOpened   = ""         // row 0
	typeReceived = "received" // the body is there in whole, in the spool
	typeCancel   = "cancel"
	typeFinished = "finished"
	typeClosed   = "" // finished, of a release before there were jobs
)

// opened is the first event of a submission, and of a withdrawal.
type opened struct {
	Agency    string    `json:"agency"`
	Subject   string    `json:"subject"`
	Roles     []string  `json:"roles,omitempty"`
	Dataset   string    `json:"dataset"`
	Agreement string    `json:"agreement"`
	RequestID string    `json:"request_id"`
	Time      time.Time `json:"time"`

	Format   intake.Format   `json:"format,omitempty"`
	Encoding intake.Encoding `json:"encoding,omitempty"`
	Atomic   bool            `json:"atomic,omitempty"`
	// Digest is the keyed hash of the SHA-256 that the sender announced.
	Digest string `json:"digest,omitempty"`
	// Kept says that the body is or will be in the spool.
	Kept bool `json:"kept,omitempty"`
	// Bytes is the length of a body that was there in whole by then; nil of others.
	Bytes *int64 `json:"bytes,omitempty"`
	// Into is the record that the withdrawn ones are merged into, as hex of its
	// blind source id.
	Into string `json:"into,omitempty"`
}

// received is the event of a body that is there in whole.
type received struct {
	Type  string `json:"type"`
	Bytes int64  `json:"bytes"`
}

// cancelled is the event of a cancellation.
type cancelled struct {
	Type    string    `json:"type"`
	Subject string    `json:"subject"`
	Time    time.Time `json:"time"`
}

// finished is the last event of a submission.
type finished struct {
	Type   string `json:"type,omitempty"`
	Agency string `json:"agency"`
	Result Result `json:"result"`
}

// stream is a submission as its events tell it.
type stream struct {
	opened

	id string
	// bytes is the length of the body, once it is there in whole; -1 before.
	bytes     int64
	cancelled bool
	result    *Result
	// next is the number of the next row.
	next int64
	// begun says that its opening was tried to be written.
	begun bool
}

// readStream folds the events of a submission. None answers NotFound.
func (s *Service) readStream(ctx context.Context, op, id string) (*stream, error) {
	if _, err := uuid.Parse(id); err != nil {
		return nil, notFound(op)
	}
	rows, err := s.Events.Stream(ctx, eventKind, id)
	if err != nil {
		return nil, err
	}
	if len(rows) == 0 {
		return nil, notFound(op)
	}
	st := &stream{id: id, bytes: -1, next: int64(len(rows))}
	for i := range rows {
		if err := st.fold(&rows[i]); err != nil {
			return nil, fault.Wrap(fault.Internal, op, "The submission cannot be read.", err)
		}
	}
	return st, nil
}

// ownStream is readStream for the caller: another agency's submission answers
// NotFound, like one that does not exist.
func (s *Service) ownStream(ctx context.Context, op string, p identity.Principal, id string) (*stream, error) {
	st, err := s.readStream(ctx, op, id)
	if err != nil {
		return nil, err
	}
	if st.Agency != p.Agency {
		return nil, notFound(op)
	}
	return st, s.lapse(ctx, op, st)
}

func (st *stream) fold(e *event.Event) error {
	if e.N == 0 {
		err := json.Unmarshal(e.Body, &st.opened)
		if st.Bytes != nil {
			st.bytes = *st.Bytes
		}
		return err
	}
	var row struct {
		finished

		Bytes int64 `json:"bytes"`
	}
	if err := json.Unmarshal(e.Body, &row); err != nil {
		return err
	}
	switch row.Type {
	case typeReceived:
		st.bytes = row.Bytes
	case typeCancel:
		st.cancelled = true
	case typeFinished, typeClosed:
		st.result = &row.Result
	default:
		return errUnknownType
	}
	return nil
}

// errUnknownType says that a row was written by a later release. What it means is
// not guessed at.
var errUnknownType = errors.New("the type of an event is unknown")

// over reports whether a row of this type is the last of its stream.
func over(e *event.Event) bool {
	var row struct {
		Type string `json:"type"`
	}
	return e.N > 0 && json.Unmarshal(e.Body, &row) == nil && (row.Type == typeFinished || row.Type == typeClosed)
}

// event inserts one event row.
func (s *Service) event(ctx context.Context, kind, id string, n int64, body any) error {
	raw, err := json.Marshal(body)
	if err != nil {
		return fault.Wrap(fault.Internal, "submission", "What happened could not be recorded.", err)
	}
	return s.Events.Insert(ctx, event.Event{Kind: kind, ID: id, N: n, Body: raw})
}

// append adds the next row of a submission's stream. Conflict means that somebody
// else did.
func (s *Service) append(ctx context.Context, st *stream, body any) error {
	err := s.event(ctx, eventKind, st.id, st.next, body)
	if err == nil {
		st.next++
	}
	return err
}

// principal is the submitter, for entries that are made without its request.
func (st *stream) principal() identity.Principal {
	p := identity.Principal{Subject: st.Subject, Agency: st.Agency}
	for _, r := range st.Roles {
		p.Roles = append(p.Roles, identity.Role(r))
	}
	return p
}

// notFound hides whether a submission exists from anybody but its own agency.
func notFound(op string) error {
	return fault.New(fault.NotFound, op, "There is no such submission.")
}
