package mongo_test

import (
	"testing"

	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/event"
	"github.com/concord-gateway/concord/gateway/record"
	"github.com/concord-gateway/concord/gateway/spool"
	"github.com/concord-gateway/concord/gateway/store/mongo"
	"github.com/concord-gateway/concord/gateway/store/mongotest"
	"github.com/concord-gateway/concord/gateway/store/storetest"
)

// open opens a database of its own on the server of the tests.
func open(t *testing.T) *mongo.DB {
	t.Helper()
	db, err := mongo.Open(t.Context(), mongo.Options{URI: mongotest.URI(t), Database: mongotest.Database(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// TestStore holds the store against the suite that every engine must pass.
func TestStore(t *testing.T) {
	storetest.Run(t, storetest.Stores{
		Records: func(t *testing.T) record.Store { t.Helper(); return open(t).Records() },
		Events:  func(t *testing.T) event.Store { t.Helper(); return open(t).Events() },
		Log:     func(t *testing.T) audit.Store { t.Helper(); return open(t).Log() },
		Spool:   func(t *testing.T) spool.Store { t.Helper(); return open(t).Spool() },
	})
}
