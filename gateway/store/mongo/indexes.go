package mongo

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/concord-gateway/concord/gateway/fault"
)

// The collections.
const (
	collLog         = "log"
	collTiles       = "tiles"
	collCheckpoints = "checkpoints"
	collEvents      = "events"
	collRecords     = "records"
	collPieces      = "pieces"
)

// Collections are the names of all of them, those of the log first.
func Collections() []string {
	return []string{collLog, collTiles, collCheckpoints, collEvents, collRecords, collPieces}
}

// Index is an index of a collection, beside the one on _id that uniqueness
// rests on. None of them is unique.
type Index struct {
	Collection string
	Name       string
	// Keys are the fields in their order; "-" before one is descending.
	Keys []string
}

// Indexes are those that the store needs. deploy/mongo/shape.json has the same.
func Indexes() []Index {
	return []Index{
		{collLog, "first", []string{"first"}},
		{collLog, "time", []string{"rows.time"}},
		{collLog, "action_time", []string{"rows.action", "rows.time"}},
		{collLog, "actor", []string{"rows.actor", "-_id"}},
		{collLog, "agency", []string{"rows.agency", "-_id"}},
		{collLog, "purpose", []string{"rows.purpose", "-_id"}},
		{collLog, "provider", []string{"rows.provider", "-_id"}},
		{collLog, "request", []string{"rows.request_id"}},
		{collEvents, "stream", []string{"kind", "id", "n"}},
		{collRecords, "version", []string{"provider", "dataset", "source", "-version"}},
		{collRecords, "blind", []string{"indexes", "provider", "dataset"}},
		{collRecords, "month", []string{"agreement", keyMonth, "expires", "_id"}},
		{collPieces, "stream", []string{"kind", "id", "n"}},
		{collPieces, "expires", []string{"expires"}},
	}
}

// keys returns the keys as the server has them.
func (i Index) keys() bson.D {
	var keys bson.D
	for _, k := range i.Keys {
		if name, descending := strings.CutPrefix(k, "-"); descending {
			keys = append(keys, bson.E{Key: name, Value: int32(-1)})
		} else {
			keys = append(keys, bson.E{Key: k, Value: int32(1)})
		}
	}
	return keys
}

// ensureIndexes checks that every index is there in its form, and makes those that
// are missing where it may.
func (db *DB) ensureIndexes(ctx context.Context, create bool) error {
	const op = "mongo.Open"
	var missing []string
	for _, collection := range Collections() {
		there, err := db.indexesOf(ctx, collection)
		if err != nil {
			return err
		}
		lacking, err := compareIndexes(collection, there)
		if err != nil {
			return err
		}
		for _, want := range lacking {
			if !create {
				missing = append(missing, collection+"."+want.Name)
			} else if err := db.createIndex(ctx, want); err != nil {
				return err
			}
		}
	}
	if len(missing) > 0 {
		return fault.New(fault.Invalid, op, "indexes are missing (deploy/mongo/setup.js makes them): "+strings.Join(missing, ", "))
	}
	return nil
}

// indexDoc is an index as the server describes it.
type indexDoc struct {
	Name   string `bson:"name"`
	Keys   bson.D `bson:"key"`
	Unique bool   `bson:"unique"`
	// TTL is there where the index deletes documents by itself.
	TTL *float64 `bson:"expireAfterSeconds"`
	// Where any of these is there, the index does not answer for all documents.
	Sparse    bool     `bson:"sparse"`
	Hidden    bool     `bson:"hidden"`
	Partial   bson.Raw `bson:"partialFilterExpression"`
	Collation bson.Raw `bson:"collation"`
}

// compareIndexes returns the indexes that a collection lacks. It refuses one that
// has another form under its name, and any that deletes documents, or makes
// something unique besides the _id: that would change what an insert means.
func compareIndexes(collection string, there []indexDoc) (missing []Index, err error) {
	refuse := func(name, why string) error {
		return fault.New(fault.Invalid, "mongo.Open", fmt.Sprintf("the index %s of %s %s", name, collection, why))
	}
	const byID = "_id_"
	byName := map[string]*indexDoc{}
	for i := range there {
		d := &there[i]
		byName[d.Name] = d
		switch {
		case d.TTL != nil:
			return nil, refuse(d.Name, "deletes documents by itself")
		case d.Unique && d.Name != byID:
			return nil, refuse(d.Name, "is unique, which nothing but the _id may be")
		}
	}
	for _, want := range Indexes() {
		if want.Collection != collection {
			continue
		}
		d, ok := byName[want.Name]
		switch {
		case !ok:
			missing = append(missing, want)
		case !sameKeys(d.Keys, want.keys()):
			return nil, refuse(want.Name, "has other keys than it should")
		case d.Sparse || d.Hidden || d.Partial != nil || d.Collation != nil:
			return nil, refuse(want.Name, "leaves documents out, or compares them by other rules")
		}
	}
	return missing, nil
}

func (db *DB) createIndex(ctx context.Context, i Index) error {
	_, err := db.db.Collection(i.Collection).Indexes().CreateOne(ctx, mongo.IndexModel{
		Keys: i.keys(), Options: options.Index().SetName(i.Name),
	})
	return failure("mongo.Open", err)
}

// indexesOf returns the indexes of a collection; one that is not there has none.
func (db *DB) indexesOf(ctx context.Context, collection string) (there []indexDoc, err error) {
	const op, namespaceNotFound = "mongo.Open", 26
	cursor, err := db.db.Collection(collection).Indexes().List(ctx)
	if err == nil {
		err = cursor.All(ctx, &there)
	}
	if command, ok := errorAs(err); ok && command.HasErrorCode(namespaceNotFound) {
		return nil, nil
	}
	return there, failure(op, err)
}

// sameKeys compares keys; servers give the direction as any kind of number.
func sameKeys(a, b bson.D) bool {
	return slices.EqualFunc(a, b, func(x, y bson.E) bool { return x.Key == y.Key && fmt.Sprint(x.Value) == fmt.Sprint(y.Value) })
}
