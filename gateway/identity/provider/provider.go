package provider

import (
	"context"
	"crypto/x509"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/identity"
)

// The times where Options give none.
const (
	defaultEvery = 5 * time.Minute
	defaultKeep  = 24 * time.Hour
	defaultGap   = 10 * time.Second
)

// Options say whose keys are fetched, and how.
type Options struct {
	// Issuer is the exact name of the issuer.
	Issuer string
	// KeysURL is where its keys are. Empty means that its description says so.
	KeysURL string
	// Roots are the authorities that the provider's certificate may be of; nil
	// means those of the system.
	Roots *x509.CertPool
	// Loopback allows plain HTTP to this machine itself.
	Loopback bool
	// Every is how often the keys are fetched, Keep how long the last ones hold,
	// and Gap the least time between two fetches that callers bring about.
	Every, Keep, Gap time.Duration
	Clock            func() time.Time
	Logger           *slog.Logger
}

// Keys are the keys of one provider. They are safe for concurrent use.
type Keys struct {
	o      Options
	client *http.Client
	ctx    context.Context //nolint:containedctx // the life of the fetches, which no caller's ends
	cancel context.CancelFunc

	mu      sync.Mutex // covers all below
	set     identity.KeySet
	fetched time.Time // when set was
	tried   time.Time // when a fetch last began
	failed  bool      // whether the last fetch did
	flight  *flight   // the fetch under way, or nil
}

// flight is a fetch. done is closed when it is over; err is set before.
type flight struct {
	done chan struct{}
	err  error
}

// New returns the keys of a provider, of which none is fetched yet.
func New(o Options) *Keys {
	if o.Every == 0 {
		o.Every = defaultEvery
	}
	if o.Keep == 0 {
		o.Keep = defaultKeep
	}
	if o.Gap == 0 {
		o.Gap = defaultGap
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	ctx, cancel := context.WithCancel(context.Background())
	return &Keys{o: o, client: newClient(o), ctx: ctx, cancel: cancel}
}

// Close breaks off the fetch under way. No key can be had afterwards that is not
// known already.
func (k *Keys) Close() error {
	k.cancel()
	k.mu.Lock()
	f := k.flight
	k.mu.Unlock()
	if f != nil {
		<-f.done
	}
	k.client.CloseIdleConnections()
	return nil
}

// Key implements identity.KeySource.
func (k *Keys) Key(ctx context.Context, id string) (identity.Key, error) {
	key, ok, f := k.lookUp(id)
	if ok {
		return key, nil
	}
	if f != nil {
		select {
		case <-f.done:
		case <-ctx.Done():
			return identity.Key{}, unavailable(ctx.Err())
		}
	}
	return k.settled(ctx, id)
}

// lookUp returns a key that is known, or else the fetch to wait for, which it
// starts if it may.
func (k *Keys) lookUp(id string) (identity.Key, bool, *flight) {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := k.o.Clock()
	if k.holds(now) {
		if key, ok := k.set[id]; ok {
			return key, true, nil
		}
	}
	if k.flight == nil && (k.tried.IsZero() || now.Sub(k.tried) >= k.o.Gap) {
		k.start(now)
	}
	return identity.Key{}, false, k.flight
}

// settled answers without any further fetch.
func (k *Keys) settled(ctx context.Context, id string) (identity.Key, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.holds(k.o.Clock()) {
		return identity.Key{}, unavailable(nil)
	}
	key, err := k.set.Key(ctx, id)
	if err != nil && k.failed {
		return identity.Key{}, unavailable(nil)
	}
	return key, err
}

// holds reports whether the keys may be used. The caller holds mu.
func (k *Keys) holds(now time.Time) bool { return k.set != nil && now.Sub(k.fetched) < k.o.Keep }

// Refresh fetches the keys now, or waits for the fetch under way.
func (k *Keys) Refresh(ctx context.Context) error {
	k.mu.Lock()
	if k.flight == nil {
		k.start(k.o.Clock())
	}
	f := k.flight
	k.mu.Unlock()
	select {
	case <-f.done:
		return f.err
	case <-ctx.Done():
		return unavailable(ctx.Err())
	}
}

// Run fetches the keys now and then again and again, until ctx is over.
func (k *Keys) Run(ctx context.Context) {
	for {
		wait := k.o.Every
		if err := k.Refresh(ctx); err != nil {
			wait = min(k.o.Gap, k.o.Every)
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return
		}
	}
}

// start begins a fetch, which no caller can break off. The caller holds mu, and
// there is no flight.
func (k *Keys) start(now time.Time) {
	f := &flight{done: make(chan struct{})}
	k.flight, k.tried = f, now
	go func() {
		ctx, cancel := context.WithTimeout(k.ctx, fetchTimeout)
		defer cancel()
		set, err := k.fetch(ctx)
		k.mu.Lock()
		defer k.mu.Unlock()
		if err == nil {
			k.set, k.fetched = set, k.o.Clock()
		} else if !k.failed {
			k.o.Logger.Warn("the keys of an identity provider cannot be fetched", "issuer", k.o.Issuer, "error", err)
		}
		k.failed = err != nil
		f.err, k.flight = err, nil
		close(f.done)
	}()
}

func unavailable(cause error) error {
	return fault.Wrap(fault.Unavailable, "provider.Keys", "The keys of the identity provider cannot be had.", cause)
}
