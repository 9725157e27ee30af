package retention

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/erasure"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/record"
)

const (
	// versionsEach is how many versions are logged and erased together.
	versionsEach = 4096
	// draftsEach is less than a batch of the log holds.
	draftsEach = 256
)

// expire erases, month by month, the versions that are over.
func (s *Sweeper) expire(ctx context.Context, r *Report) error {
	stored, err := s.stored(ctx)
	if err != nil {
		return err
	}
	var errs []error
	for _, m := range stored {
		errs = append(errs, s.expireMonth(ctx, m, r))
	}
	return errors.Join(errs...)
}

// stored returns the months that records are kept under, and enters them into the
// register: a month from before there was one, or whose entry a restore has lost.
func (s *Sweeper) stored(ctx context.Context) ([]record.Month, error) {
	stored, err := s.Records.Months(ctx)
	if err != nil {
		return nil, err
	}
	live, destroyed, err := s.months.All(ctx)
	if err != nil {
		return nil, err
	}
	known := make(map[record.Month]bool, len(live)+len(destroyed))
	for _, m := range slices.Concat(live, destroyed) {
		known[m] = true
	}
	for _, m := range stored {
		if known[m] {
			continue
		}
		if err := s.months.Begin(ctx, m.Agreement, m.KeyMonth); err != nil {
			return nil, err
		}
	}
	return stored, nil
}

// expireMonth logs and erases, some at a time, what is over of a month.
func (s *Sweeper) expireMonth(ctx context.Context, m record.Month, r *Report) error {
	due := make([]record.Due, 0, versionsEach)
	err := s.Records.Due(ctx, m, s.now(), func(d *record.Due) error {
		_, err := record.Open(ctx, s.Keys, &d.Record)
		switch {
		case fault.Is(err, fault.Unavailable):
			return err
		case err != nil && !fault.Is(err, fault.NotFound): // NotFound: the key is gone
			r.Altered++
			return nil
		}
		// What is held until the next turn is what a version is known by.
		due = append(due, record.Due{
			Record: record.Record{Key: d.Key, Version: d.Version, Submission: d.Submission}, InForce: d.InForce,
		})
		if len(due) < versionsEach {
			return nil
		}
		err = s.erase(ctx, m, due, r)
		due = due[:0]
		return err
	})
	if err != nil {
		return err
	}
	return s.erase(ctx, m, due, r)
}

// erase logs that versions of a month are over, and removes them.
func (s *Sweeper) erase(ctx context.Context, m record.Month, due []record.Due, r *Report) error {
	if len(due) == 0 {
		return nil
	}
	at := s.now()
	if err := s.log(ctx, at, drafts(m, due)); err != nil {
		return err
	}
	n, err := s.Records.Prune(ctx, at, due)
	r.Versions += n
	return err
}

// drafts are the entries for versions of a month, one for each provider and dataset.
func drafts(m record.Month, due []record.Due) []audit.Draft {
	type group struct{ provider, dataset string }
	counts := map[group]*erasure.Expiry{}
	for i := range due {
		g := group{due[i].Provider, due[i].Dataset}
		if counts[g] == nil {
			counts[g] = &erasure.Expiry{Provider: g.provider, Dataset: g.dataset, Month: m}
		}
		if due[i].InForce {
			counts[g].Records++
		} else {
			counts[g].Versions++
		}
	}
	var all []audit.Draft
	for _, g := range slices.SortedFunc(maps.Keys(counts), func(a, b group) int {
		return cmp.Or(cmp.Compare(a.provider, b.provider), cmp.Compare(a.dataset, b.dataset))
	}) {
		all = append(all, counts[g].Draft())
	}
	return all
}

// log appends entries of a time, and returns when they are durable.
func (s *Sweeper) log(ctx context.Context, at time.Time, all []audit.Draft) error {
	for part := range slices.Chunk(all, draftsEach) {
		id, err := uuid.NewV7()
		if err != nil {
			return fault.Wrap(fault.Internal, "retention.Sweep", "No id could be made.", err)
		}
		if _, err := s.Log.Append(ctx, audit.Request{ID: id.String(), Actor: s.actor(), Time: at, Drafts: part}); err != nil {
			return err
		}
	}
	return nil
}

// actor is who acts where nobody in particular does.
func (s *Sweeper) actor() audit.Actor {
	return audit.Actor{Agency: s.Origin, Subject: "retention", Roles: []string{}}
}
