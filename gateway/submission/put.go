package submission

import (
	"context"

	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/record"
)

// putAttempts bounds how often rows are tried again that another writer took
// the version number of.
const putAttempts = 5

// put stores rows: new ones, new versions of those whose content differs, and
// nothing for those that are unchanged.
func (w *work) put(ctx context.Context, rows []*prepared) error {
	todo := rows
	for range putAttempts {
		left, err := w.putOnce(ctx, todo)
		if err != nil || len(left) == 0 {
			return err
		}
		todo = left
	}
	return fault.New(fault.Unavailable, "submission.Submit",
		"The same rows are being submitted elsewhere. Send them again.")
}

// putOnce tries each row once and returns those that lost to another writer.
func (w *work) putOnce(ctx context.Context, rows []*prepared) ([]*prepared, error) {
	keys := make([]record.Key, len(rows))
	for i, r := range rows {
		keys[i] = r.record.Key
	}
	stamps, err := w.Records.Stamps(ctx, keys)
	if err != nil {
		return nil, err
	}
	var out []record.Record
	var from []*prepared
	for _, r := range rows {
		st, exists := stamps[r.record.Key]
		same, err := w.unchanged(ctx, r, st, exists)
		if err != nil {
			return nil, err
		}
		if same {
			w.result.Unchanged++
			continue
		}
		r.record.Version = st.Version + 1
		if err := record.Seal(ctx, w.Keys, &r.record, r.canonical); err != nil {
			return nil, err
		}
		out, from = append(out, r.record), append(from, r)
	}
	return w.insert(ctx, out, from)
}

// unchanged reports whether the version in force has the same content.
func (w *work) unchanged(ctx context.Context, r *prepared, st record.Stamp, exists bool) (bool, error) {
	if !exists || st.Agreement != r.record.Agreement {
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

func (w *work) insert(ctx context.Context, out []record.Record, from []*prepared) ([]*prepared, error) {
	if len(out) == 0 {
		return nil, nil
	}
	taken, err := w.Records.Insert(ctx, out)
	if err != nil {
		return nil, err
	}
	var left []*prepared
	for i := range out {
		switch {
		case len(taken) > 0 && taken[0] == i:
			taken = taken[1:]
			left = append(left, from[i])
		case out[i].Version > 1:
			w.result.Corrected++
		default:
			w.result.Accepted++
		}
	}
	return left, nil
}
