package sqlite

import (
	"context"
	"database/sql"
	"slices"
	"strings"

	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/record"
)

const insertRecord = `INSERT INTO records (id, provider, dataset, source, version, agreement, submission, digest,
	indexes, area, event_month, indicators, received, expires, key_month, body)
	VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
	ON CONFLICT (provider, dataset, source, version) DO NOTHING`

const (
	deleteRecord    = "DELETE FROM records WHERE id = ?"
	deleteReference = "DELETE FROM record_index WHERE prefix = ? AND record = ?"

	// referencesEach is how many rows of record_index go in with one statement.
	referencesEach = 64
)

// insertReferences adds referencesEach rows. A row that is there already is
// left: a record may carry the same index twice.
func insertReferences() string {
	return "INSERT INTO record_index (prefix, record) VALUES (?, ?)" +
		strings.Repeat(", (?, ?)", referencesEach-1) + " ON CONFLICT DO NOTHING"
}

// reference is a row of record_index: the start of a blind index and the row
// that has it.
type reference struct {
	prefix int64
	record int64
}

// Insert stores all versions in one transaction; each unique insert decides
// for its version alone.
func (s records) Insert(ctx context.Context, all []record.Record) (taken []int, err error) {
	const op = "sqlite.Records.Insert"
	if len(all) == 0 {
		return nil, nil
	}
	for i := range all {
		if all[i].Provider == "" || all[i].Dataset == "" || all[i].Version < 1 {
			return nil, fault.New(fault.Invalid, op, "a record needs a provider, a dataset and a version from 1")
		}
	}
	err = s.db.update(ctx, op, func(ctx context.Context, tx *sql.Tx) error {
		taken, err = s.insert(ctx, tx, all)
		return err
	})
	if err != nil {
		return nil, err
	}
	return taken, nil
}

func (s records) insert(ctx context.Context, tx *sql.Tx, all []record.Record) (taken []int, err error) {
	var last int64
	if err := tx.QueryRowContext(ctx, "SELECT coalesce(max(id), 0) FROM records").Scan(&last); err != nil {
		return nil, err
	}
	references := make([]reference, 0, 4*len(all)) // most records have three or four
	for i := range all {
		r := &all[i]
		indicators, err := joinList(r.Indicators)
		if err != nil {
			return nil, err
		}
		result, err := s.db.writes.exec(ctx, tx, insertRecord, last+1, r.Provider, r.Dataset, r.Source[:], r.Version, r.Agreement,
			r.Submission, r.Digest[:], joinRefs(r.Indexes), r.Area, r.EventMonth, indicators,
			r.Received.UnixMicro(), r.Expires.UnixMicro(), r.KeyMonth, notNull(r.Body))
		if err != nil {
			return nil, err
		}
		if n, err := result.RowsAffected(); err != nil {
			return nil, err
		} else if n == 0 {
			taken = append(taken, i)
			continue
		}
		last++
		for j := range r.Indexes {
			references = append(references, reference{prefix(r.Indexes[j]), last})
		}
	}
	return taken, s.index(ctx, tx, references)
}

// index adds rows to record_index, in its order, which touches each page once.
// The last statement is filled up by repeating its last row.
func (s records) index(ctx context.Context, tx *sql.Tx, references []reference) error {
	slices.SortFunc(references, compareReferences)
	query := insertReferences()
	for part := range slices.Chunk(references, referencesEach) {
		args := make([]any, 0, 2*referencesEach)
		for i := range referencesEach {
			r := part[min(i, len(part)-1)]
			args = append(args, r.prefix, r.record)
		}
		if _, err := s.db.writes.exec(ctx, tx, query, args...); err != nil {
			return err
		}
	}
	return nil
}

// Withdraw removes the keys in one transaction.
func (s records) Withdraw(ctx context.Context, keys []record.Key) (had []record.Key, err error) {
	if len(keys) == 0 {
		return nil, nil
	}
	err = s.db.update(ctx, "sqlite.Records.Withdraw", func(ctx context.Context, tx *sql.Tx) error {
		for _, k := range keys {
			n, err := s.withdraw(ctx, tx, k)
			if err != nil {
				return err
			}
			if n > 0 {
				had = append(had, k)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return had, nil
}

// withdraw removes every version of a key and returns how many there were.
func (s records) withdraw(ctx context.Context, tx *sql.Tx, k record.Key) (versions int, err error) {
	return s.erase(ctx, tx, "sqlite.Records.Withdraw",
		"SELECT id, indexes FROM records WHERE provider = ? AND dataset = ? AND source = ?", k.Provider, k.Dataset, k.Source[:])
}

// erase removes the rows whose id and indexes a query finds, with their rows of
// record_index, and returns how many there were.
func (s records) erase(ctx context.Context, tx *sql.Tx, op, query string, args ...any) (rows int, err error) {
	var ids []int64
	var references []reference
	err = collect(ctx, tx, op, func(rows *sql.Rows) error {
		var id int64
		var indexes []byte
		if err := rows.Scan(&id, &indexes); err != nil {
			return err
		}
		ids = append(ids, id)
		for _, idx := range splitRefs(indexes) {
			references = append(references, reference{prefix(idx), id})
		}
		return nil
	}, query, args...)
	if err != nil {
		return 0, err
	}
	for _, r := range references {
		if _, err := s.db.writes.exec(ctx, tx, deleteReference, r.prefix, r.record); err != nil {
			return 0, err
		}
	}
	for _, id := range ids {
		if _, err := s.db.writes.exec(ctx, tx, deleteRecord, id); err != nil {
			return 0, err
		}
	}
	return len(ids), nil
}
