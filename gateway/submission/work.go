package submission

import (
	"cmp"
	"context"
	"encoding/hex"
	"slices"
	"strconv"
	"sync/atomic"

	"github.com/concord-gateway/concord/gateway/intake"
	"github.com/concord-gateway/concord/gateway/quality"
	"github.com/concord-gateway/concord/gateway/record"
)

// chunkRows is how many rows are stored and journaled together, about: a chunk is
// whole batches.
const chunkRows = 2048

// work is one submission under way, owned by one goroutine but for what is read by
// the workers of a pass.
type work struct {
	*Service

	st *stream
	p  *preparer
	// client is where the request came from; of a job it is not known any more.
	client string
	// job says that a journal is kept.
	job bool
	// ahead says that bodies are sealed before it is known which version they are:
	// while most rows are new.
	ahead atomic.Bool

	counts counts
	// digest is the fold of those of all valid rows, in the order of arrival.
	digest []byte
	seen   *seen
	// merged are the records that were merged into others.
	merged map[record.Ref]bool
	// gone are those that were withdrawn since the submission was opened; of a job only.
	gone   gone
	listed []RowError
	// kept are the rows for the error file, in pieces.
	kept    *rejectedRows
	quality *quality.Tally
}

func (s *Service) newWork(ctx context.Context, st *stream, p *preparer) (*work, error) {
	merged, err := s.mergedAway(ctx, st.Agency, st.Dataset)
	if err != nil {
		return nil, err
	}
	kept, err := s.pieces.series(ctx, kindRejected, st.id, st.Time)
	if err != nil {
		return nil, err
	}
	w := &work{
		Service: s, st: st, p: p, seen: newSeen(), merged: merged, listed: []RowError{},
		kept: &rejectedRows{kept: kept, clock: s.Clock}, quality: p.tally(),
	}
	w.ahead.Store(true)
	return w, nil
}

// sift takes rows in their order, counts them, and divides them: those that are to
// be stored, and those that are refused.
func (w *work) sift(rows []outcome) (valid []*outcome, refused []*intake.Rejected) {
	for i := range rows {
		o := &rows[i]
		w.counts.Received++
		if o.rejected == nil {
			o.rejected = w.double(o)
		}
		switch {
		case o.rejected == nil:
			valid = append(valid, o)
			w.digest = foldDigest(w.p.digest, w.digest, o.record.Digest[:])
		case len(o.rejected.Errors) == 0: // the same row again
			w.counts.Unchanged++
			w.quality.AddDuplicate()
		default:
			refused = append(refused, o.rejected)
		}
	}
	return valid, refused
}

// double says what a row is that came before, or whose record was merged into
// another: refused, or the same again, which has no errors.
func (w *work) double(o *outcome) *intake.Rejected {
	if w.merged[o.record.Source] {
		return w.refuse(o, RowError{
			Row: o.row, Pointer: w.p.ds.SourceID, Code: "source-id-merged",
			Message: "The record with this source id was merged into another.",
			Remedy:  "Send it under the source id that it was merged into.",
		})
	}
	if w.gone.refs[o.record.Source] {
		return w.refuse(o, RowError{
			Row: o.row, Pointer: w.p.ds.SourceID, Code: "withdrawn",
			Message: "The record was withdrawn after this file was sent.",
			Remedy:  "Nothing, if that is right. Otherwise send the row again.",
		})
	}
	before, again := w.seen.add(o.record.Source[:], o.record.Digest[:], o.row, w.job)
	switch {
	case !again:
		return nil
	case before.same(o.record.Digest[:]):
		return &intake.Rejected{}
	}
	return w.refuse(o, RowError{
		Row: o.row, Pointer: w.p.ds.SourceID, Code: "duplicate-source-id",
		Message: "Row " + strconv.Itoa(int(before.row)) + " of this submission has the same source id and other content.",
		Remedy:  "Send each record once; send a correction in a submission of its own.",
	})
}

// refuse is a valid row that is refused all the same.
func (w *work) refuse(o *outcome, e RowError) *intake.Rejected {
	return o.sent.reject([]RowError{e})
}

// reject counts rows that are refused, lists the first and keeps all.
func (w *work) reject(ctx context.Context, refused []*intake.Rejected) error {
	slices.SortFunc(refused, func(a, b *intake.Rejected) int { return cmp.Compare(a.Errors[0].Row, b.Errors[0].Row) })
	for _, r := range refused {
		w.counts.Rejected++
		w.quality.AddRejected(r.Errors)
		if room := MaxListed - len(w.listed); room > 0 {
			w.listed = append(w.listed, r.Errors[:min(room, len(r.Errors))]...)
		}
	}
	return w.kept.add(ctx, refused)
}

// result is what there is to say by now.
func (w *work) result(state string) Result {
	return Result{
		ID: w.st.id, State: state, Received: w.counts.Received, Accepted: w.counts.Accepted, Unchanged: w.counts.Unchanged,
		Corrected: w.counts.Corrected, Rejected: w.counts.Rejected, Errors: w.listed,
	}
}

// into is the record that a withdrawal merges into, or nil.
func (o *opened) into() *record.Ref {
	raw, err := hex.DecodeString(o.Into)
	if err != nil || len(raw) != len(record.Ref{}) {
		return nil
	}
	ref := record.Ref(raw)
	return &ref
}
