// Package gateway joins the parts: a Config becomes a running service, and
// stops.
//
// New opens everything and fails if anything is wrong: an agreement that cannot
// be read, a key file that others may read, a log that does not verify. Run
// serves until its context ends. Close closes in the reverse order of opening:
// requests first, then the log, the store and the keys.
package gateway

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/concord-gateway/concord/gateway/activation"
	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/backup"
	"github.com/concord-gateway/concord/gateway/caselink"
	"github.com/concord-gateway/concord/gateway/config"
	"github.com/concord-gateway/concord/gateway/coverage"
	"github.com/concord-gateway/concord/gateway/disclosure"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/httpapi"
	"github.com/concord-gateway/concord/gateway/httpapi/contract"
	"github.com/concord-gateway/concord/gateway/identity"
	"github.com/concord-gateway/concord/gateway/identity/proofs"
	"github.com/concord-gateway/concord/gateway/keyring"
	"github.com/concord-gateway/concord/gateway/profile"
	"github.com/concord-gateway/concord/gateway/retention"
	"github.com/concord-gateway/concord/gateway/submission"
	"github.com/concord-gateway/concord/schemas"
)

// The names inside a data folder.
const (
	// KeysDir holds the local keyring.
	KeysDir = "keys"
	// KeyFile holds the public key of the log, a verifier key.
	KeyFile = "log.vkey"
	// lockFile is what a running gateway holds.
	lockFile = "gateway.lock"
	// DemoMark is a file that marks a folder whose keys one process made for
	// all parties. Production refuses it.
	DemoMark = "DEMONSTRATION-ONLY"
)

// Options are what a process brings besides the configuration.
type Options struct {
	Logger *slog.Logger
	// Clock is the time; nil means the system's.
	Clock func() time.Time
	// Elapsing is the time by which it is measured how old the list of revocations is that
	// was read; nil means the system's, which setting the time of day does not move.
	Elapsing func() time.Time
	// Queue is how many requests may wait for the log at once; zero means its own
	// bound. Tests fill it.
	Queue int
	// Store, where set, wraps the store that was opened: for tests that put
	// faults between the gateway and its store.
	Store func(Store) Store
}

// Gateway is a service that is ready to run.
type Gateway struct {
	handler http.Handler
	log     *audit.Log
	rules   *activation.Service
	cfg     *config.Config
	logger  *slog.Logger
	closers []func(context.Context) error
}

// New opens the gateway.
func New(ctx context.Context, cfg *config.Config, opt Options) (*Gateway, error) {
	if opt.Clock == nil {
		opt.Clock = time.Now
	}
	if opt.Elapsing == nil {
		opt.Elapsing = time.Now
	}
	if opt.Logger == nil {
		opt.Logger = slog.New(slog.DiscardHandler)
	}
	g := &Gateway{cfg: cfg, logger: opt.Logger}
	if err := g.open(ctx, opt); err != nil {
		return nil, errors.Join(err, g.Close(context.WithoutCancel(ctx)))
	}
	return g, nil
}

func (g *Gateway) open(ctx context.Context, opt Options) error {
	if err := g.checkMark(); err != nil {
		return err
	}
	verifier, err := g.identity(ctx, opt.Clock)
	if err != nil {
		return err
	}
	db, err := g.openStore(ctx)
	if err != nil {
		return err
	}
	if opt.Store != nil {
		db = opt.Store(db)
	}
	if err := backup.Refuse(ctx, db.Events()); err != nil {
		return err
	}
	keys, err := g.openRegistered(ctx, db, opt)
	if err != nil {
		return err
	}
	// The log first: it knows its key, and nothing is made in a keyring that is not its own.
	if err := g.openLog(ctx, db.Log(), keys, opt); err != nil {
		return err
	}
	revoked, err := g.revocations(ctx, db, keys, opt)
	if err != nil {
		return err
	}
	verifier.Against(revoked).Sharing(proofs.New(db.Spool()))
	g.followRevocations(ctx, revoked)
	if err := backup.Announce(ctx, db.Events(), g.log, g.cfg.Log.Origin); err != nil {
		return err
	}
	if err := g.activate(ctx, db, opt); err != nil {
		return err
	}
	return g.join(ctx, db, keys, verifier, g.ready(db, keys, revoked), opt)
}

// join puts the use cases over what is open, and the face over them.
func (g *Gateway) join(ctx context.Context, db Store, keys keyring.Keyring, verifier *identity.Verifier, ready func(context.Context) error, opt Options) error {
	book := g.rules.Book()
	submissions := submission.New(submission.Deps{
		Rules: book, Records: db.Records(), Events: db.Events(), Spool: db.Spool(), Keys: keys, Log: g.log,
		Clock: opt.Clock, Logger: opt.Logger, Grace: g.grace(),
	})
	g.onClose(func(context.Context) error { submissions.Close(); return nil })
	if err := g.recoverSubmissions(ctx, submissions); err != nil {
		return err
	}
	g.sweep(ctx, retention.New(retention.Deps{
		Records: db.Records(), Events: db.Events(), Spool: db.Spool(), Keys: keys, Log: g.log, Clock: opt.Clock, Origin: g.cfg.Log.Origin,
	}))
	proxies, err := g.proxies()
	if err != nil {
		return err
	}
	return g.face(httpapi.Deps{
		Limits: g.limits(opt.Clock), Denials: g.denials(ctx, g.log, opt.Clock), Patience: g.patience(), Proxies: proxies,
		Identity: verifier, Rules: book, Activation: g.rules, Submissions: submissions, Log: g.log,
		Profiles: profile.New(profile.Deps{
			Rules: book, Links: caselink.New(db.Events(), keys),
			Records: db.Records(), Events: db.Events(), Keys: keys, Log: g.log, Clock: opt.Clock,
		}),
		Disclosures: disclosure.New(g.log, db.Log()), Impact: g.impactOf(db.Log(), keys),
		Coverage: &coverage.Service{Rules: book, Events: db.Events(), Clock: opt.Clock},
		Ready:    ready, PublicURL: g.cfg.PublicURL, Clock: opt.Clock, Logger: opt.Logger,
	})
}

// description is the API as it is served.
type description struct{ openAPI, docs []byte }

// describe reads the description of the API, once in a process: the file is part
// of the binary, and reading it is a good part of what a start takes. What it
// answers is shared and not to be changed.
var describe = sync.OnceValues(func() (description, error) {
	raw, err := schemas.Files.ReadFile("openapi.yaml")
	if err != nil {
		return description{}, fault.Wrap(fault.Internal, "gateway.New", "The description of the API cannot be read.", err)
	}
	api, err := contract.Load(raw)
	if err != nil {
		return description{}, err
	}
	docs, err := api.HTML()
	return description{openAPI: api.JSON(), docs: docs}, err
})

// face serves the use cases over HTTP, with the description of the API.
func (g *Gateway) face(d httpapi.Deps) error {
	api, err := describe()
	if err != nil {
		return err
	}
	d.OpenAPI, d.Docs, d.DocsStyle = api.openAPI, api.docs, contract.StyleSource()
	g.handler = httpapi.New(d)
	return nil
}

// checkMark refuses a demonstration folder in production.
func (g *Gateway) checkMark() error {
	if !g.cfg.Production {
		return nil
	}
	_, err := os.Stat(filepath.Join(g.cfg.DataDir, DemoMark))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return fault.Wrap(fault.Invalid, "gateway.New",
		"The data folder is marked as a demonstration: one process made the keys of all parties. Production does not use it.", err)
}

// writeKey leaves the public keys of the log beside it, oldest first, for people
// to copy. A verifier must not take them from here: the point is to have them from
// elsewhere.
func (g *Gateway) writeKey() error {
	path := filepath.Join(g.cfg.DataDir, KeyFile)
	if err := os.MkdirAll(g.cfg.DataDir, 0o700); err != nil { // which nothing else has made, where store and keys are elsewhere
		return fault.Wrap(fault.Unavailable, "gateway.New", "The data folder cannot be made.", err)
	}
	if err := os.WriteFile(path, []byte(strings.Join(g.log.VKeys(), "\n")+"\n"), 0o600); err != nil {
		return fault.Wrap(fault.Unavailable, "gateway.New", "The public key of the log could not be written.", err)
	}
	return nil
}
