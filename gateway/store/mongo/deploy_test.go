package mongo

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/record"
)

// deployDir holds what an administrator applies.
const deployDir = "../../../deploy/mongo"

// form is a JSON schema, as far as the validators use it.
type form struct {
	BSONType   string          `json:"bsonType"`             //nolint:tagliatelle // the name of MongoDB
	Closed     *bool           `json:"additionalProperties"` //nolint:tagliatelle // as above
	Required   []string        `json:"required"`
	Properties map[string]form `json:"properties"`
	Items      *form           `json:"items"`
	// The rest is for values, which the server alone checks.
	Minimum   int64  `json:"minimum"`
	MinItems  int    `json:"minItems"`  //nolint:tagliatelle // as above
	MinLength int    `json:"minLength"` //nolint:tagliatelle // as above
	Pattern   string `json:"pattern"`
}

type shape struct {
	Validator form                       `json:"validator"`
	Raw       map[string]json.RawMessage `json:"indexes"`
	Shard     map[string]any             `json:"shard"`
}

func readDeployed(t *testing.T, name string, into any) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(deployDir, name))
	if err != nil {
		t.Fatal(err)
	}
	dec := json.NewDecoder(strings.NewReader(string(raw)))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

func readShapes(t *testing.T) map[string]shape {
	t.Helper()
	var shapes map[string]shape
	readDeployed(t, "shape.json", &shapes)
	return shapes
}

// TestDeployedIndexes holds the indexes that the script makes against those that
// the gateway checks, with the order of their keys.
func TestDeployedIndexes(t *testing.T) {
	t.Parallel()
	shapes := readShapes(t)
	if diff := cmp.Diff(slices.Sorted(slices.Values(Collections())), slices.Sorted(maps.Keys(shapes))); diff != "" {
		t.Errorf("collections (-code +deploy):\n%s", diff)
	}
	got := map[string]bson.D{}
	for collection, s := range shapes {
		for name, raw := range s.Raw {
			var keys bson.D
			if err := bson.UnmarshalExtJSON(raw, false, &keys); err != nil {
				t.Fatal(err)
			}
			got[collection+"."+name] = keys
		}
	}
	want := map[string]bson.D{}
	for _, i := range Indexes() {
		want[i.Collection+"."+i.Name] = i.keys()
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("indexes (-code +deploy):\n%s", diff)
	}
}

// TestDeployedShardKeys holds that nothing is sharded by anything but the _id, and
// the log by nothing.
func TestDeployedShardKeys(t *testing.T) {
	t.Parallel()
	for collection, s := range readShapes(t) {
		if slices.Contains([]string{collLog, collTiles, collCheckpoints}, collection) && s.Shard != nil {
			t.Errorf("%s is sharded", collection)
		}
		for field := range s.Shard {
			if field != "_id" {
				t.Errorf("%s is sharded by %s: its _id would not be unique", collection, field)
			}
		}
	}
}

// TestDeployedRights holds the gateway's role against the rights that it needs and
// is refused more than, and lets the auditor find alone.
func TestDeployedRights(t *testing.T) {
	t.Parallel()
	var roles map[string]map[string][]string
	readDeployed(t, "roles.json", &roles)
	s := sound(t)
	s.status.Auth.Privileges = nil
	for collection, actions := range roles["concord_gateway"] {
		s.grant("concord", collection, actions...)
	}
	if found := s.objections("concord"); len(found) != 0 {
		t.Errorf("the start-up check objects to the gateway's role: %+v", found)
	}
	for collection, actions := range roles["concord_auditor"] {
		if !isOurs(collection) || !slices.Equal(actions, []string{"find"}) {
			t.Errorf("the auditor may do %v on %q", actions, collection)
		}
	}
	if len(roles) != 2 {
		t.Errorf("roles: %v", slices.Sorted(maps.Keys(roles)))
	}
}

// TestDeployedValidators holds the validators against documents as the gateway
// writes them: every field is there, with its type, and no other.
func TestDeployedValidators(t *testing.T) {
	t.Parallel()
	r := &record.Record{
		Key: record.Key{Provider: "p", Dataset: "d"}, Version: 1, Indexes: []record.Ref{{}}, Indicators: []string{"i"},
		Received: time.Unix(0, 0), Expires: time.Unix(0, 0),
	}
	shapes := readShapes(t)
	for collection, doc := range map[string]any{
		collLog:         batchDoc{Rows: []rowDoc{{Action: string(audit.Consult)}}, Body: []byte{1}},
		collTiles:       tileDoc{Key: tileKey(0, 0), Data: []byte{1}},
		collCheckpoints: checkpointDoc{Size: 1, Note: []byte{1}},
		collEvents:      eventDoc{Body: binary(nil)},
		collRecords:     docOf(r),
		collPieces:      pieceDoc{Body: binary(nil)},
	} {
		raw, err := bson.Marshal(doc)
		if err != nil {
			t.Fatal(err)
		}
		f := shapes[collection].Validator
		f.compare(t, collection, bson.RawValue{Type: bson.TypeEmbeddedDocument, Value: raw})
	}
}

// compare holds a value against a form.
func (f *form) compare(t *testing.T, at string, v bson.RawValue) {
	t.Helper()
	names := map[bson.Type]string{
		bson.TypeEmbeddedDocument: "object", bson.TypeArray: "array", bson.TypeString: "string", bson.TypeBinary: "binData", bson.TypeInt64: "long",
	}
	if names[v.Type] != f.BSONType {
		t.Errorf("%s is %s (%q), the validator wants %q", at, v.Type, names[v.Type], f.BSONType)
		return
	}
	switch v.Type {
	case bson.TypeEmbeddedDocument:
		elements, err := v.Document().Elements()
		if err != nil {
			t.Fatal(err)
		}
		var fields []string
		for _, e := range elements {
			fields = append(fields, e.Key())
			inner := f.Properties[e.Key()]
			inner.compare(t, at+"."+e.Key(), e.Value())
		}
		if diff := cmp.Diff(slices.Sorted(slices.Values(fields)), slices.Sorted(slices.Values(f.Required))); diff != "" {
			t.Errorf("fields of %s (-code +required):\n%s", at, diff)
		}
		if f.Closed == nil || *f.Closed || len(f.Properties) != len(f.Required) {
			t.Errorf("%s lets fields in that it does not name", at)
		}
	case bson.TypeArray:
		values, err := v.Array().Values()
		if err != nil || len(values) == 0 {
			t.Fatalf("%s: %d values, %v", at, len(values), err)
		}
		f.Items.compare(t, at+"[]", values[0])
	default:
	}
}

// TestDeployedScripts holds that scripts take names, keys and rights from the files
// that the tests above read, and say none themselves.
func TestDeployedScripts(t *testing.T) {
	t.Parallel()
	for name, source := range map[string]string{"setup.js": "shape.json", "shard.js": "shape.json", "users.js": "roles.json"} {
		raw, err := os.ReadFile(filepath.Join(deployDir, name))
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(raw), "'"+source+"'") {
			t.Errorf("%s does not read %s", name, source)
		}
		for _, collection := range Collections() {
			if strings.Contains(string(raw), "'"+collection+"'") {
				t.Errorf("%s names the collection %s", name, collection)
			}
		}
	}
}
