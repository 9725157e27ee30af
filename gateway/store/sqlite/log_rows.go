package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/fault"
)

// searchColumns is how many values a search row has.
const searchColumns = 8

// searchChunks are the numbers of search rows that one statement inserts,
// greatest first: 512 rows are four executions, and none takes more than ten.
var searchChunks = [...]int{128, 64, 32, 16, 8, 4, 2, 1} //nolint:gochecknoglobals // a constant table

// searchRows returns the values of the search rows of a batch, one row behind
// the other.
func searchRows(b *audit.Batch) ([]any, error) {
	rows := make([]any, 0, len(b.Entries)*searchColumns)
	for i, entry := range b.Entries {
		c, err := audit.ColumnsOf(entry)
		if err != nil {
			return nil, fault.Wrap(fault.Invalid, "sqlite.Log.searchRows", "an entry is not canonical JSON", err)
		}
		rows = append(rows, b.First+int64(i), c.Time, string(c.Action), c.Actor, c.Agency, c.Purpose, c.Provider, c.RequestID)
	}
	return rows, nil
}

// warm prepares the statements that write a batch, which a transaction cannot do
// while it holds the only connection.
func (s logStore) warm(ctx context.Context, op string) error {
	if s.db.write == nil {
		return fault.New(fault.Unavailable, op, "the store is open read-only")
	}
	_, err := s.db.writes.get(ctx, insertBatch)
	for i := 0; err == nil && i < len(searchChunks); i++ {
		_, err = s.db.writes.get(ctx, searchSQL[i])
	}
	return failure(op, err)
}

// insertSearchRows inserts rows with as few executions as it can.
func (s logStore) insertSearchRows(ctx context.Context, tx *sql.Tx, rows []any) error {
	for i, chunk := range searchChunks {
		values := chunk * searchColumns
		for len(rows) >= values {
			if _, err := s.db.writes.exec(ctx, tx, searchSQL[i], rows[:values]...); err != nil {
				return fmt.Errorf("search rows: %w", err)
			}
			rows = rows[values:]
		}
	}
	return nil
}

// searchSQL are the statements that insert the search rows of each chunk. A row that
// is there is replaced: what it says is derived, and no reason to refuse a batch.
var searchSQL = func() (texts [len(searchChunks)]string) { //nolint:gochecknoglobals // a constant table
	for i, chunk := range searchChunks {
		row := "(" + marks(searchColumns) + "), "
		texts[i] = "INSERT OR REPLACE INTO audit_entries (idx, time, action, actor, agency, purpose, provider, request_id) VALUES " +
			strings.TrimSuffix(strings.Repeat(row, chunk), ", ")
	}
	return texts
}()
