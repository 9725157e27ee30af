package gateway

import (
	"context"

	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/event"
	"github.com/concord-gateway/concord/gateway/record"
	"github.com/concord-gateway/concord/gateway/spool"
	"github.com/concord-gateway/concord/gateway/store/mongo"
	"github.com/concord-gateway/concord/gateway/store/sqlite"
)

// Store is an engine: everything that Concord keeps, in one database.
type Store interface {
	Records() record.Store
	Events() event.Store
	Log() audit.Store
	Spool() spool.Store
	// Ping reports whether the store can write now.
	Ping(ctx context.Context) error
	// Close ends the connections. What was acknowledged is durable before it.
	Close() error
}

// openStore opens the engine that the configuration names. The embedded one is
// for one gateway: it locks the data folder.
func (g *Gateway) openStore(ctx context.Context) (Store, error) {
	db, err := g.openToInsert(ctx)
	if err != nil || g.shared() {
		return db, err
	}
	return db, g.lock(g.cfg.DataDir)
}

// openToInsert opens the engine beside the gateways whose it may be: for single inserts,
// which the database itself keeps apart from theirs.
func (g *Gateway) openToInsert(ctx context.Context) (db Store, err error) {
	if m := g.cfg.Store.Mongo; m.URI != "" {
		db, err = mongo.Open(ctx, mongo.Options{
			URI: m.URI, Database: m.Database, Production: g.cfg.Production, Logger: g.logger,
		})
	} else {
		db, err = sqlite.Open(ctx, g.cfg.DataDir, sqlite.Options{})
	}
	if err != nil {
		return nil, err
	}
	g.onClose(func(context.Context) error { return db.Close() })
	return db, nil
}
