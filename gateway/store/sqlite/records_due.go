package sqlite

import (
	"context"
	"database/sql"
	"math"
	"slices"
	"time"

	"github.com/concord-gateway/concord/gateway/record"
)

// indexMonths finds the versions of a month by their expiry. Versions arrive in
// the order of their months and, for the most part, of their expiry: they are
// added at the end of a range.
const indexMonths = "CREATE INDEX records_month ON records (agreement, key_month, expires);"

const (
	nextMonth = `SELECT agreement, key_month FROM records
		WHERE (agreement, key_month) > (?, ?) ORDER BY agreement, key_month LIMIT 1`

	// dueRecords reads a page. The id is at the end of every index.
	dueRecords = `SELECT ` + recordColumns + `, r.id, ` + inForce + `
		FROM records AS r WHERE r.agreement = ? AND r.key_month = ? AND r.expires <= ? AND (r.expires, r.id) > (?, ?)
		ORDER BY r.expires, r.id LIMIT ?`

	// prunable finds a version that is due and as it was, and the earlier versions of
	// its record when it is in force.
	prunable = `SELECT p.id, p.indexes FROM records AS r JOIN records AS p
		ON p.provider = r.provider AND p.dataset = r.dataset AND p.source = r.source
		AND (p.version = r.version OR p.version < r.version AND ` + inForce + `)
		WHERE r.provider = ? AND r.dataset = ? AND r.source = ? AND r.version = ?
		AND r.submission = ? AND r.expires <= ?`
)

// Months leaps from one month to the next in the index, without a scan.
func (s records) Months(ctx context.Context) (months []record.Month, err error) {
	var at record.Month
	for {
		var next record.Month
		err := collect(ctx, s.db.reads, "sqlite.Records.Months", func(rows *sql.Rows) error {
			return rows.Scan(&next.Agreement, &next.KeyMonth)
		}, nextMonth, at.Agreement, at.KeyMonth)
		if err != nil {
			return nil, err
		}
		if next == (record.Month{}) {
			return months, nil
		}
		if next.Agreement != "" && next.KeyMonth != "" {
			months = append(months, next)
		}
		at = next
	}
}

// Due reads page by page, as Scan does.
func (s records) Due(ctx context.Context, m record.Month, at time.Time, yield func(*record.Due) error) error {
	expires, id := int64(math.MinInt64), int64(0)
	page := make([]record.Due, 0, pageSize)
	for {
		page = page[:0]
		err := collect(ctx, s.db.reads, "sqlite.Records.Due", func(rows *sql.Rows) error {
			var d record.Due
			var err error
			d.Record, err = scanRecord(rows, &id, &d.InForce)
			page = append(page, d)
			return err
		}, dueRecords, m.Agreement, m.KeyMonth, at.UnixMicro(), expires, id, pageSize)
		if err != nil {
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
		expires = page[len(page)-1].Expires.UnixMicro()
	}
}

// Prune removes the versions a chunk at a time, each chunk in one transaction.
func (s records) Prune(ctx context.Context, at time.Time, due []record.Due) (pruned int, err error) {
	const op = "sqlite.Records.Prune"
	for part := range slices.Chunk(due, chunk) {
		n := 0
		err := s.db.update(ctx, op, func(ctx context.Context, tx *sql.Tx) error {
			for i := range part {
				d := &part[i]
				gone, err := s.erase(ctx, tx, op, prunable,
					d.Provider, d.Dataset, d.Source[:], d.Version, d.Submission, at.UnixMicro())
				if err != nil {
					return err
				}
				n += gone
			}
			return nil
		})
		if err != nil {
			return pruned, err
		}
		pruned += n
	}
	return pruned, nil
}
