package gateway

import (
	"context"
	"crypto/x509"
	"os"
	"sync"
	"time"

	"github.com/concord-gateway/concord/gateway/config"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/identity"
	"github.com/concord-gateway/concord/gateway/identity/provider"
)

// identity makes the verifier of the issuers, whose keys are read from files or
// fetched from now on. A provider that does not answer keeps no other from being
// served.
func (g *Gateway) identity(ctx context.Context, clock func() time.Time) (*identity.Verifier, error) {
	issuers := make([]identity.Issuer, len(g.cfg.Issuers))
	var fetched []*provider.Keys
	for i := range g.cfg.Issuers {
		c := &g.cfg.Issuers[i]
		issuers[i] = c.Trusted()
		if c.JWKSFile != "" {
			keys, err := identity.LoadJWKS(c.JWKSFile)
			if err != nil {
				return nil, err
			}
			issuers[i].Keys = keys
			continue
		}
		keys, err := g.provider(c, clock)
		if err != nil {
			return nil, err
		}
		fetched, issuers[i].Keys = append(fetched, keys), keys
	}
	verifier, err := identity.NewVerifier(issuers, clock)
	if err != nil {
		return nil, err
	}
	g.fetch(ctx, fetched)
	return verifier, nil
}

// provider returns the keys of an issuer that publishes them.
func (g *Gateway) provider(c *config.Issuer, clock func() time.Time) (*provider.Keys, error) {
	o := provider.Options{
		Issuer: c.Name, KeysURL: c.JWKSURL, Loopback: !g.cfg.Production, Every: c.Refresh, Keep: c.Keep,
		Clock: clock, Logger: g.logger,
	}
	if c.CAFile != "" {
		pem, err := os.ReadFile(c.CAFile)
		if err != nil {
			return nil, fault.Wrap(fault.Unavailable, "gateway.New", "The authorities of an identity provider cannot be read.", err)
		}
		o.Roots = x509.NewCertPool()
		if !o.Roots.AppendCertsFromPEM(pem) {
			return nil, fault.New(fault.Invalid, "gateway.New", "The file of the authorities of an identity provider holds no certificate.")
		}
	}
	keys := provider.New(o)
	g.onClose(func(context.Context) error { return keys.Close() })
	return keys, nil
}

// fetch keeps the keys of providers fresh until the gateway closes.
func (g *Gateway) fetch(ctx context.Context, fetched []*provider.Keys) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var running sync.WaitGroup
	for _, keys := range fetched {
		running.Go(func() { keys.Run(ctx) })
	}
	g.onClose(func(context.Context) error {
		cancel()
		running.Wait()
		return nil
	})
}
