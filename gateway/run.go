package gateway

import (
	"context"
	"errors"
	"net"
	"net/http"
	"slices"
	"time"

	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/httpapi/edge"
	"github.com/concord-gateway/concord/gateway/identity/revocation"
	"github.com/concord-gateway/concord/gateway/keyring"
)

// closeTimeout bounds how long requests under way may take to end, and then how long
// everything else may take to close.
const closeTimeout = 20 * time.Second

// Handler is the API, for tests and for serving it elsewhere.
func (g *Gateway) Handler() http.Handler { return g.handler }

// VKey is the public key of the log.
func (g *Gateway) VKey() string { return g.log.VKey() }

// PublishCheckpoint signs and publishes a checkpoint now.
func (g *Gateway) PublishCheckpoint(ctx context.Context) error { return g.log.Publish(ctx) }

// RefreshRules looks now for new rules, and for agreements whose day has come.
// What is refused changes nothing; that is the error.
func (g *Gateway) RefreshRules(ctx context.Context) error { return g.rules.Refresh(ctx) }

// Revision names the rules in force.
func (g *Gateway) Revision() string { return g.rules.Book().Current().Revision() }

// Run listens and serves until ctx ends, then finishes the requests under way.
func (g *Gateway) Run(ctx context.Context) error {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", g.cfg.Listen)
	if err != nil {
		return fault.Wrap(fault.Unavailable, "gateway.Run", "The address cannot be listened on.", err)
	}
	return g.Serve(ctx, l)
}

// Serve serves on a listener until ctx ends, then finishes the requests under
// way. It closes the listener.
func (g *Gateway) Serve(ctx context.Context, l net.Listener) error {
	srv, err := edge.New(l, g.handler, g.edge())
	if err != nil {
		return errors.Join(err, l.Close())
	}
	served := make(chan error, 1)
	go func() { served <- srv.Serve() }()
	g.logger.Info("serving", "address", l.Addr().String())
	select {
	case err := <-served:
		return fault.Wrap(fault.Unavailable, "gateway.Serve", "The server stopped.", err)
	case <-ctx.Done():
	}
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
	defer cancel()
	err = srv.Shutdown(end)
	if stopped := <-served; !errors.Is(stopped, http.ErrServerClosed) {
		err = errors.Join(err, stopped)
	}
	return err
}

func (g *Gateway) onClose(f func(context.Context) error) { g.closers = append(g.closers, f) }

// Close closes the log, the store and the keys, last opened first, under one
// deadline that does not depend on whether ctx has ended.
func (g *Gateway) Close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
	defer cancel()
	var errs []error
	for _, f := range slices.Backward(g.closers) {
		errs = append(errs, f(ctx))
	}
	g.closers = nil
	return errors.Join(errs...)
}

// ready checks what the gateway needs for its work: that the store takes
// writes, that the keys can be had, and that it is known who is revoked.
func (g *Gateway) ready(db Store, keys keyring.Keyring, revoked *revocation.List) func(context.Context) error {
	return func(ctx context.Context) error {
		if err := db.Ping(ctx); err != nil {
			return err
		}
		if err := revoked.Ready(); err != nil {
			return err
		}
		_, err := keys.Hasher(ctx, keyring.LinkScope)
		return err
	}
}
