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
)

// Index is an index of a collection, beside the one on _id that uniqueness
// rests on. None of them is unique.
type Index struct {
	Collection string
	Name       string
	// Keys are the fields in their order; "-" before one is descending.
	Keys []string
}

// Indexes are those that the store needs. deploy/mongo has them as a script.
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

// ensureIndexes checks that every index is there with its keys, and makes those
// that are missing where it may. An index of the name with other keys is refused.
func (db *DB) ensureIndexes(ctx context.Context, create bool) error {
	const op = "mongo.Open"
	var missing []string
	for _, collection := range []string{collLog, collEvents, collRecords} {
		there, err := db.indexesOf(ctx, collection)
		if err != nil {
			return err
		}
		for _, want := range Indexes() {
			if want.Collection != collection {
				continue
			}
			switch keys, ok := there[want.Name]; {
			case ok && !sameKeys(keys, want.keys()):
				return fault.New(fault.Invalid, op, fmt.Sprintf("the index %s of %s has other keys than it should", want.Name, collection))
			case ok:
			case !create:
				missing = append(missing, collection+"."+want.Name)
			default:
				if err := db.createIndex(ctx, want); err != nil {
					return err
				}
			}
		}
	}
	if len(missing) > 0 {
		return fault.New(fault.Invalid, op, "indexes are missing (deploy/mongo/indexes.js makes them): "+strings.Join(missing, ", "))
	}
	return nil
}

func (db *DB) createIndex(ctx context.Context, i Index) error {
	_, err := db.db.Collection(i.Collection).Indexes().CreateOne(ctx, mongo.IndexModel{
		Keys: i.keys(), Options: options.Index().SetName(i.Name),
	})
	return failure("mongo.Open", err)
}

// indexesOf returns the keys of the indexes of a collection by their names; a
// collection that is not there has none.
func (db *DB) indexesOf(ctx context.Context, collection string) (map[string]bson.D, error) {
	const op, namespaceNotFound = "mongo.Open", 26
	there := map[string]bson.D{}
	cursor, err := db.db.Collection(collection).Indexes().List(ctx)
	if err == nil {
		var list []struct {
			Name string `bson:"name"`
			Key  bson.D `bson:"key"`
		}
		if err = cursor.All(ctx, &list); err == nil {
			for _, i := range list {
				there[i.Name] = i.Key
			}
		}
	}
	if command, ok := errorAs(err); ok && command.HasErrorCode(namespaceNotFound) {
		return there, nil
	}
	return there, failure(op, err)
}

// sameKeys compares keys; servers give the direction as any kind of number.
func sameKeys(a, b bson.D) bool {
	return slices.EqualFunc(a, b, func(x, y bson.E) bool { return x.Key == y.Key && fmt.Sprint(x.Value) == fmt.Sprint(y.Value) })
}
