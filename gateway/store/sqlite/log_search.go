package sqlite

import (
	"context"
	"database/sql"
	"strconv"
	"strings"

	"github.com/concord-gateway/concord/gateway/audit"
)

// Search goes from batch to batch, the newest first, along the rarest term that
// the query has, and asks for its other terms batch by batch. A batch itself is
// read only where a bound of the query's times falls into it.
func (s logStore) Search(ctx context.Context, q audit.Query) (found []int64, err error) {
	const op = "sqlite.Log.Search"
	limit := q.Limit
	if limit <= 0 {
		limit = 100
	}
	terms, common := termsOf(q)
	query, args := searchSQL(q, terms)
	rows, err := s.db.read.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, failure(op, err)
	}
	defer func() { _ = rows.Close() }() // whatever it says, what was read was read
	found = []int64{}
	for len(found) < limit && rows.Next() {
		h := hits{ats: make([][]byte, len(terms))}
		if err := h.scan(rows, common); err != nil {
			return nil, failure(op, err)
		}
		if found, err = h.add(found, q, limit); err != nil {
			return nil, failure(op, err)
		}
	}
	return found, failure(op, rows.Err())
}

// hits are the entries of one batch that may match.
type hits struct {
	n, first, size int64
	// body is the batch where the times of single entries matter, and nil
	// elsewhere.
	body []byte
	// ats has for each term of the query which entries have it.
	ats [][]byte
}

// scan reads a row, and which entries have the common terms of the query.
func (h *hits) scan(rows *sql.Rows, common []string) error {
	var held []byte
	into := []any{&h.n, &h.first, &h.size, &held, &h.body}
	for i := range h.ats {
		into = append(into, &h.ats[i])
	}
	if err := rows.Scan(into...); err != nil {
		return err
	}
	for _, term := range common {
		h.ats = append(h.ats, entriesOf(term, held))
	}
	return nil
}

// entriesOf returns which entries have a term, of the common terms of a span.
func entriesOf(term string, common []byte) []byte {
	for len(common) > 0 {
		its, rest, ok1 := audit.CutPart(common)
		at, rest, ok2 := audit.CutPart(rest)
		if !ok1 || !ok2 {
			return nil
		}
		if string(its) == term {
			return at
		}
		common = rest
	}
	return nil
}

// add appends the matching entries to found, the last first, up to limit.
func (h *hits) add(found []int64, q audit.Query, limit int) ([]int64, error) {
	b := audit.Batch{N: h.n, First: h.first, Size: h.size}
	if h.body != nil {
		if err := audit.UnmarshalBatch(&b, h.body); err != nil {
			return nil, err
		}
		h.size = min(h.size, h.first+int64(len(b.Entries)))
	}
	for i := int(h.size-h.first) - 1; i >= 0 && len(found) < limit; i-- {
		index := h.first + int64(i)
		if q.Before > 0 && index >= q.Before || q.After > 0 && index <= q.After || !h.all(i) {
			continue
		}
		if h.body != nil {
			c, err := audit.ColumnsOf(b.Entries[i])
			if err != nil {
				return nil, err
			}
			if c.Time < q.From || q.To != "" && c.Time >= q.To {
				continue
			}
		}
		found = append(found, index)
	}
	return found, nil
}

// all reports whether entry i of the batch has every term.
func (h *hits) all(i int) bool {
	for _, at := range h.ats {
		if !marked(at, i) {
			return false
		}
	}
	return true
}

// termsOf returns the terms of a query, those first that the fewest batches are
// likely to have, and its common terms.
func termsOf(q audit.Query) (terms, common []string) {
	for _, t := range [termKinds]struct{ kind, value string }{
		{termRequest, q.RequestID}, {termActor, q.Actor}, {termProvider, q.Provider}, {termAction, string(q.Action)},
		{commonAgency, q.Agency}, {commonPurpose, q.Purpose},
	} {
		switch {
		case t.value == "":
		case isCommon(t.kind):
			common = append(common, t.kind+t.value)
		default:
			terms = append(terms, t.kind+t.value)
		}
	}
	return terms, common
}

// searchSQL returns the query for the batches in which entries of q may be, with
// their terms. Its first table leads: CROSS JOIN keeps SQLite to the order in
// which they stand.
func searchSQL(q audit.Query, terms []string) (query string, args []any) {
	columns := []string{"s.n, s.first, s.size, s.common, NULL"}
	if q.From != "" || q.To != "" {
		columns = []string{"s.n, s.first, s.size, s.common, CASE WHEN s.earliest < ? OR (? AND s.latest >= ?) " +
			"THEN (SELECT body FROM audit_batches WHERE n = s.n) END"}
		args = append(args, q.From, q.To != "", q.To)
	}
	var tables, where []string
	add := func(condition string, value any) {
		where = append(where, condition)
		args = append(args, value)
	}
	lead := "t0"
	switch {
	case q.From != "" && (len(terms) == 0 || strings.HasPrefix(terms[0], termAction)): // times choose better
		lead, tables = "s", []string{"audit_spans s INDEXED BY audit_spans_latest"}
	case len(terms) == 0:
		lead, tables = "s", []string{"audit_spans s"}
	}
	for i, term := range terms {
		name := "t" + strconv.Itoa(i)
		columns = append(columns, name+".at")
		tables = append(tables, "audit_terms "+name)
		add(name+".term = ?", term)
		if name != lead {
			where = append(where, name+".n = "+lead+".n")
		}
	}
	if lead != "s" {
		tables = append(tables, "audit_spans s")
		where = append(where, "s.n = "+lead+".n")
	}
	if q.From != "" {
		add("s.latest >= ?", q.From)
	}
	if q.To != "" {
		add("s.earliest < ?", q.To)
	}
	if q.Before > 0 {
		add(lead+".n <= (SELECT n FROM audit_spans WHERE first < ? ORDER BY n DESC LIMIT 1)", q.Before)
	}
	if q.After > 0 {
		add(lead+".n >= (SELECT n FROM audit_spans WHERE first <= ? ORDER BY n DESC LIMIT 1)", q.After)
	}
	query = "SELECT " + strings.Join(columns, ", ") + " FROM " + strings.Join(tables, " CROSS JOIN ")
	if len(where) > 0 {
		query += " WHERE " + strings.Join(where, " AND ")
	}
	return query + " ORDER BY " + lead + ".n DESC", args
}
