package httpapi

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"time"

	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/limit"
)

// Denials logs what the limiter refuses to callers that are known.
//
// A refusal after authentication is logged before it is answered, and these are no
// exception: but a flood of them must not become a flood of entries, which would do to
// the log what the limiter keeps from the gateway. So the first refusal by a bucket (of a
// principal, or of an agency) is logged at once and starts a minute. Those that follow in
// that minute are answered with the index of that entry and counted; when it is over,
// one more entry says how many there were. Nothing is hidden by that: every refusal is in
// the log with its cause, as one of a number. What a process that is killed has counted
// and not logged is lost; that there was a flood is not.
//
// An agency whose issuer makes up a new subject for each request meets the agency's
// bucket, and has one entry a minute too.
type Denials struct {
	log   *audit.Log
	clock func() time.Time

	mu   sync.Mutex // guards open and what is in it, but index and err
	open map[denialKey]*flood
}

// floodTime is how long refusals are counted under one entry.
const floodTime = time.Minute

// denialKey names a bucket: of one principal, or with no subject of a whole agency.
type denialKey struct {
	agency, subject, scope string
	busy                   bool
}

// denial is one refusal.
type denial struct {
	actor                    audit.Actor
	requestID, client, route string
	code, scope, problem     string
	busy                     bool
}

// flood is what came after one entry.
type flood struct {
	first denial
	start time.Time
	more  int
	// logged is closed when index and err are there.
	logged chan struct{}
	index  int64
	err    error
}

// NewDenials returns one with nothing counted. Flush has to be called now and then, and
// before the log is closed.
func NewDenials(log *audit.Log, clock func() time.Time) *Denials {
	return &Denials{log: log, clock: clock, open: map[denialKey]*flood{}}
}

// denial is the refusal of a call by the limiter.
func (c *call) denial(r *limit.Refusal) denial {
	d := denial{
		actor:     audit.Actor{Agency: c.principal.Agency, Roles: roleNames(c.principal), Subject: c.principal.Subject},
		requestID: c.requestID, client: c.client(), route: c.route.name, scope: string(r.Scope), busy: r.Busy,
	}
	p := newProblem(tooMuch(r), c.requestID)
	d.code, d.problem = p.Code, p.Type[len(problemBase):]
	return d
}

func (d *denial) key() denialKey {
	k := denialKey{agency: d.actor.Agency, scope: d.scope, busy: d.busy}
	if d.scope == string(limit.OfPrincipal) {
		k.subject = d.actor.Subject
	}
	return k
}

// record logs or counts a refusal, and returns the index of its entry.
func (d *Denials) record(ctx context.Context, one denial) (int64, error) {
	now, key := d.clock(), one.key()
	d.mu.Lock()
	f := d.open[key]
	if f != nil && now.Sub(f.start) < floodTime {
		f.more++
		d.mu.Unlock()
		<-f.logged // by whoever came first, who has a deadline of the log's own
		return f.index, f.err
	}
	ended := f
	f = &flood{first: one, start: now, logged: make(chan struct{})}
	d.open[key] = f
	d.mu.Unlock()
	f.index, f.err = d.append(ctx, &one, now, 0)
	if f.err != nil { // the next one is to try again
		d.mu.Lock()
		if d.open[key] == f {
			delete(d.open, key)
		}
		d.mu.Unlock()
	}
	close(f.logged)
	if ended != nil {
		_ = d.end(ctx, key, ended) // is counted with the next, if it fails
	}
	return f.index, f.err
}

// Flush logs the numbers of the minutes that are over, or with all set of every one.
func (d *Denials) Flush(ctx context.Context, all bool) error {
	now := d.clock()
	ended := map[denialKey]*flood{}
	d.mu.Lock()
	for key, f := range d.open {
		if all || now.Sub(f.start) >= floodTime {
			ended[key] = f
			delete(d.open, key)
		}
	}
	d.mu.Unlock()
	var errs []error
	for key, f := range ended {
		errs = append(errs, d.end(ctx, key, f))
	}
	return errors.Join(errs...)
}

// end logs how many refusals followed an entry, if any did. The flood is not open any
// more; if the number cannot be logged, it is kept for the next time.
func (d *Denials) end(ctx context.Context, key denialKey, f *flood) error {
	d.mu.Lock()
	more := f.more
	d.mu.Unlock()
	if more == 0 {
		return nil
	}
	_, err := d.append(ctx, &f.first, d.clock(), more)
	if err != nil {
		d.mu.Lock()
		defer d.mu.Unlock()
		if next := d.open[key]; next != nil {
			next.more += more
		} else {
			d.open[key] = f
		}
	}
	return err
}

func (d *Denials) append(ctx context.Context, one *denial, now time.Time, more int) (int64, error) {
	admin := map[string]string{"kind": "refusal", "route": one.route, "problem": one.problem, "code": one.code, "scope": one.scope}
	if more > 0 {
		admin["more"] = strconv.Itoa(more)
	}
	receipt, err := d.log.Append(ctx, audit.Request{
		ID: one.requestID, Time: now.UTC(), Actor: one.actor,
		Drafts: []audit.Draft{{Action: audit.Deny, Admin: admin, Private: audit.Private{Client: one.client}}},
	})
	return receipt.First, err
}
