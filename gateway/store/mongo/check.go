package mongo

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/concord-gateway/concord/gateway/fault"
)

// weight is how much an objection counts.
type weight int

const (
	// note is for the operator to know.
	note weight = iota
	// weak is refused in production.
	weak
	// broken is refused always: the store would not keep its promises.
	broken
)

// objection is one thing that is not as it should be, in plain words.
type objection struct {
	weight weight
	text   string
}

// seen is what the check looks at: the connection string, and what the server
// answers.
type seen struct {
	link        link
	hello       helloDoc
	build       buildDoc
	status      statusDoc
	collections []collectionDoc
}

// helloDoc is the reply to hello, asked for zlib.
type helloDoc struct {
	SetName string `bson:"setName"`
	// Msg is "isdbgrid" on a router of a sharded cluster.
	Msg         string   `bson:"msg"`
	Compression []string `bson:"compression"`
}

// buildDoc is the reply to buildInfo.
type buildDoc struct {
	Version string `bson:"version"`
	// Ferret and FerretOld say that the server is FerretDB.
	Ferret    bson.RawValue `bson:"ferretdb"`
	FerretOld bson.RawValue `bson:"ferretdbVersion"`
}

// other reports whether the server speaks the protocol and is not MongoDB.
func (b *buildDoc) other() bool { return !b.Ferret.IsZero() || !b.FerretOld.IsZero() }

// statusDoc is the reply to connectionStatus.
type statusDoc struct {
	Auth struct {
		Users      []bson.Raw  `bson:"authenticatedUsers"`
		Privileges []privilege `bson:"authenticatedUserPrivileges"`
	} `bson:"authInfo"`
}

// privilege is what a user may do on a resource.
// https://www.mongodb.com/docs/manual/reference/resource-document/
type privilege struct {
	Resource resource `bson:"resource"`
	Actions  []string `bson:"actions"`
}

// resource is a collection; a nil part is one that the resource does not have, and
// an empty one means all.
type resource struct {
	DB         *string `bson:"db"`
	Collection *string `bson:"collection"`
	Cluster    bool    `bson:"cluster"`
	Any        bool    `bson:"anyResource"`
}

func (r *resource) String() string {
	switch {
	case r.Any:
		return "any resource"
	case r.Cluster:
		return "the cluster"
	case r.DB == nil || r.Collection == nil:
		return "a resource of an unknown kind"
	}
	db, collection := *r.DB, *r.Collection
	if db == "" {
		db = "any database"
	}
	if collection == "" {
		collection = "any collection"
	}
	return db + "." + collection
}

// collectionDoc is a collection as listCollections describes it.
type collectionDoc struct {
	Name    string `bson:"name"`
	Type    string `bson:"type"`
	Options struct {
		Validator bson.Raw      `bson:"validator"`
		Level     string        `bson:"validationLevel"`
		Action    string        `bson:"validationAction"`
		Capped    bool          `bson:"capped"`
		Collation bson.Raw      `bson:"collation"`
		TTL       bson.RawValue `bson:"expireAfterSeconds"`
	} `bson:"options"`
}

// check asks the server what it is and what its user may do, and refuses or logs
// what is not as it should be.
func (db *DB) check(ctx context.Context, given *options.ClientOptions, o Options) error {
	const op = "mongo.Open"
	s := seen{link: linkOf(given)}
	for _, ask := range []struct {
		command bson.D
		into    any
	}{
		{bson.D{{Key: "hello", Value: 1}, {Key: "compression", Value: bson.A{zlib}}}, &s.hello},
		{bson.D{{Key: "buildInfo", Value: 1}}, &s.build},
		{bson.D{{Key: "connectionStatus", Value: 1}, {Key: "showPrivileges", Value: true}}, &s.status},
	} {
		if err := db.db.RunCommand(ctx, ask.command).Decode(ask.into); err != nil {
			return failure(op, err)
		}
	}
	cursor, err := db.db.ListCollections(ctx, bson.D{})
	if err == nil {
		err = cursor.All(ctx, &s.collections)
	}
	if err != nil {
		return failure(op, err)
	}
	return decide(s.objections(o.Database), o.Production, o.Logger)
}

// decide refuses what weighs too much, all of it in one error, and logs the rest.
func decide(all []objection, production bool, logger *slog.Logger) error {
	var refused []string
	for _, objects := range all {
		if objects.weight == broken || production && objects.weight == weak {
			refused = append(refused, objects.text)
			continue
		}
		logger.Warn("mongo: "+objects.text, "refused_in_production", objects.weight == weak)
	}
	if len(refused) == 0 {
		return nil
	}
	return fault.Wrap(fault.Forbidden, "mongo.Open", "The database is not fit to keep the log.", errors.New(strings.Join(refused, "; ")))
}

// objections holds what was seen against what has to be.
func (s *seen) objections(database string) []objection {
	var all []objection
	object := func(w weight, text string) { all = append(all, objection{w, text}) }
	s.link.objections(object)
	s.server(object)
	if len(s.status.Auth.Users) == 0 {
		object(weak, "the gateway connects without a user: anybody can do anything to the log (deploy/mongo/users.js makes users)")
	} else {
		rightsOf(s.status.Auth.Privileges, database, object)
	}
	s.forms(object)
	return all
}

// forms looks at the collections that are there.
func (s *seen) forms(object func(weight, string)) {
	there := map[string]bool{}
	for i := range s.collections {
		c := &s.collections[i]
		if !isOurs(c.Name) {
			continue
		}
		switch {
		case c.Type != "" && c.Type != "collection":
			object(broken, c.Name+" is a "+c.Type+", not a collection")
		case c.Options.Capped:
			object(broken, c.Name+" is capped: it would drop what is oldest")
		case !c.Options.TTL.IsZero():
			object(broken, c.Name+" deletes documents by itself")
		case c.Options.Collation != nil:
			object(broken, c.Name+" has a collation: names that differ could be taken for one")
		}
		full := c.Options.Action != "warn" && c.Options.Level != "off" && c.Options.Level != "moderate"
		there[c.Name] = c.Options.Validator != nil && full
	}
	for _, name := range Collections() {
		if !there[name] {
			object(note, name+" has no validator that refuses documents of another form (deploy/mongo/setup.js)")
		}
	}
	if s.build.other() {
		object(note, "this server speaks the MongoDB protocol but is not MongoDB: it may enforce neither roles nor validators")
	}
}

func isOurs(collection string) bool { return slices.Contains(Collections(), collection) }
