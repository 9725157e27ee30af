package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"math/bits"
	"strings"
)

// queryer is what rows can be asked of: a pool, its prepared statements or a
// transaction.
type queryer interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// collect calls take for every row of a query. Errors are mapped to faults of
// operation op.
func collect(
	ctx context.Context, from queryer, op string, take func(*sql.Rows) error, query string, args ...any,
) (err error) {
	rows, err := from.QueryContext(ctx, query, args...)
	if err != nil {
		return failure(op, err)
	}
	defer func() { err = failure(op, errors.Join(err, rows.Close())) }()
	for rows.Next() {
		if err := take(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// marks returns n parameter marks for a list: "?, ?, ?".
func marks(n int) string {
	return strings.TrimSuffix(strings.Repeat("?, ", n), ", ")
}

// notNull returns b, or an empty value that SQLite does not take for NULL.
func notNull(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// padded fills a list up to a power of two by repeating its last value, so that
// lists of all lengths share few statements.
func padded(list []any) []any {
	size := 1 << bits.Len(uint(len(list)-1))
	filled := make([]any, 0, size+2) // room for what a caller adds
	filled = append(filled, list...)
	for len(filled) < size {
		filled = append(filled, list[len(list)-1])
	}
	return filled
}
