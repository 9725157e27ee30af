package audit_test

import (
	"bytes"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	driver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/store/mongo"
	"github.com/concord-gateway/concord/gateway/store/mongotest"
	"github.com/concord-gateway/concord/gateway/store/storetest"
)

// openMongo opens a database of its own on the server of the tests.
func openMongo(t *testing.T) (storetest.Engine, administrator) {
	t.Helper()
	uri, name := mongotest.URI(t), mongotest.Database(t)
	return openDatabase(t, uri, name), &mongoAdministrator{uri: uri, name: name}
}

func openDatabase(t *testing.T, uri, name string) *mongo.DB {
	t.Helper()
	db, err := mongo.Open(t.Context(), mongo.Options{URI: uri, Database: name})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

type mongoAdministrator struct{ uri, name string }

// rewrite implements administrator, with the driver alone: documents are made by
// a database of its own, in which nothing is checked, and then replaced, deleted
// and inserted as they are.
func (a *mongoAdministrator) rewrite(t *testing.T, batches []*audit.Batch) {
	t.Helper()
	scratch := mongotest.Database(t)
	store := openDatabase(t, a.uri, scratch).Log()
	for _, b := range batches {
		if err := store.InsertBatch(t.Context(), b); err != nil {
			t.Fatal(err)
		}
	}
	client, err := driver.Connect(options.Client().ApplyURI(a.uri))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = client.Disconnect(t.Context()) }()
	log := client.Database(a.name).Collection("log")
	was, want := documents(t, log), documents(t, client.Database(scratch).Collection("log"))
	changed := 0
	for id, doc := range want {
		before, there := was[id]
		switch {
		case !there:
			_, err = log.InsertOne(t.Context(), doc)
		case !bytes.Equal(before, doc):
			_, err = log.ReplaceOne(t.Context(), bson.D{{Key: "_id", Value: id}}, doc)
		default:
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		changed++
	}
	for id := range was {
		if _, there := want[id]; there {
			continue
		}
		if _, err := log.DeleteOne(t.Context(), bson.D{{Key: "_id", Value: id}}); err != nil {
			t.Fatal(err)
		}
		changed++
	}
	if changed == 0 {
		t.Fatal("nothing was changed in the database")
	}
}

// documents returns all of a collection, by id.
func documents(t *testing.T, c *driver.Collection) map[int64]bson.Raw {
	t.Helper()
	cursor, err := c.Find(t.Context(), bson.D{})
	if err != nil {
		t.Fatal(err)
	}
	var all []bson.Raw
	if err := cursor.All(t.Context(), &all); err != nil {
		t.Fatal(err)
	}
	out := map[int64]bson.Raw{}
	for _, doc := range all {
		out[doc.Lookup("_id").AsInt64()] = doc
	}
	return out
}
