package limit

import "time"

// running counts what is under way. Its owner holds the lock.
type running struct {
	gateway, heavy int
	agencies       map[string]int // only those that have something under way
}

// tryAgain is what a caller is told to wait for something under way to end.
const tryAgain = time.Second

// Enter takes a place in the gateway for a request whose caller is not known yet.
// Unless it is refused, leave has to be called, once, when the request has been
// answered.
func (l *Limiter) Enter() (leave func(), refused *Refusal) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if reached(l.running.gateway, l.cfg.Concurrent.Gateway) {
		return nil, &Refusal{Scope: OfGateway, Busy: true, Retry: tryAgain}
	}
	l.running.gateway++
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.running.gateway--
	}, nil
}

// Known charges a principal and its agency for a request of a class, and takes a place
// for it. Unless it is refused, leave has to be called, once, when the request has been
// answered. A request that is refused costs nothing.
func (l *Limiter) Known(agency, subject string, class Class) (leave func(), refused *Refusal) {
	if class == Exempt {
		return func() {}, nil
	}
	now, p := l.cfg.Clock(), who{agency, subject}
	l.mu.Lock()
	defer l.mu.Unlock()
	principals, agencies := l.principals[class], l.agencies[class]
	if principals == nil { // a class that does not exist is a mistake, and lets nothing through
		return nil, &Refusal{Scope: OfGateway, Retry: tryAgain}
	}
	if wait := principals.wait(p, now); wait > 0 {
		return nil, &Refusal{Scope: OfPrincipal, Retry: wait}
	}
	if wait := agencies.wait(agency, now); wait > 0 {
		return nil, &Refusal{Scope: OfAgency, Retry: wait}
	}
	if reached(l.running.agencies[agency], l.cfg.Concurrent.Agency) {
		return nil, &Refusal{Scope: OfAgency, Busy: true, Retry: tryAgain}
	}
	if class == Heavy && reached(l.running.heavy, l.cfg.Concurrent.Heavy) {
		return nil, &Refusal{Scope: OfGateway, Busy: true, Retry: tryAgain}
	}
	principals.take(p, now)
	agencies.take(agency, now)
	l.running.agencies[agency]++
	if class == Heavy {
		l.running.heavy++
	}
	return func() { l.left(agency, class) }, nil
}

func (l *Limiter) left(agency string, class Class) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if class == Heavy {
		l.running.heavy--
	}
	if l.running.agencies[agency]--; l.running.agencies[agency] == 0 {
		delete(l.running.agencies, agency)
	}
}

func reached(n, most int) bool { return most > 0 && n >= most }
