package sqlite

import (
	"bytes"
	"context"
	"database/sql"
	"slices"
	"time"

	"github.com/concord-gateway/concord/gateway/record"
)

// schemaRecords keeps the records in the order of arrival; the random keys are
// in the narrow unique index and in record_index, so that a batch dirties few
// pages. The column indexes holds the blind indexes of a row, 32 bytes each;
// record_index has only the first eight of them, which makes it a third of the
// size: what it finds is held against the column.
const schemaRecords = `
CREATE TABLE records (
	id          INTEGER PRIMARY KEY,
	provider    TEXT NOT NULL,
	dataset     TEXT NOT NULL,
	source      BLOB NOT NULL CHECK (length(source) = 32),
	version     INTEGER NOT NULL,
	agreement   TEXT NOT NULL,
	submission  TEXT NOT NULL,
	digest      BLOB NOT NULL CHECK (length(digest) = 32),
	indexes     BLOB NOT NULL CHECK (length(indexes) % 32 = 0),
	area        TEXT NOT NULL,
	event_month TEXT NOT NULL,
	indicators  TEXT NOT NULL,
	received    INTEGER NOT NULL, -- microseconds since 1970, like the next
	expires     INTEGER NOT NULL,
	key_month   TEXT NOT NULL,
	body        BLOB NOT NULL,
	UNIQUE (provider, dataset, source, version)
) STRICT;
CREATE TABLE record_index (
	prefix INTEGER NOT NULL, -- the first eight bytes of a blind index
	record INTEGER NOT NULL,
	PRIMARY KEY (prefix, record)
) STRICT, WITHOUT ROWID;
`

const (
	recordColumns = `r.provider, r.dataset, r.source, r.version, r.agreement, r.submission, r.digest, r.indexes,
	r.area, r.event_month, r.indicators, r.received, r.expires, r.key_month, r.body`

	// inForce holds for a row r that no later version replaces.
	inForce = `NOT EXISTS (SELECT 1 FROM records AS n WHERE n.provider = r.provider
	AND n.dataset = r.dataset AND n.source = r.source AND n.version > r.version)`

	// chunk is the most parameters of one list in a statement.
	chunk = 512
)

// Records returns the store of records.
func (db *DB) Records() record.Store { return records{db} }

// records implements record.Store.
type records struct{ db *DB }

// group is a dataset of a provider.
type group struct{ provider, dataset string }

func (s records) Stamps(ctx context.Context, keys []record.Key) (map[record.Key]record.Stamp, error) {
	sources := make(map[group][]any)
	for _, k := range keys {
		g := group{k.Provider, k.Dataset}
		sources[g] = append(sources[g], k.Source[:])
	}
	found := make(map[record.Key]record.Stamp, len(keys))
	for g, all := range sources {
		for part := range slices.Chunk(all, chunk) {
			if err := s.stamps(ctx, g, part, found); err != nil {
				return nil, err
			}
		}
	}
	return found, nil
}

// stamps adds the stamps of some sources of a group to found. SQLite takes the
// bare columns from the row that holds the maximum.
func (s records) stamps(ctx context.Context, g group, sources []any, found map[record.Key]record.Stamp) error {
	sources = padded(sources)
	return collect(ctx, s.db.reads, "sqlite.Records.Stamps", func(rows *sql.Rows) error {
		var source, digest sql.RawBytes
		var stamp record.Stamp
		if err := rows.Scan(&source, &stamp.Version, &stamp.Agreement, &stamp.Submission, &stamp.KeyMonth, &digest); err != nil {
			return err
		}
		stamp.Digest = record.Ref(digest)
		found[record.Key{Provider: g.provider, Dataset: g.dataset, Source: record.Ref(source)}] = stamp
		return nil
	}, stampsOf(len(sources)), append(sources, g.provider, g.dataset)...)
}

// stampsOf is the query for n sources of a group.
func stampsOf(n int) string {
	return `SELECT source, max(version), agreement, submission, key_month, digest FROM records
		WHERE source IN (` + marks(n) + `) AND provider = ? AND dataset = ? GROUP BY source`
}

func (s records) Find(
	ctx context.Context, provider, dataset string, indexes []record.Ref,
) (found []record.Record, err error) {
	for part := range slices.Chunk(indexes, chunk) {
		prefixes := make([]any, 0, len(part))
		for _, i := range part {
			prefixes = append(prefixes, prefix(i))
		}
		prefixes = padded(prefixes)
		err := collect(ctx, s.db.reads, "sqlite.Records.Find", func(rows *sql.Rows) error {
			r, err := scanRecord(rows)
			if slices.ContainsFunc(r.Indexes, func(i record.Ref) bool { return slices.Contains(part, i) }) {
				found = append(found, r)
			}
			return err
		}, findRecords(len(prefixes)), append(prefixes, provider, dataset)...)
		if err != nil {
			return nil, err
		}
	}
	if len(indexes) > chunk { // each part was in order and without doubles
		slices.SortFunc(found, bySource)
		found = slices.CompactFunc(found, func(a, b record.Record) bool { return a.Source == b.Source })
	}
	return found, nil
}

func bySource(a, b record.Record) int { return bytes.Compare(a.Source[:], b.Source[:]) }

// findRecords is the query for n indexes. The cross join makes SQLite start
// from the blind indexes, whatever it thinks of the sizes of the tables.
func findRecords(n int) string {
	return `SELECT ` + recordColumns + `
		FROM (SELECT DISTINCT record FROM record_index WHERE prefix IN (` + marks(n) + `)) AS i
		CROSS JOIN records AS r ON r.id = i.record
		WHERE r.provider = ? AND r.dataset = ? AND ` + inForce + ` ORDER BY r.source`
}

// scanRecord reads a row of recordColumns, and what stands after them into more.
func scanRecord(rows *sql.Rows, more ...any) (r record.Record, err error) {
	var source, digest, indexes sql.RawBytes
	var indicators string
	var received, expires int64
	err = rows.Scan(append([]any{
		&r.Provider, &r.Dataset, &source, &r.Version, &r.Agreement, &r.Submission, &digest, &indexes,
		&r.Area, &r.EventMonth, &indicators, &received, &expires, &r.KeyMonth, &r.Body,
	}, more...)...)
	if err != nil {
		return r, err
	}
	r.Source, r.Digest = record.Ref(source), record.Ref(digest)
	r.Indexes = splitRefs(indexes)
	r.Indicators, err = splitList(indicators)
	r.Received, r.Expires = time.UnixMicro(received).UTC(), time.UnixMicro(expires).UTC()
	return r, err
}
