package sqlite

import (
	"context"
	"database/sql"

	"github.com/concord-gateway/concord/gateway/record"
)

// pageSize is how many records a scan holds in memory.
const pageSize = 256

const (
	pageRecords = `SELECT ` + recordColumns + ` FROM records AS r
		WHERE r.provider = ? AND r.dataset = ? AND r.source > ? AND ` + inForce + `
		ORDER BY r.source LIMIT ?`

	countRecords = "SELECT count(DISTINCT source) FROM records WHERE provider = ? AND dataset = ?"

	nextGroup = `SELECT provider, dataset FROM records
		WHERE (provider, dataset) > (?, ?) ORDER BY provider, dataset LIMIT 1`
)

// Scan reads page by page, so that memory stays flat and no snapshot of the
// database is held while yield works.
func (s records) Scan(ctx context.Context, f record.Filter, yield func(*record.Record) error) error {
	return s.eachGroup(ctx, "sqlite.Records.Scan", f, func(g group) error {
		page := make([]record.Record, 0, pageSize)
		after := []byte{}
		for {
			var err error
			if page, err = s.page(ctx, g, after, page[:0]); err != nil {
				return err
			}
			for i := range page {
				if err := yield(&page[i]); err != nil {
					return err
				}
			}
			if len(page) < pageSize {
				return nil
			}
			after = append(after[:0], page[len(page)-1].Source[:]...)
		}
	})
}

// page appends to into the records in force of a group after a source.
func (s records) page(ctx context.Context, g group, after []byte, into []record.Record) ([]record.Record, error) {
	err := collect(ctx, s.db.reads, "sqlite.Records.Scan", func(rows *sql.Rows) error {
		r, err := scanRecord(rows)
		into = append(into, r)
		return err
	}, pageRecords, g.provider, g.dataset, after, pageSize)
	return into, err
}

func (s records) Count(ctx context.Context, f record.Filter) (total int64, err error) {
	const op = "sqlite.Records.Count"
	err = s.eachGroup(ctx, op, f, func(g group) error {
		return collect(ctx, s.db.reads, op, func(rows *sql.Rows) error {
			var n int64
			err := rows.Scan(&n)
			total += n
			return err
		}, countRecords, g.provider, g.dataset)
	})
	return total, err
}

// eachGroup calls visit for every group with records that the filter matches,
// in order. It leaps from one to the next in the index, without a scan.
func (s records) eachGroup(ctx context.Context, op string, f record.Filter, visit func(group) error) error {
	if f.Provider != "" && f.Dataset != "" {
		return visit(group{f.Provider, f.Dataset})
	}
	g := group{provider: f.Provider}
	for {
		next, err := s.groupAfter(ctx, op, g)
		if err != nil {
			return err
		}
		if next == (group{}) || f.Provider != "" && f.Provider != next.provider {
			return nil
		}
		g = next
		if f.Dataset != "" && f.Dataset != g.dataset {
			continue
		}
		if err := visit(g); err != nil {
			return err
		}
	}
}

// groupAfter returns the first group after g, and the zero group after the
// last.
func (s records) groupAfter(ctx context.Context, op string, g group) (next group, err error) {
	err = collect(ctx, s.db.reads, op, func(rows *sql.Rows) error {
		return rows.Scan(&next.provider, &next.dataset)
	}, nextGroup, g.provider, g.dataset)
	return next, err
}
