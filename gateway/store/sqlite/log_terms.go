package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/fault"
)

// schemaTerms replaces the search rows of single entries by those of whole
// batches, which are derived and may be rebuilt like them. A term is a kind and a
// value that entries of the batch have; at says which entries, a bit for each,
// the lowest of the first byte for the first entry of the batch. A span says which
// entries and which times the batch has; its common terms are those that nearly
// every batch has, so that there is nothing to look up: each with its entries.
const schemaTerms = `
DROP TABLE audit_entries;
CREATE TABLE audit_terms (
	term TEXT NOT NULL,
	n    INTEGER NOT NULL,
	at   BLOB NOT NULL,
	PRIMARY KEY (term, n)
) STRICT, WITHOUT ROWID;
CREATE TABLE audit_spans (
	n        INTEGER PRIMARY KEY,
	first    INTEGER NOT NULL,
	size     INTEGER NOT NULL,
	earliest TEXT NOT NULL,
	latest   TEXT NOT NULL,
	common   BLOB NOT NULL
) STRICT;
CREATE INDEX audit_spans_latest ON audit_spans (latest);
`

// The kinds of terms: the letter that a term begins with.
const (
	termAction    = "a"
	termProvider  = "p"
	termRequest   = "r"
	termActor     = "s"
	commonAgency  = "A"
	commonPurpose = "P"
)

// termKinds is how many terms an entry has at most, the common ones included.
const termKinds = 6

// termChunks are the numbers of terms that one statement inserts, greatest
// first.
var termChunks = [...]int{128, 64, 32, 16, 8, 4, 3, 2, 1} //nolint:gochecknoglobals // a constant table

// searchRows are the derived rows of a batch.
type searchRows struct {
	// span are the values of its span, terms those of its terms, one row behind
	// the other in the order of the table.
	span, terms []any
}

// searchRowsOf returns the derived rows of b.
func searchRowsOf(b *audit.Batch) (searchRows, error) {
	found := make(map[string][]byte, len(b.Entries)+termKinds)
	var key []byte
	var earliest, latest string
	for i, entry := range b.Entries {
		c, err := audit.ColumnsOf(entry)
		if err != nil {
			return searchRows{}, fault.Wrap(fault.Invalid, "sqlite.Log.searchRows", "an entry is not canonical JSON", err)
		}
		for _, t := range [termKinds]struct{ kind, value string }{
			{termAction, string(c.Action)}, {termProvider, c.Provider}, {termRequest, c.RequestID},
			{termActor, c.Actor}, {commonAgency, c.Agency}, {commonPurpose, c.Purpose},
		} {
			if t.value == "" {
				continue // no query asks for it
			}
			key = append(append(key[:0], t.kind...), t.value...)
			at, have := found[string(key)]
			if marked := mark(at, i); !have || len(marked) != len(at) {
				found[string(key)] = marked
			}
		}
		if i == 0 || c.Time < earliest {
			earliest = c.Time
		}
		latest = max(latest, c.Time)
	}
	common, terms := termRows(b.N, found)
	return searchRows{span: []any{b.N, b.First, b.Size, earliest, latest, common}, terms: terms}, nil
}

// termRows returns the common terms as a span holds them, each followed by its
// entries, and the rows of the others in their order.
func termRows(n int64, found map[string][]byte) (common []byte, rows []any) {
	terms := slices.Sorted(maps.Keys(found))
	rows = make([]any, 0, len(terms)*termColumns)
	common = []byte{}
	for _, term := range terms {
		if isCommon(term) {
			common = audit.AppendPart(audit.AppendPart(common, []byte(term)), found[term])
			continue
		}
		rows = append(rows, term, n, found[term])
	}
	return common, rows
}

// isCommon reports whether the spans hold a term: its kind is a capital.
func isCommon(term string) bool { return term[0] <= 'Z' }

// mark sets bit i of at, which grows as far as that.
func mark(at []byte, i int) []byte {
	const bits = 8
	for len(at) <= i/bits {
		at = append(at, 0)
	}
	at[i/bits] |= 1 << (i % bits)
	return at
}

// marked reports whether bit i of at is set.
func marked(at []byte, i int) bool {
	const bits = 8
	return i/bits < len(at) && at[i/bits]>>(i%bits)&1 == 1
}

// warm prepares the statements that write a batch, which a transaction cannot do
// while it holds the only connection.
func (s logStore) warm(ctx context.Context, op string) error {
	if s.db.write == nil {
		return fault.New(fault.Unavailable, op, "the store is open read-only")
	}
	_, err := s.db.writes.get(ctx, insertBatch)
	if err == nil {
		_, err = s.db.writes.get(ctx, insertSpan)
	}
	for i := 0; err == nil && i < len(termChunks); i++ {
		_, err = s.db.writes.get(ctx, termSQL[i])
	}
	return failure(op, err)
}

// A row that is there is replaced: what it says is derived, and no reason to
// refuse a batch.
const (
	insertSpan  = "INSERT OR REPLACE INTO audit_spans (n, first, size, earliest, latest, common) VALUES (?, ?, ?, ?, ?, ?)"
	insertTerms = "INSERT OR REPLACE INTO audit_terms (term, n, at) VALUES "
	termColumns = 3
)

// termSQL are the statements that insert the terms of each chunk.
var termSQL = func() (texts [len(termChunks)]string) { //nolint:gochecknoglobals // a constant table
	for i, chunk := range termChunks {
		texts[i] = insertTerms + strings.TrimSuffix(strings.Repeat("("+marks(termColumns)+"), ", chunk), ", ")
	}
	return texts
}()

// insertSearchRows inserts the derived rows of a batch with as few executions as
// it can.
func (db *DB) insertSearchRows(ctx context.Context, tx *sql.Tx, rows searchRows) error {
	exec := func(query string, args ...any) error {
		var err error
		if db.writes == nil { // the database is being opened
			_, err = tx.ExecContext(ctx, query, args...)
		} else {
			_, err = db.writes.exec(ctx, tx, query, args...)
		}
		if err != nil {
			return fmt.Errorf("search rows: %w", err)
		}
		return nil
	}
	if err := exec(insertSpan, rows.span...); err != nil {
		return err
	}
	terms := rows.terms
	for i, chunk := range termChunks {
		for values := chunk * termColumns; len(terms) >= values; terms = terms[values:] {
			if err := exec(termSQL[i], terms[:values]...); err != nil {
				return err
			}
		}
	}
	return nil
}

// reindex rebuilds the derived rows from the batches, within one transaction.
func (db *DB) reindex(ctx context.Context, tx *sql.Tx) error {
	if _, err := tx.ExecContext(ctx, "DELETE FROM audit_terms; DELETE FROM audit_spans"); err != nil {
		return err
	}
	for n := int64(0); ; n++ {
		b, err := oneBatch(ctx, tx, "sqlite.Log.Reindex", batchByNumber, n)
		if fault.Is(err, fault.NotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		rows, err := searchRowsOf(b)
		if err == nil {
			err = db.insertSearchRows(ctx, tx, rows)
		}
		if err != nil {
			return fmt.Errorf("batch %d: %w", n, err)
		}
	}
}
