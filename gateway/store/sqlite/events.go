package sqlite

import (
	"context"
	"database/sql"

	"github.com/concord-gateway/concord/gateway/event"
	"github.com/concord-gateway/concord/gateway/fault"
)

// schemaEvents refuses every way of changing a row: UPDATE, DELETE, and the
// INSERT OR REPLACE that deletes unseen.
const schemaEvents = `
CREATE TABLE events (
	kind TEXT NOT NULL CHECK (kind <> ''),
	id   TEXT NOT NULL CHECK (id <> ''),
	n    INTEGER NOT NULL CHECK (n >= 0),
	body BLOB NOT NULL,
	PRIMARY KEY (kind, id, n)
) STRICT;
CREATE TRIGGER events_no_update BEFORE UPDATE ON events
BEGIN SELECT RAISE(ABORT, 'events are never updated'); END;
CREATE TRIGGER events_no_delete BEFORE DELETE ON events
BEGIN SELECT RAISE(ABORT, 'events are never deleted'); END;
CREATE TRIGGER events_no_replace BEFORE INSERT ON events
WHEN EXISTS (SELECT 1 FROM events WHERE kind = NEW.kind AND id = NEW.id AND n = NEW.n)
BEGIN SELECT RAISE(ABORT, 'events are never replaced'); END;
`

const (
	insertEvent = "INSERT INTO events (kind, id, n, body) VALUES (?, ?, ?, ?)"

	// listEvents has an inner query that the index alone answers: bodies of
	// older rows are never read.
	listEvents = `SELECT e.kind, e.id, e.n, e.body
		FROM (SELECT id, max(n) AS n FROM events WHERE kind = ?1 AND id > ?2
		      GROUP BY id ORDER BY id LIMIT ?3) AS last
		CROSS JOIN events AS e ON e.kind = ?1 AND e.id = last.id AND e.n = last.n
		ORDER BY e.id`
)

// Events returns the store of event rows.
func (db *DB) Events() event.Store { return events{db} }

// events implements event.Store.
type events struct{ db *DB }

func (s events) Insert(ctx context.Context, e event.Event) error {
	const op = "sqlite.Events.Insert"
	if e.Kind == "" || e.ID == "" || e.N < 0 {
		return fault.New(fault.Invalid, op, "an event needs a kind, an id and a number from 0")
	}
	return s.db.update(ctx, op, func(ctx context.Context, tx *sql.Tx) error {
		_, err := s.db.writes.exec(ctx, tx, insertEvent, e.Kind, e.ID, e.N, notNull(e.Body))
		return err
	})
}

func (s events) Stream(ctx context.Context, kind, id string) ([]event.Event, error) {
	return s.query(ctx, "sqlite.Events.Stream",
		"SELECT kind, id, n, body FROM events WHERE kind = ? AND id = ? ORDER BY n", kind, id)
}

func (s events) Last(ctx context.Context, kind, id string) (event.Event, error) {
	const op = "sqlite.Events.Last"
	found, err := s.query(ctx, op,
		"SELECT kind, id, n, body FROM events WHERE kind = ? AND id = ? ORDER BY n DESC LIMIT 1", kind, id)
	if err != nil {
		return event.Event{}, err
	}
	if len(found) == 0 {
		return event.Event{}, fault.New(fault.NotFound, op, "there is no such thing")
	}
	return found[0], nil
}

func (s events) List(ctx context.Context, kind, after string, limit int) ([]event.Event, error) {
	return s.query(ctx, "sqlite.Events.List", listEvents, kind, after, max(limit, 0))
}

// walkEvents reads a page of all rows, by the primary key.
const walkEvents = `SELECT kind, id, n, body FROM events WHERE (kind, id, n) > (?, ?, ?)
	ORDER BY kind, id, n LIMIT ?`

// Walk reads page by page, as Scan does.
func (s events) Walk(ctx context.Context, yield func(*event.Event) error) error {
	last := event.Event{N: -1}
	for {
		page, err := s.query(ctx, "sqlite.Events.Walk", walkEvents, last.Kind, last.ID, last.N, pageSize)
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
		last = page[len(page)-1]
	}
}

// query returns the rows of a query for kind, id, n and body.
func (s events) query(ctx context.Context, op, query string, args ...any) (found []event.Event, err error) {
	err = collect(ctx, s.db.reads, op, func(rows *sql.Rows) error {
		var e event.Event
		if err := rows.Scan(&e.Kind, &e.ID, &e.N, &e.Body); err != nil {
			return err
		}
		found = append(found, e)
		return nil
	}, query, args...)
	return found, err
}
