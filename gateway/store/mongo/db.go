package mongo

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readconcern"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"

	"github.com/concord-gateway/concord/gateway/fault"
)

const (
	// callTimeout bounds a call whose context has no deadline.
	callTimeout = 30 * time.Second
	// selectTimeout bounds the search for a primary.
	selectTimeout = 5 * time.Second
)

// Options says how a database is opened.
type Options struct {
	// URI is the connection string. Write and read concern in it are not used:
	// they are always majority with journal, and majority. A weaker one in it is
	// refused in production all the same.
	URI string
	// Database is the name of the database.
	Database string
	// Production refuses a server, or rights, that do not protect the log, and
	// makes no indexes: it checks that they are there. Otherwise the same is
	// logged as warnings, and indexes are made.
	Production bool
	// ReadOnly is for an auditor, whose rights are not held against those of a
	// gateway: nothing is made and nothing is written.
	ReadOnly bool
	// Logger gets what an operator must know; nil discards it.
	Logger *slog.Logger
}

// DB is an open database. All its methods are safe for concurrent use.
type DB struct {
	client *mongo.Client
	db     *mongo.Database
}

// Open connects and checks what it finds. It answers Invalid for options that
// are wrong, Forbidden for a server or rights that production refuses, and
// Unavailable when there is no answer. No error holds the connection string.
func Open(ctx context.Context, o Options) (*DB, error) {
	const op = "mongo.Open"
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	journal := true
	given := options.Client().ApplyURI(o.URI)
	client, err := mongo.Connect(given, options.Client().
		SetTimeout(callTimeout).SetServerSelectionTimeout(selectTimeout).
		SetReadPreference(readpref.Primary()).SetReadConcern(readconcern.Majority()).
		SetWriteConcern(&writeconcern.WriteConcern{W: writeconcern.WCMajority, Journal: &journal}).
		// An insert that the driver sends again may meet itself and come back as taken
		// where the server does not remember what it was sent. Whoever inserts settles
		// what is unknown, as the ports say.
		SetRetryWrites(false).
		SetAppName("concord"))
	if err != nil {
		return nil, fault.New(fault.Invalid, op, "the connection string of the database cannot be used")
	}
	db := &DB{client: client, db: client.Database(o.Database)}
	if err := db.prepare(ctx, given, o); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// prepare checks the server and the indexes.
func (db *DB) prepare(ctx context.Context, given *options.ClientOptions, o Options) error {
	if err := db.Ping(ctx); err != nil || o.ReadOnly {
		return err
	}
	if err := db.check(ctx, given, o); err != nil {
		return err
	}
	return db.ensureIndexes(ctx, !o.Production)
}

// Ping reports whether there is a primary that takes writes.
func (db *DB) Ping(ctx context.Context) error {
	const op = "mongo.Ping"
	if err := over(ctx, op); err != nil {
		return err
	}
	var hello struct {
		Writable *bool `bson:"isWritablePrimary"`
		Master   bool  `bson:"ismaster"`
	}
	if err := db.db.RunCommand(ctx, bson.D{{Key: "hello", Value: 1}}).Decode(&hello); err != nil {
		return failure(op, err)
	}
	if hello.Writable != nil && !*hello.Writable || hello.Writable == nil && !hello.Master {
		return fault.New(fault.Unavailable, op, "the database has no primary that takes writes")
	}
	return nil
}

// Close ends the connections. What was acknowledged is durable before it.
func (db *DB) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), callTimeout)
	defer cancel()
	return failure("mongo.Close", db.client.Disconnect(ctx))
}

// over answers for a caller that gave up before it asked.
func over(ctx context.Context, op string) error {
	if err := ctx.Err(); err != nil {
		return fault.Wrap(fault.Unavailable, op, "the store was not asked in time", err)
	}
	return nil
}

// insert inserts one document.
func (db *DB) insert(ctx context.Context, op, collection string, doc any) error {
	if err := over(ctx, op); err != nil {
		return err
	}
	_, err := db.db.Collection(collection).InsertOne(ctx, doc)
	return failure(op, err)
}

// findOne decodes the document that a filter finds, the first in the order
// given.
func (db *DB) findOne(ctx context.Context, op, collection string, filter, sort bson.D, into any) error {
	if err := over(ctx, op); err != nil {
		return err
	}
	o := options.FindOne()
	if len(sort) > 0 {
		o.SetSort(sort)
	}
	return failure(op, db.db.Collection(collection).FindOne(ctx, filter, o).Decode(into))
}

// find decodes the documents that a filter finds.
func find[T any](ctx context.Context, db *DB, op, collection string, filter bson.D, o *options.FindOptionsBuilder) ([]T, error) {
	if err := over(ctx, op); err != nil {
		return nil, err
	}
	cursor, err := db.db.Collection(collection).Find(ctx, filter, o)
	if err != nil {
		return nil, failure(op, err)
	}
	var found []T
	if err := cursor.All(ctx, &found); err != nil { // closes the cursor
		return nil, failure(op, err)
	}
	return found, nil
}
