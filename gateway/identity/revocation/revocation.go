// Package revocation keeps the list of who and what is refused before its end:
// subjects of an agency, tokens of an issuer, certificates.
//
// The list is one stream of event rows, each inserted once. What was revoked may
// be lifted again by a later row; the last row about a thing counts. Every gateway
// reads the list every Every, and a List that could not be read for longer than
// Patience answers Unavailable: so a revocation is in force everywhere within
// Patience of its row, or nobody gets in.
//
// Each row is sealed for its number. Who can write to the store, but has no key,
// cannot lift a revocation: a row that does not open in its place, a number that
// is missing, and a list that has become shorter make the whole unusable, and
// everybody is refused. Two things it cannot hold: a gateway that starts does not
// see that rows were cut off the end by somebody who can delete from the store (the
// audit log, where each gateway notes the rows that it finds, shows it), and a
// restored backup holds the list of its day.
package revocation

import (
	"context"
	"encoding/json"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/concord-gateway/concord/gateway/event"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/identity"
	"github.com/concord-gateway/concord/gateway/keyring"
)

const (
	// Every is how often a gateway reads the list.
	Every = 10 * time.Second
	// Patience is how old what was read may be.
	Patience = 30 * time.Second
)

// The stream of the rows, and that of the marks of those which the log has.
const (
	kind       = "revocation"
	loggedKind = "revocation-logged"
	streamID   = "list"
)

// Row is one revocation. Exactly one of Subject with Agency, TokenID with Issuer,
// and Certificate is given.
type Row struct {
	Agency  string `json:"agency,omitempty"`
	Subject string `json:"subject,omitempty"`
	Issuer  string `json:"issuer,omitempty"`
	TokenID string `json:"token_id,omitempty"`
	// Certificate is a SHA-256 thumbprint in base64url.
	Certificate string `json:"certificate,omitempty"`
	// Lift takes the revocation back.
	Lift   bool      `json:"lift,omitempty"`
	Reason string    `json:"reason"`
	At     time.Time `json:"at"`
}

// thing is what a row is about.
type thing struct{ of, whose, name string }

// Of says what sort of thing the row is about: "subject", "token" or "certificate".
func (r *Row) Of() string { return r.thing().of }

func (r *Row) thing() thing {
	switch {
	case r.Subject != "":
		return thing{"subject", r.Agency, r.Subject}
	case r.TokenID != "":
		return thing{"token", r.Issuer, r.TokenID}
	default:
		return thing{"certificate", "", r.Certificate}
	}
}

func (r *Row) check() error {
	given := 0
	for _, set := range []bool{r.Subject != "" || r.Agency != "", r.TokenID != "" || r.Issuer != "", r.Certificate != ""} {
		if set {
			given++
		}
	}
	if given != 1 || (r.Subject == "") != (r.Agency == "") || (r.TokenID == "") != (r.Issuer == "") || r.Reason == "" {
		return fault.New(fault.Invalid, "revocation.Add", "Name a subject with its agency, a token with its issuer, or a certificate, and a reason.")
	}
	return nil
}

// List is the list as a gateway has read it. It is safe for concurrent use.
type List struct {
	events event.Store
	keys   keyring.Keyring
	clock  func() time.Time

	reading sync.Mutex // held by Refresh
	state   atomic.Pointer[state]
}

// state is what was read. It is not changed.
type state struct {
	at      time.Time
	rows    []Row
	revoked map[thing]struct{}
}

// New returns the list over the event store. It answers Unavailable until it is
// read. The clock measures how old what was read is: it should be the system's,
// which setting the time of day does not move.
func New(events event.Store, keys keyring.Keyring, clock func() time.Time) *List {
	return &List{events: events, keys: keys, clock: clock}
}

// Check implements identity.Revocations.
func (l *List) Check(c identity.Credential) error {
	s := l.state.Load()
	if s == nil || l.clock().Sub(s.at) > Patience {
		return fault.New(fault.Unavailable, "revocation.Check", "What is revoked is not known at the moment.")
	}
	if len(s.revoked) == 0 {
		return nil
	}
	for _, t := range []thing{{"subject", c.Agency, c.Subject}, {"token", c.Issuer, c.TokenID}, {"certificate", "", c.Certificate}} {
		if _, is := s.revoked[t]; is && t.name != "" {
			return fault.New(fault.Unauthenticated, "revocation.Check", "It was revoked.")
		}
	}
	return nil
}

// Refresh reads the list. What it cannot read, or what does not open, leaves the
// list as it was, and so soon unusable.
func (l *List) Refresh(ctx context.Context) error {
	l.reading.Lock()
	defer l.reading.Unlock()
	begun, before := l.clock(), l.state.Load()
	if before != nil {
		last, err := l.events.Last(ctx, kind, streamID)
		known := int64(len(before.rows)) - 1
		switch {
		case err == nil && last.N == known, fault.Is(err, fault.NotFound) && known == -1:
			l.state.Store(&state{at: begun, rows: before.rows, revoked: before.revoked})
			return nil
		case fault.Is(err, fault.NotFound), err == nil && last.N < known:
			return altered("rows are missing")
		case err != nil:
			return err
		}
	}
	s, err := l.read(ctx)
	if err != nil {
		return err
	}
	if before != nil && len(s.rows) < len(before.rows) {
		return altered("rows are missing")
	}
	s.at = begun
	l.state.Store(s)
	return nil
}

// read reads the whole list.
func (l *List) read(ctx context.Context) (*state, error) {
	events, err := l.events.Stream(ctx, kind, streamID)
	if err != nil {
		return nil, err
	}
	s := &state{revoked: map[thing]struct{}{}}
	if len(events) == 0 {
		return s, nil
	}
	sealer, err := l.keys.Sealer(ctx, keyring.RevocationScope)
	if err != nil {
		return nil, err
	}
	for i, e := range events {
		if e.N != int64(i) {
			return nil, altered("rows are missing")
		}
		body, err := sealer.Open(e.Body, place(e.N))
		if err != nil {
			return nil, altered("a row does not open in its place")
		}
		var r Row
		if err := json.Unmarshal(body, &r); err != nil || r.check() != nil {
			return nil, altered("a row cannot be read")
		}
		s.rows = append(s.rows, r)
		if r.Lift {
			delete(s.revoked, r.thing())
		} else {
			s.revoked[r.thing()] = struct{}{}
		}
	}
	return s, nil
}

// Add appends a row, after it has read that the list is whole.
func (l *List) Add(ctx context.Context, r Row) error {
	if err := r.check(); err != nil {
		return err
	}
	sealer, err := l.keys.Sealer(ctx, keyring.RevocationScope)
	if err != nil {
		return err
	}
	r.At = l.clock().UTC().Truncate(time.Second)
	body, err := json.Marshal(r)
	if err != nil {
		return fault.Wrap(fault.Internal, "revocation.Add", "The revocation could not be written.", err)
	}
	const attempts = 8
	for range attempts {
		if err = l.Refresh(ctx); err != nil {
			return err
		}
		n := int64(len(l.state.Load().rows))
		sealed, sealErr := sealer.Seal(body, place(n))
		if sealErr != nil {
			return sealErr
		}
		err = l.events.Insert(ctx, event.Event{Kind: kind, ID: streamID, N: n, Body: sealed})
		if !fault.Is(err, fault.Conflict) { // another operator was faster
			return err
		}
	}
	return err
}

// Announce calls note with each row that no gateway has noted yet, and marks it.
// A row may be noted twice where gateways meet, and is noted at least once.
func (l *List) Announce(ctx context.Context, note func(n int64, r *Row) error) error {
	s := l.state.Load()
	if s == nil || len(s.rows) == 0 {
		return nil
	}
	from := int64(0)
	last, err := l.events.Last(ctx, loggedKind, streamID)
	switch {
	case err == nil:
		from = last.N + 1
	case !fault.Is(err, fault.NotFound):
		return err
	}
	for n := from; n < int64(len(s.rows)); n++ {
		if err := note(n, &s.rows[n]); err != nil {
			return err
		}
		err := l.events.Insert(ctx, event.Event{Kind: loggedKind, ID: streamID, N: n})
		if err != nil && !fault.Is(err, fault.Conflict) {
			return err
		}
	}
	return nil
}

// place is what a row is bound to.
func place(n int64) []byte {
	return []byte("concord revocation v1\x00" + kind + "\x00" + strconv.FormatInt(n, 10))
}

func altered(how string) error {
	return fault.New(fault.Unavailable, "revocation.Refresh", "The list of revocations was altered: "+how+".")
}
