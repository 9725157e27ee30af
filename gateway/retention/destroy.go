package retention

import (
	"context"
	"errors"
	"time"

	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/erasure"
	"github.com/concord-gateway/concord/gateway/keyring"
	"github.com/concord-gateway/concord/gateway/record"
)

// rejectedFor is how long after the end of a month the key of its rejected rows is
// needed: they are kept for seven days, and some that are sealed in the first hours of
// a month belong to a submission that began in the one before.
const rejectedFor = 8 * 24 * time.Hour

// destroy destroys the keys of months that are over and under which nothing is kept.
func (s *Sweeper) destroy(ctx context.Context, r *Report) error {
	at := s.now()
	live, _, err := s.months.All(ctx)
	if err != nil {
		return err
	}
	stored, err := s.Records.Months(ctx) // after what was due is gone
	if err != nil {
		return err
	}
	kept := make(map[record.Month]bool, len(stored))
	for _, m := range stored {
		kept[m] = true
	}
	var errs []error
	for _, m := range live {
		switch {
		case !over(m, at):
		case kept[m]:
			r.Held++
			if r.Oldest == "" || m.KeyMonth < r.Oldest {
				r.Oldest = m.KeyMonth
			}
		default:
			err := s.destroyMonth(ctx, m, at)
			if err == nil {
				r.Keys++
			}
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// destroyMonth logs that a key goes, and destroys it. The key of rejected rows needs
// no entry: they never were records, and no backup has them.
func (s *Sweeper) destroyMonth(ctx context.Context, m record.Month, at time.Time) error {
	if m.Agreement != "" {
		if err := s.log(ctx, at, []audit.Draft{erasure.DestroyedDraft(m)}); err != nil {
			return err
		}
	}
	if err := s.Keys.Destroy(ctx, scope(m)); err != nil {
		return err
	}
	if err := s.months.Destroyed(ctx, m); err != nil {
		return err
	}
	s.gone[m] = true
	return nil
}

// destroyAgain destroys the keys of which the register says that they are gone, once
// in each process: another gateway may have destroyed them, and this one holds them in
// memory; or an old copy of the keys was put back.
func (s *Sweeper) destroyAgain(ctx context.Context) error {
	_, destroyed, err := s.months.All(ctx)
	if err != nil {
		return err
	}
	for _, m := range destroyed {
		if s.gone[m] {
			continue
		}
		if err := s.Keys.Destroy(ctx, scope(m)); err != nil {
			return err
		}
		s.gone[m] = true
	}
	return nil
}

// scope is the scope of the key of a month.
func scope(m record.Month) string {
	if m.Agreement == "" {
		return keyring.RejectedScope(m.KeyMonth)
	}
	return keyring.RecordScope(m.Agreement, m.KeyMonth)
}

// over reports whether nothing is sealed any more under the key of a month: a whole
// month has passed since. Rejected rows are gone sooner. A month that is none is never
// over.
func over(m record.Month, at time.Time) bool {
	first, err := time.Parse("2006-01", m.KeyMonth)
	if err != nil {
		return false
	}
	if m.Agreement == "" {
		return !at.Before(first.AddDate(0, 1, 0).Add(rejectedFor))
	}
	return !at.Before(first.AddDate(0, 2, 0)) //nolint:mnd // the month itself and the one after
}
