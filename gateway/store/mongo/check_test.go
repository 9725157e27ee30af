package mongo

import (
	"bytes"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/store/mongotest"
)

// sound is a server in production to which nothing is to be objected.
func sound(t *testing.T) *seen {
	t.Helper()
	s := &seen{link: linkOf(options.Client().ApplyURI("mongodb://a.example,b.example/?tls=true&w=majority&journal=true&compressors=zstd"))}
	s.hello.SetName, s.build.Version = "rs0", "8.0.17"
	s.status.Auth.Users = []bson.Raw{nil}
	for _, collection := range Collections() {
		s.grant("concord", collection, Rights(collection)...)
		c := collectionDoc{Name: collection, Type: "collection"}
		c.Options.Validator = bson.Raw{}
		s.collections = append(s.collections, c)
	}
	s.grant("concord", "", "listCollections")
	return s
}

func (s *seen) grant(db, collection string, actions ...string) {
	s.status.Auth.Privileges = append(s.status.Auth.Privileges, privilege{Resource: resource{DB: &db, Collection: &collection}, Actions: actions})
}

// revoke takes an action on a collection away.
func (s *seen) revoke(action, collection string) {
	for i := range s.status.Auth.Privileges {
		p := &s.status.Auth.Privileges[i]
		if *p.Resource.Collection != collection {
			continue
		}
		p.Actions = slices.DeleteFunc(slices.Clone(p.Actions), func(a string) bool { return a == action })
	}
}

func TestSoundServer(t *testing.T) {
	t.Parallel()
	if got := sound(t).objections("concord"); len(got) != 0 {
		t.Errorf("objected: %+v", got)
	}
}

// TestObjections spoils one thing after the other, and wants that it alone is
// named, with its weight.
func TestObjections(t *testing.T) {
	t.Parallel()
	uri := func(text string) func(*seen) {
		return func(s *seen) { s.link = linkOf(options.Client().ApplyURI(text)) }
	}
	version := func(v string) func(*seen) { return func(s *seen) { s.build.Version = v } }
	grant := func(db, collection string, actions ...string) func(*seen) {
		return func(s *seen) { s.grant(db, collection, actions...) }
	}
	for name, c := range map[string]struct {
		spoil  func(*seen)
		weight weight
		want   string
	}{
		"plain text":             {uri("mongodb://db.example/"), weak, "not encrypted"},
		"any certificate":        {uri("mongodb://db.example/?tls=true&tlsInsecure=true"), weak, "any certificate"},
		"one host is remote":     {uri("mongodb://127.0.0.1,db.example/"), weak, "not encrypted"},
		"zlib asked for":         {uri("mongodb://db.example/?tls=true&compressors=zstd,zlib"), weak, "zlib"},
		"w=1":                    {uri("mongodb://db.example/?tls=true&w=1"), weak, "w=1"},
		"w=0":                    {uri("mongodb://localhost/?w=0"), weak, "w=0"},
		"w of a tag":             {uri("mongodb://db.example/?tls=true&w=backup"), weak, "w=backup"},
		"no journal":             {uri("mongodb://db.example/?tls=true&journal=false"), weak, "journal=false"},
		"alone":                  {func(s *seen) { s.hello.SetName = "" }, weak, "alone"},
		"zlib offered":           {func(s *seen) { s.hello.Compression = []string{"zlib"} }, weak, "zlib"},
		"before the fix, 8.0":    {version("8.0.16"), weak, "8.0.16"},
		"before the fix, 7.0":    {version("7.0.27"), weak, "7.0.27"},
		"before the fix, 8.2":    {version("8.2.2"), weak, "8.2.2"},
		"series without a fix":   {version("8.1.9"), weak, "8.1.9"},
		"old series":             {version("6.0.99"), weak, "6.0.99"},
		"candidate":              {version("8.0.17-rc0"), weak, "8.0.17-rc0"},
		"no version":             {version("eight"), weak, "eight"},
		"no user":                {func(s *seen) { s.status.Auth.Users = nil }, weak, "without a user"},
		"update":                 {grant("concord", "log", "update"), weak, "concord.log: update"},
		"remove":                 {grant("concord", "log", "remove"), weak, "concord.log: remove"},
		"remove of tiles":        {grant("concord", "tiles", "remove"), weak, "concord.tiles: remove"},
		"remove of events":       {grant("concord", "events", "remove"), weak, "concord.events: remove"},
		"update of pieces":       {grant("concord", "pieces", "update"), weak, "concord.pieces: update"},
		"update of records":      {grant("concord", "records", "update"), weak, "concord.records: update"},
		"drop":                   {grant("concord", "log", "dropCollection"), weak, "dropCollection"},
		"other form":             {grant("concord", "log", "collMod", "convertToCapped", "dropIndex"), weak, "collMod, convertToCapped, dropIndex"},
		"bypass":                 {grant("concord", "log", "bypassDocumentValidation"), weak, "bypassDocumentValidation"},
		"index":                  {grant("concord", "log", "createIndex"), weak, "createIndex"},
		"whole database":         {grant("concord", "", "find", "insert", "remove", "update"), weak, "concord.any collection: insert, remove, update"},
		"any database":           {grant("", "", "find", "remove"), weak, "any database.any collection: remove"},
		"any database's log":     {grant("", "log", "remove"), weak, "any database.log: remove"},
		"another database":       {grant("other", "log", "insert"), weak, "other.log: insert"},
		"users":                  {grant("admin", "", "createUser", "grantRole"), weak, "createUser, grantRole"},
		"users themselves":       {grant("admin", "system.users", "update"), weak, "admin.system.users: update"},
		"oplog":                  {grant("local", "oplog.rs", "insert"), weak, "local.oplog.rs: insert"},
		"lacks find":             {func(s *seen) { s.status.Auth.Privileges[0].Actions = []string{"insert", "listIndexes"} }, weak, "right to find on concord.log"},
		"lacks removal":          {func(s *seen) { s.revoke("remove", "records") }, weak, "right to remove on concord.records"},
		"capped":                 {func(s *seen) { s.collections[0].Options.Capped = true }, broken, "log is capped"},
		"view":                   {func(s *seen) { s.collections[0].Type = "view" }, broken, "log is a view"},
		"collation":              {func(s *seen) { s.collections[3].Options.Collation = bson.Raw{} }, broken, "events has a collation"},
		"no validator":           {func(s *seen) { s.collections[1].Options.Validator = nil }, note, "tiles has no validator"},
		"validator that warns":   {func(s *seen) { s.collections[1].Options.Action = "warn" }, note, "tiles has no validator"},
		"validator switched off": {func(s *seen) { s.collections[4].Options.Level = "off" }, note, "records has no validator"},
		"collection not there":   {func(s *seen) { s.collections = slices.Delete(s.collections, 4, 5) }, note, "records has no validator"},
		"another server":         {func(s *seen) { s.build.Ferret = bson.RawValue{Type: bson.TypeString, Value: []byte{1, 0, 0, 0, 0}} }, note, "not MongoDB"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := sound(t)
			c.spoil(s)
			got := s.objections("concord")
			if len(got) != 1 || got[0].weight != c.weight || !strings.Contains(got[0].text, c.want) {
				t.Errorf("got %+v, want %q with weight %d", got, c.want, c.weight)
			}
		})
	}
}

// TestNoObjection has what looks odd and is not.
func TestNoObjection(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*seen){
		"router": func(s *seen) { s.hello.SetName, s.hello.Msg = "", "isdbgrid" },
		"own machine": func(s *seen) {
			s.link = linkOf(options.Client().ApplyURI("mongodb://127.0.0.1:27017,[::1]:27018,localhost/"))
		},
		"socket":          func(s *seen) { s.link.hosts, s.link.tls = []string{"/tmp/mongodb-27017.sock"}, false },
		"7.0":             func(s *seen) { s.build.Version = "7.0.28" },
		"8.2":             func(s *seen) { s.build.Version = "8.2.3" },
		"to come":         func(s *seen) { s.build.Version = "9.1.0" },
		"reads elsewhere": func(s *seen) { s.grant("", "", "find", "listCollections", "collStats") },
		"other collections": func(s *seen) {
			s.collections = append(s.collections, collectionDoc{Name: "system.views", Type: "view"})
		},
		"other compression": func(s *seen) { s.hello.Compression = []string{"zstd"} },
	} {
		s := sound(t)
		change(s)
		if got := s.objections("concord"); len(got) != 0 {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// TestSuperuser reads the reply that a server gives to one who may do everything.
func TestSuperuser(t *testing.T) {
	t.Parallel()
	raw, err := bson.Marshal(bson.D{{Key: "authInfo", Value: bson.D{
		{Key: "authenticatedUsers", Value: bson.A{bson.D{{Key: "user", Value: "root"}, {Key: "db", Value: "admin"}}}},
		{Key: "authenticatedUserPrivileges", Value: bson.A{
			bson.D{{Key: "resource", Value: bson.D{{Key: "anyResource", Value: true}}}, {Key: "actions", Value: bson.A{"anyAction"}}},
			bson.D{{Key: "resource", Value: bson.D{{Key: "cluster", Value: true}}}, {Key: "actions", Value: bson.A{"applyOps", "listDatabases"}}},
			bson.D{{Key: "resource", Value: bson.D{{Key: "db", Value: ""}, {Key: "system_buckets", Value: ""}}}, {Key: "actions", Value: bson.A{"remove"}}},
		}},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	s := sound(t)
	s.status = statusDoc{}
	if err := bson.Unmarshal(raw, &s.status); err != nil {
		t.Fatal(err)
	}
	var texts []string
	for _, objects := range s.objections("concord") {
		texts = append(texts, objects.text)
	}
	want := []string{"on any resource: anyAction", "on the cluster: applyOps", "on a resource of an unknown kind: remove"}
	if len(texts) != len(want) {
		t.Fatalf("objected: %q", texts)
	}
	for i := range want {
		if !strings.HasSuffix(texts[i], want[i]) {
			t.Errorf("objected %q, want %q", texts[i], want[i])
		}
	}
}

// TestDecide refuses by weight, and names everything at once.
func TestDecide(t *testing.T) {
	t.Parallel()
	all := []objection{{note, "a note"}, {weak, "too weak"}, {weak, "weak too"}}
	var logged bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&logged, nil))
	if err := decide(all, false, logger); err != nil || strings.Count(logged.String(), "\n") != 3 {
		t.Errorf("outside production: %v, logged %s", err, logged.String())
	}
	logged.Reset()
	err := decide(all, true, logger)
	if !fault.Is(err, fault.Forbidden) || !strings.Contains(err.Error(), "too weak; weak too") || strings.Contains(err.Error(), "a note") ||
		!strings.Contains(logged.String(), "a note") {
		t.Errorf("in production: %v, logged %s", err, logged.String())
	}
	if err := decide([]objection{{broken, "x"}}, false, logger); !fault.Is(err, fault.Forbidden) {
		t.Errorf("broken outside production: %v", err)
	}
}

// TestCheckAtStart asks a real server: one that enforces nothing.
func TestCheckAtStart(t *testing.T) {
	t.Parallel()
	var logged bytes.Buffer
	o := Options{URI: mongotest.URI(t), Database: mongotest.Database(t), Logger: slog.New(slog.NewTextHandler(&logged, nil))}
	db, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	_ = db.Close()
	for _, want := range []string{"without a user", "is alone", "not MongoDB", "log has no validator"} {
		if !strings.Contains(logged.String(), want) {
			t.Errorf("%q was not logged: %s", want, logged.String())
		}
	}
	o.Production = true
	db, err = Open(t.Context(), o)
	if err == nil {
		_ = db.Close()
	}
	if !fault.Is(err, fault.Forbidden) || !strings.Contains(err.Error(), "without a user") || !strings.Contains(err.Error(), "is alone") {
		t.Errorf("in production: %v", err)
	}
	if _, err := Open(t.Context(), Options{URI: "mongodb://user:hush@/", Database: "x"}); !fault.Is(err, fault.Invalid) || strings.Contains(err.Error(), "hush") {
		t.Errorf("a connection string that cannot be read: %v", err)
	}
}
