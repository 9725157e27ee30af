package client

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/intake"
)

// State says how far a submission is.
type State string

// The states. All but the first three are ends.
const (
	Uploading  State = "uploading"
	Processing State = "processing"
	// Paused is Processing while the gateway's store does not answer; it goes on by
	// itself.
	Paused   State = "paused"
	Complete State = "complete"
	// Rejected is an atomic submission with a bad row: nothing of it was taken.
	Rejected State = "rejected"
	// DryRun was checked in full and nothing of it was stored.
	DryRun      State = "dry_run"
	Interrupted State = "interrupted"
	Cancelled   State = "cancelled"
	Failed      State = "failed"
)

// Ended reports whether nothing more will happen to the submission.
func (s State) Ended() bool { return s != Uploading && s != Processing && s != Paused }

// Result is what became of a submission, or is becoming of it. At an end of it,
// Received is the sum of Accepted, Unchanged, Corrected and Rejected, but for an
// atomic one that was refused.
type Result struct {
	ID    string `json:"submission_id"`
	State State  `json:"state"`
	// Received counts the rows that were read.
	Received int64 `json:"received"`
	// Accepted are new, Unchanged are there already, Corrected replace an older version.
	Accepted  int64 `json:"accepted"`
	Unchanged int64 `json:"unchanged"`
	Corrected int64 `json:"corrected"`
	Rejected  int64 `json:"rejected"`
	// Errors are the first thousand; Client.Errors has them all.
	Errors []intake.RowError `json:"errors"`
	// Receipt is nil where nothing was logged, as in a dry run.
	Receipt *Receipt `json:"receipt"`
	// AuditIndex is the entry of the log that the submission is.
	AuditIndex *int64 `json:"audit_index"`
	// Job is there while the gateway is at it.
	Job *Job `json:"progress,omitempty"`

	// RetryAfter is how long the gateway asks to wait before it is asked again.
	RetryAfter time.Duration `json:"-"`
}

// Job is how far the gateway is with a file.
type Job struct {
	// Rows of RowsTotal are done; RowsTotal is zero while it is not known.
	Rows      int64 `json:"rows"`
	RowsTotal int64 `json:"rows_total"`
	// Bytes is how much of the file has arrived.
	Bytes         int64 `json:"bytes"`
	RowsPerSecond int64 `json:"rows_per_second"`
	// EstimatedEnd is nil while nothing can be said.
	EstimatedEnd *time.Time `json:"estimated_end,omitempty"`
	// Paused says why the job waits, or is empty.
	Paused string `json:"paused,omitempty"`
}

// Receipt is the gateway's signed promise that the submission is in the log. `concord
// audit verify --receipt` holds the log to it.
type Receipt struct {
	SubmissionID string `json:"submission_id"`
	// Digest is a keyed hash of what was stored: whoever holds the key can check it, and
	// nobody else can guess contents by it.
	Digest string        `json:"digest"`
	Audit  audit.Receipt `json:"audit"`

	raw json.RawMessage
}

// UnmarshalJSON keeps the receipt as it came, besides what is known of it.
func (r *Receipt) UnmarshalJSON(raw []byte) error {
	type plain Receipt
	if err := json.Unmarshal(raw, (*plain)(r)); err != nil {
		return err
	}
	r.raw = append(json.RawMessage(nil), raw...)
	return nil
}

// MarshalJSON gives the receipt back as it came.
func (r *Receipt) MarshalJSON() ([]byte, error) {
	if r.raw != nil {
		return r.raw, nil
	}
	type plain Receipt
	return json.Marshal((*plain)(r))
}

// Progress is told while a submission is under way.
type Progress struct {
	State State
	// Done of Total are done: bytes while it is uploading, rows from then on. Total is
	// zero while it is not known.
	Done, Total int64
	// Resumed says that Done of it were uploaded before, by an earlier attempt.
	Resumed bool
	// Result is what the gateway said last, from processing on.
	Result *Result
	// Wait and Cause are set when an attempt failed and there will be another.
	Wait  time.Duration
	Cause error
}

// resultOf reads a result from a good answer, and closes its body.
func resultOf(res *http.Response) (r *Result, err error) {
	defer func() { err = errors.Join(err, res.Body.Close()) }()
	r = &Result{}
	if err := decode(res.Body, r); err != nil {
		return nil, err
	}
	r.RetryAfter = retryAfter(res.Header)
	return r, nil
}

// discard reads what is left of an answer that has no content worth reading, so that
// the connection can be used again.
func discard(res *http.Response) error {
	_, err := io.Copy(io.Discard, io.LimitReader(res.Body, errorLimit))
	return errors.Join(err, res.Body.Close())
}
