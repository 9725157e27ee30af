package mongo

import (
	"context"
	"net/url"
	"slices"
	"strconv"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/concord-gateway/concord/gateway/event"
	"github.com/concord-gateway/concord/gateway/fault"
)

// pageSize is how many documents are held in memory at once.
const pageSize = 256

// Events returns the store of event rows.
func (db *DB) Events() event.Store { return events{db} }

// events implements event.Store.
type events struct{ db *DB }

// eventDoc is an event row.
type eventDoc struct {
	Key  string `bson:"_id"`
	Kind string `bson:"kind"`
	ID   string `bson:"id"`
	N    int64  `bson:"n"`
	Body []byte `bson:"body"`
}

func (d *eventDoc) event() event.Event {
	return event.Event{Kind: d.Kind, ID: d.ID, N: d.N, Body: d.Body}
}

// key joins the parts of an _id so that no two lists of parts have the same.
func key(parts ...string) string {
	var joined []byte
	for i, p := range parts {
		if i > 0 {
			joined = append(joined, '/')
		}
		joined = append(joined, url.PathEscape(p)...)
	}
	return string(joined)
}

// binary is b, never null.
func binary(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

func (s events) Insert(ctx context.Context, e event.Event) error {
	const op = "mongo.Events.Insert"
	if e.Kind == "" || e.ID == "" || e.N < 0 {
		return fault.New(fault.Invalid, op, "an event needs a kind, an id and a number from 0")
	}
	return s.db.insert(ctx, op, collEvents, eventDoc{
		Key: key(e.Kind, e.ID, strconv.FormatInt(e.N, 10)), Kind: e.Kind, ID: e.ID, N: e.N, Body: binary(e.Body),
	})
}

func (s events) Stream(ctx context.Context, kind, id string) ([]event.Event, error) {
	return s.query(ctx, "mongo.Events.Stream", bson.D{{Key: "kind", Value: kind}, {Key: "id", Value: id}}, 0)
}

func (s events) Last(ctx context.Context, kind, id string) (event.Event, error) {
	var d eventDoc
	err := s.db.findOne(ctx, "mongo.Events.Last", collEvents,
		bson.D{{Key: "kind", Value: kind}, {Key: "id", Value: id}}, bson.D{{Key: "n", Value: -1}}, &d)
	return d.event(), err
}

// List reads the keys of rows in order, without their bodies, until it has the
// last row of as many things as asked for, and then those rows.
func (s events) List(ctx context.Context, kind, after string, limit int) ([]event.Event, error) {
	const op = "mongo.Events.List"
	if err := over(ctx, op); err != nil || limit <= 0 {
		return nil, err
	}
	var last []any // keys of the last rows, in order
	order := map[string]int{}
	from := after
	for len(last) < limit {
		things, next, err := s.lastKeys(ctx, op, kind, from, limit-len(last))
		if err != nil {
			return nil, err
		}
		for _, k := range things {
			order[k] = len(last)
			last = append(last, k)
		}
		if next == "" {
			break
		}
		from = next
	}
	found := make([]event.Event, len(last))
	if len(last) == 0 {
		return found, nil
	}
	docs, err := find[eventDoc](ctx, s.db, op, collEvents, in("_id", last), options.Find())
	for i := range docs {
		found[order[docs[i].Key]] = docs[i].event()
	}
	return found, err
}

// lastKeys returns the keys of the last rows of at most limit things after an
// id, and the id of the last of these where there may be more.
func (s events) lastKeys(ctx context.Context, op, kind, after string, limit int) (keys []string, next string, err error) {
	rows, err := find[eventDoc](ctx, s.db, op, collEvents,
		bson.D{{Key: "kind", Value: kind}, {Key: "id", Value: bson.D{{Key: "$gt", Value: after}}}},
		options.Find().SetSort(bson.D{{Key: "kind", Value: 1}, {Key: "id", Value: 1}, {Key: "n", Value: 1}}).
			SetProjection(bson.D{{Key: "id", Value: 1}, {Key: "n", Value: 1}}).SetLimit(pageSize))
	if err != nil {
		return nil, "", err
	}
	for i := range rows {
		whole := i+1 < len(rows) && rows[i+1].ID != rows[i].ID || i+1 == len(rows) && len(rows) < pageSize
		if !whole {
			continue
		}
		keys = append(keys, rows[i].Key)
		if len(keys) == limit {
			return keys, "", nil
		}
	}
	if len(rows) < pageSize {
		return keys, "", nil
	}
	lastID := rows[len(rows)-1].ID
	if len(keys) > 0 { // the thing that the page cuts is read again from its first row
		return keys, s.before(rows, lastID), nil
	}
	// One thing fills the page: its last row is asked for.
	e, err := s.Last(ctx, kind, lastID)
	if err != nil {
		return nil, "", err
	}
	return []string{key(e.Kind, e.ID, strconv.FormatInt(e.N, 10))}, lastID, nil
}

// before returns the id of the thing before the last in a page.
func (events) before(rows []eventDoc, lastID string) string {
	for _, row := range slices.Backward(rows) {
		if row.ID != lastID {
			return row.ID
		}
	}
	return ""
}

// Walk reads page by page in the order of kind, id and n.
func (s events) Walk(ctx context.Context, yield func(*event.Event) error) error {
	const op = "mongo.Events.Walk"
	last := event.Event{N: -1}
	for {
		page, err := s.query(ctx, op, bson.D{{Key: "$or", Value: bson.A{
			bson.D{{Key: "kind", Value: bson.D{{Key: "$gt", Value: last.Kind}}}},
			bson.D{{Key: "kind", Value: last.Kind}, {Key: "id", Value: bson.D{{Key: "$gt", Value: last.ID}}}},
			bson.D{{Key: "kind", Value: last.Kind}, {Key: "id", Value: last.ID}, {Key: "n", Value: bson.D{{Key: "$gt", Value: last.N}}}},
		}}}, pageSize)
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

// query returns rows in the order of kind, id and n; limit 0 means all.
func (s events) query(ctx context.Context, op string, filter bson.D, limit int64) ([]event.Event, error) {
	docs, err := find[eventDoc](ctx, s.db, op, collEvents, filter, options.Find().
		SetSort(bson.D{{Key: "kind", Value: 1}, {Key: "id", Value: 1}, {Key: "n", Value: 1}}).SetLimit(limit))
	found := make([]event.Event, len(docs))
	for i := range docs {
		found[i] = docs[i].event()
	}
	return found, err
}

// in is a filter for any of some values.
func in(field string, values []any) bson.D {
	return bson.D{{Key: field, Value: bson.D{{Key: "$in", Value: values}}}}
}
