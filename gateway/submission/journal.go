package submission

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"time"

	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/quality"
)

// mark is one piece of a job's journal: how far it is, and what it knows by then.
type mark struct {
	Time time.Time `json:"time"`
	// Phase is what the job does.
	Phase phase `json:"phase"`
	// Rows is how many rows are done in the phase, of RowsTotal.
	Rows      int    `json:"rows"`
	RowsTotal int    `json:"rows_total"`
	Counts    counts `json:"counts"`
	// Digest is the fold of the digests of the rows, for the receipt.
	Digest []byte `json:"digest"`
	// Kept is how many pieces of rejected rows there are.
	Kept int64 `json:"kept"`
	// Listed are the errors that the result lists, as far as they came with the rows
	// of this mark.
	Listed []RowError `json:"listed,omitempty"`
	// Seen is what the job learnt of source ids since the mark before.
	Seen    []byte        `json:"seen,omitempty"`
	Quality quality.Tally `json:"quality"`
	// State is what became of the job, once that is known, and Why says why it failed.
	State string    `json:"state,omitempty"`
	Why   *RowError `json:"why,omitempty"`
	// After is the SHA-256 of the mark before: none is missing in between.
	After []byte `json:"after,omitempty"`
}

// phase is a part of a job.
type phase string

const (
	// reading finds out whether the body can be read to its end, and counts.
	reading phase = "reading"
	// checking looks at every row before the first is stored: atomic jobs only.
	checking phase = "checking"
	// storing checks and stores.
	storing phase = "storing"
)

// counts are those of a result.
type counts struct {
	Received  int `json:"received"`
	Accepted  int `json:"accepted"`
	Unchanged int `json:"unchanged"`
	Corrected int `json:"corrected"`
	Rejected  int `json:"rejected"`
}

// journal is the marks of one job.
type journal struct {
	kept *series
	next int64
	// last is the SHA-256 of the last mark; nil before the first.
	last []byte
}

// errSuperseded says that another gateway has taken the job up.
var errSuperseded = fault.New(fault.Conflict, "submission.job", "Another gateway has taken up the job.")

// write adds a mark.
func (j *journal) write(ctx context.Context, m *mark) error {
	m.After = j.last
	raw, err := json.Marshal(m)
	if err != nil {
		return fault.Wrap(fault.Internal, "submission.job", "The journal cannot be written.", err)
	}
	err = j.kept.put(ctx, j.next, raw, m.Time)
	if fault.Is(err, fault.Conflict) {
		return errSuperseded
	}
	if err == nil {
		j.took(raw)
	}
	return err
}

func (j *journal) took(raw []byte) {
	sum := sha256.Sum256(raw)
	j.last = sum[:]
	j.next++
}

// read calls f with every mark, in order.
func (j *journal) read(ctx context.Context, f func(*mark) error) error {
	for {
		raw, err := j.kept.get(ctx, j.next)
		if fault.Is(err, fault.NotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		m, err := readMark(raw)
		if err != nil {
			return err
		}
		if !bytes.Equal(m.After, j.last) {
			return fault.New(fault.Internal, "submission.job", "A part of the journal is missing.")
		}
		j.took(raw)
		if err := f(m); err != nil {
			return err
		}
	}
}

func readMark(raw []byte) (*mark, error) {
	m := new(mark)
	if err := json.Unmarshal(raw, m); err != nil {
		return nil, fault.Wrap(fault.Internal, "submission.job", "The journal cannot be read.", err)
	}
	return m, nil
}
