package limit

import (
	"net/netip"
	"sync"
	"time"
)

// Class is what sort of work a route makes. Each class has buckets of its own, so that
// a nightly upload does not use up what people ask with.
type Class string

// The classes.
const (
	// Exempt is not limited: whether the gateway lives must be known when it is busy.
	Exempt Class = "exempt"
	// Read looks something up.
	Read Class = "read"
	// Ask is a question about people or areas, or prepares one.
	Ask Class = "ask"
	// Send brings data.
	Send Class = "send"
	// Heavy is work over everything that there is: few of these run at once.
	Heavy Class = "heavy"
)

// Classes lists the classes that are limited.
func Classes() []Class { return []Class{Read, Ask, Send, Heavy} }

// Rate is how fast a bucket fills and how much it holds.
type Rate struct {
	// PerSecond is how many requests a second go on for ever; 0 means no limit.
	PerSecond float64
	// Burst is how many may come at once.
	Burst int
}

// Config says how much is let through. What is zero is not limited.
type Config struct {
	// Address is for each client address, Everyone for all together: both only pay for
	// what has not authenticated.
	Address, Everyone Rate
	// Principal is for each principal, Agency for each agency.
	Principal, Agency map[Class]Rate
	Concurrent        Concurrent
	// Buckets is how many each table holds at most; 0 means DefaultBuckets.
	Buckets int
	// Clock is the time; nil means the system's.
	Clock func() time.Time
}

// Concurrent is how many requests may be under way at once.
type Concurrent struct{ Gateway, Agency, Heavy int }

// DefaultBuckets is about 3 MB a table.
const DefaultBuckets = 16_384

// Scope is whose limit was reached.
type Scope string

// The scopes.
const (
	OfAddress   Scope = "address"
	OfEveryone  Scope = "everyone"
	OfPrincipal Scope = "principal"
	OfAgency    Scope = "agency"
	OfGateway   Scope = "gateway"
)

// Refusal says that a limit was reached. It is an error that names no one.
type Refusal struct {
	Scope Scope
	// Busy says that too much is under way, not that too much was asked.
	Busy bool
	// Retry is when the next request would be let through, if nobody else asks. Of
	// what is under way nobody knows when it ends: then it is a second.
	Retry time.Duration
}

// Error names the limit.
func (r *Refusal) Error() string {
	if r.Busy {
		return "limit: too many requests at once: " + string(r.Scope)
	}
	return "limit: too many requests: " + string(r.Scope)
}

// who names a principal: a subject is unique within its agency only.
type who struct{ agency, subject string }

// Limiter holds the buckets. It may be used by many goroutines.
type Limiter struct {
	cfg Config

	mu         sync.Mutex // guards everything below
	addresses  *table[netip.Prefix]
	everyone   *table[struct{}]
	principals map[Class]*table[who]
	agencies   map[Class]*table[string]
	running    running
}

// New returns a limiter whose buckets are full.
func New(cfg Config) *Limiter {
	if cfg.Clock == nil {
		cfg.Clock = time.Now
	}
	if cfg.Buckets <= 0 {
		cfg.Buckets = DefaultBuckets
	}
	l := &Limiter{
		cfg:        cfg,
		addresses:  newTable[netip.Prefix](cfg.Address, cfg.Buckets),
		everyone:   newTable[struct{}](cfg.Everyone, 1),
		principals: map[Class]*table[who]{}, agencies: map[Class]*table[string]{},
		running: running{agencies: map[string]int{}},
	}
	for _, c := range Classes() {
		l.principals[c] = newTable[who](cfg.Principal[c], cfg.Buckets)
		l.agencies[c] = newTable[string](cfg.Agency[c], cfg.Buckets)
	}
	return l
}

// Stranger says whether an address may try to authenticate. It costs nothing; Failed
// does. As many as run at once may pass on the last token.
func (l *Limiter) Stranger(address netip.Addr) *Refusal { return l.unknown(address, false) }

// Failed charges an address for a request that did not authenticate.
func (l *Limiter) Failed(address netip.Addr) {
	now := l.cfg.Clock()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.addresses.take(network(address), now)
	l.everyone.take(struct{}{}, now)
}

// Public charges an address for a request that needs no token, or refuses it.
func (l *Limiter) Public(address netip.Addr) *Refusal { return l.unknown(address, true) }

func (l *Limiter) unknown(address netip.Addr, charge bool) *Refusal {
	now, from := l.cfg.Clock(), network(address)
	l.mu.Lock()
	defer l.mu.Unlock()
	if wait := l.addresses.wait(from, now); wait > 0 {
		return &Refusal{Scope: OfAddress, Retry: wait}
	}
	if wait := l.everyone.wait(struct{}{}, now); wait > 0 {
		return &Refusal{Scope: OfEveryone, Retry: wait}
	}
	if charge {
		l.addresses.take(from, now)
		l.everyone.take(struct{}{}, now)
	}
	return nil
}

// network is what counts as one client: an address of IPv4, and the 64 bits of IPv6
// that one subscriber has at least.
func network(a netip.Addr) netip.Prefix {
	a = a.Unmap().WithZone("")
	bits := a.BitLen()
	const subscriber = 64
	if a.Is6() {
		bits = subscriber
	}
	p, _ := a.Prefix(bits) // an address that is none is the zero prefix
	return p
}
