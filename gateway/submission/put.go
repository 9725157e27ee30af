package submission

import (
	"bytes"
	"context"
	"slices"

	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/intake"
	"github.com/concord-gateway/concord/gateway/keyring"
	"github.com/concord-gateway/concord/gateway/record"
)

// putAttempts bounds how often rows are tried again that another writer took
// the version number of.
const putAttempts = 5

// put stores rows: new ones, new versions of those whose content differs, and
// nothing for those that are unchanged. It returns the rows that it refuses.
//
// Most files are either all new or mostly known. While the last ones were new, a row
// is first tried as version 1, which costs no look-up: whether it was, the unique
// insert says.
func (w *work) put(ctx context.Context, rows []*outcome) (refused []*intake.Rejected, err error) {
	todo := rows
	if w.ahead.Load() {
		if todo, err = w.insert(ctx, rows); err != nil {
			return nil, err
		}
	}
	known := len(todo)
	for range putAttempts {
		if len(todo) == 0 {
			w.ahead.Store(2*known < len(rows))
			return refused, nil
		}
		var no []*intake.Rejected
		if todo, no, err = w.putOnce(ctx, todo, &known); err != nil {
			return nil, err
		}
		refused = append(refused, no...)
	}
	return nil, fault.New(fault.Unavailable, "submission.Submit",
		"The same rows are being submitted elsewhere. Send them again.")
}

// putOnce tries each row once and returns those that lost to another writer. known
// is lessened by the rows that are new.
func (w *work) putOnce(ctx context.Context, rows []*outcome, known *int) (left []*outcome, refused []*intake.Rejected, err error) {
	keys := make([]record.Key, len(rows))
	for i, r := range rows {
		keys[i] = r.record.Key
	}
	stamps, err := w.Records.Stamps(ctx, keys)
	if err != nil {
		return nil, nil, err
	}
	out := make([]*outcome, 0, len(rows))
	for _, r := range rows {
		st, exists := stamps[r.record.Key]
		done, no, err := w.settled(ctx, r, st, exists)
		if err != nil {
			return nil, nil, err
		}
		if no != nil {
			refused = append(refused, no)
		}
		if done {
			continue
		}
		if !exists {
			*known--
		}
		r.record.Version = st.Version + 1
		out = append(out, r)
	}
	left, err = w.insert(ctx, out)
	return left, refused, err
}

// settled counts a row that needs no new version: because it is unchanged, because
// it was stored by this submission before it was interrupted, or because a later
// submission was faster than this job.
func (w *work) settled(ctx context.Context, r *outcome, st record.Stamp, exists bool) (done bool, refused *intake.Rejected, err error) {
	switch {
	case !exists:
		return false, nil, nil
	case st.Submission == w.st.id:
		w.stored(st.Version)
		return true, nil, nil
	}
	same, err := w.unchanged(ctx, r, st)
	switch {
	case err != nil:
		return false, nil, err
	case same:
		w.counts.Unchanged++
		return true, nil, nil
	case w.job && st.Submission > w.st.id: // ids are UUIDv7: in the order of time
		return true, w.refuse(r, RowError{
			Row: r.row, Pointer: w.p.ds.SourceID, Code: "superseded",
			Message: "A submission that was sent after this one has brought another version of the record meanwhile.",
			Remedy:  "Nothing, if the later version is right. Otherwise send the row again.",
		}), nil
	}
	return false, nil, nil
}

// stored counts a row that is stored as a version.
func (w *work) stored(version int64) {
	if version > 1 {
		w.counts.Corrected++
	} else {
		w.counts.Accepted++
	}
}

// unchanged reports whether the version in force has the same content.
func (w *work) unchanged(ctx context.Context, r *outcome, st record.Stamp) (bool, error) {
	if st.Agreement != r.record.Agreement {
		return false, nil
	}
	if st.KeyMonth == r.record.KeyMonth {
		return st.Digest == r.record.Digest, nil
	}
	h, err := w.monthHasher(ctx, st)
	if err != nil || h == nil {
		return false, err
	}
	return st.Digest == contentDigest(h, r.canonical), nil
}

// monthHasher returns the digest key of a stored version. A key that was
// destroyed answers nil: the content can no longer be compared.
func (w *work) monthHasher(ctx context.Context, st record.Stamp) (keyring.Hasher, error) {
	h, err := w.Keys.Hasher(ctx, keyring.RecordScope(st.Agreement, st.KeyMonth))
	if fault.Is(err, fault.NotFound) {
		return nil, nil //nolint:nilnil // a destroyed key is an answer, not an error
	}
	return h, err
}

// insert seals rows and inserts them as the versions that they are, and returns those
// whose version is taken. They go in the order of their blind source ids, in which a
// store touches each page of its index once.
func (w *work) insert(ctx context.Context, rows []*outcome) (left []*outcome, err error) {
	if len(rows) == 0 {
		return nil, nil
	}
	rows = slices.SortedFunc(slices.Values(rows), func(a, b *outcome) int {
		return bytes.Compare(a.record.Source[:], b.record.Source[:])
	})
	records := make([]record.Record, len(rows))
	for i, r := range rows {
		if err := w.p.seal(r); err != nil {
			return nil, err
		}
		records[i] = r.record
	}
	taken, err := w.Records.Insert(ctx, records)
	if err != nil {
		return nil, err
	}
	for i, r := range rows {
		if len(taken) > 0 && taken[0] == i {
			taken = taken[1:]
			left = append(left, r)
			continue
		}
		w.stored(r.record.Version)
	}
	return left, nil
}

// foresee counts what would become of valid rows, and stores none.
func (w *work) foresee(ctx context.Context, rows []*outcome) error {
	keys := make([]record.Key, len(rows))
	for i, r := range rows {
		keys[i] = r.record.Key
	}
	stamps, err := w.Records.Stamps(ctx, keys)
	if err != nil {
		return err
	}
	for _, r := range rows {
		st, exists := stamps[r.record.Key]
		done, _, err := w.settled(ctx, r, st, exists)
		if err != nil {
			return err
		}
		if !done {
			w.stored(st.Version + 1)
		}
	}
	return nil
}
