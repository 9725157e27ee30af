package mongo

import (
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/store/mongotest"
)

// whole are the indexes of the collection of records, as they should be.
func whole() []indexDoc {
	there := []indexDoc{{Name: "_id_", Keys: bson.D{{Key: "_id", Value: int32(1)}}, Unique: true}}
	for _, i := range Indexes() {
		if i.Collection == collRecords {
			there = append(there, indexDoc{Name: i.Name, Keys: i.keys()})
		}
	}
	return there
}

func TestCompareIndexes(t *testing.T) {
	t.Parallel()
	if missing, err := compareIndexes(collRecords, whole()); err != nil || len(missing) != 0 {
		t.Errorf("missing %v, %v", missing, err)
	}
	if missing, err := compareIndexes(collRecords, nil); err != nil || len(missing) != len(whole())-1 {
		t.Errorf("of none are missing %v, %v", missing, err)
	}
	expires := 3600.0
	for name, c := range map[string]struct {
		spoil func([]indexDoc) []indexDoc
		want  string
	}{
		"other keys":      {func(d []indexDoc) []indexDoc { d[1].Keys = d[2].Keys; return d }, "other keys"},
		"other direction": {func(d []indexDoc) []indexDoc { d[1].Keys[3].Value = int32(1); return d }, "other keys"},
		"unique":          {func(d []indexDoc) []indexDoc { d[1].Unique = true; return d }, "unique"},
		"another, unique": {func(d []indexDoc) []indexDoc { return append(d, indexDoc{Name: "mine", Unique: true}) }, "mine"},
		"another, TTL":    {func(d []indexDoc) []indexDoc { return append(d, indexDoc{Name: "mine", TTL: &expires}) }, "deletes"},
		"partial":         {func(d []indexDoc) []indexDoc { d[2].Partial = bson.Raw{}; return d }, "leaves documents out"},
		"sparse":          {func(d []indexDoc) []indexDoc { d[2].Sparse = true; return d }, "leaves documents out"},
		"hidden":          {func(d []indexDoc) []indexDoc { d[2].Hidden = true; return d }, "leaves documents out"},
		"collation":       {func(d []indexDoc) []indexDoc { d[2].Collation = bson.Raw{}; return d }, "other rules"},
	} {
		if _, err := compareIndexes(collRecords, c.spoil(whole())); !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestIndexesOnAServer makes them, finds them, and refuses them once somebody has
// made others in their place.
func TestIndexesOnAServer(t *testing.T) {
	t.Parallel()
	o := Options{URI: mongotest.URI(t), Database: mongotest.Database(t)}
	db, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	if err := db.ensureIndexes(t.Context(), false); err != nil {
		t.Errorf("what was made is not found: %v", err)
	}
	records := db.db.Collection(collRecords)
	if err := records.Indexes().DropOne(t.Context(), "version"); err != nil {
		t.Fatal(err)
	}
	if err := db.ensureIndexes(t.Context(), false); !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), "records.version") {
		t.Errorf("one is missing: %v", err)
	}
	if err := db.createIndex(t.Context(), Index{collRecords, "version", []string{"provider"}}); err != nil {
		t.Fatal(err)
	}
	if again, err := Open(t.Context(), o); !fault.Is(err, fault.Invalid) {
		if again != nil {
			_ = again.Close()
		}
		t.Errorf("another in its place: %v", err)
	}
}
