package profile

import (
	"context"
	"time"

	"github.com/concord-gateway/concord/gateway/dataset"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/record"
)

// openRecord opens and decodes a record with its marks. One whose key was destroyed, or whose
// retention has ended, is not there. The body is opened before its expiry is
// believed, so that nobody hides or prolongs a record by changing the plain
// column: a record that is not what was sealed answers Internal, and the
// question has no answer.
func (s *Service) openRecord(ctx context.Context, ds *dataset.Dataset, r *record.Record, at time.Time) (
	row *dataset.Row, marks record.Marks, there bool, err error,
) {
	raw, err := record.Open(ctx, s.Keys, r)
	switch {
	case fault.Is(err, fault.NotFound):
		return nil, record.Marks{}, false, nil
	case fault.Is(err, fault.Unavailable):
		return nil, record.Marks{}, false, err
	case err == nil && !r.Expires.After(at):
		return nil, record.Marks{}, false, nil
	case err == nil:
		raw, marks, err = record.DecodeContent(raw)
	}
	if err == nil {
		row, err = ds.Decode(raw)
	}
	if err != nil {
		return nil, record.Marks{}, false, fault.Wrap(fault.Internal, "profile.openRecord", "A record of "+ds.Name+" cannot be read.", err)
	}
	return row, marks, true, nil
}
