// Package caselink keeps which analyst may ask about which person for which
// case.
//
// Routine access to a person needs a link between analyst, operation and
// subject (DOMAIN, "Emergency access"). A supervisor assigns a link; an
// analyst may claim one for 24 hours. A link is kept over keyed hashes of the
// identifiers, one event stream for each, so that the store tells nobody who
// is being looked at, and asking for a link costs the same look-ups whether
// one exists or not. Each row is sealed for its place: who can write to the
// store, but has no key, cannot make a link, copy one or prolong one.
//
// Beside these streams stands one for each link, its entry: case, analyst, by whom
// and since when, and under which keyed hashes, never of whom. It is what supervisors
// list and end. A link is entered first and put in force then; it is taken out of
// force first and marked as ended then. So after a crash there is no link in force
// that is not listed, and none that is marked as ended and in force.
package caselink

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"strconv"
	"time"

	"github.com/concord-gateway/concord/gateway/event"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/keyring"
	"github.com/concord-gateway/concord/gateway/linkage"
)

// The states of a link, as the policy sees them.
const (
	Assigned    = "assigned"
	SelfClaimed = "self_claimed"
	None        = "none"
	// ended is the state of a row that ends a link.
	ended = "ended"
)

// ClaimLife is how long a self-claimed link lasts.
const ClaimLife = 24 * time.Hour

const kind = "case-link"

// Register keeps links. It is safe for concurrent use.
type Register struct {
	events event.Store
	keys   keyring.Keyring
}

// New returns the register over the event store.
func New(events event.Store, keys keyring.Keyring) *Register {
	return &Register{events: events, keys: keys}
}

// Analyst names the person a link is for.
type Analyst struct {
	Subject string `json:"subject"`
	Agency  string `json:"agency"`
}

// Link is one link to be kept.
type Link struct {
	ID      string
	State   string
	CaseRef string
	Analyst Analyst
	Subject linkage.Subject
	// By is the principal who made the link.
	By string
	At time.Time
	// Reference is what the case system that a link was imported from calls it.
	Reference string
}

// row is what an event holds, sealed: nothing about the person.
type row struct {
	Link    string    `json:"link"`
	State   string    `json:"state"`
	By      string    `json:"by"`
	At      time.Time `json:"at"`
	Expires time.Time `json:"expires,omitzero"`
}

// Expires returns when the link ends; the zero time means that it does not end
// by itself.
func (l Link) Expires() time.Time {
	if l.State == SelfClaimed {
		return l.At.Add(ClaimLife)
	}
	return time.Time{}
}

// Add keeps a link: its entry, and one event for each identifier of the subject.
// Adding the same link again completes what is missing and changes nothing; another
// one under its id, or one that has ended, answers Conflict.
func (r *Register) Add(ctx context.Context, l Link) error {
	ids, err := r.streams(ctx, l.Analyst, l.CaseRef, l.Subject)
	if err != nil {
		return err
	}
	sealer, err := r.keys.Sealer(ctx, keyring.LinkScope)
	if err != nil {
		return err
	}
	if err := r.enter(ctx, sealer, &l, ids); err != nil {
		return err
	}
	body, err := json.Marshal(row{Link: l.ID, State: l.State, By: l.By, At: l.At, Expires: l.Expires()})
	if err != nil {
		return fault.Wrap(fault.Internal, "caselink.Add", "The link could not be kept.", err)
	}
	for _, id := range ids {
		if err := r.addOnce(ctx, sealer, id, l.ID, body); err != nil {
			return err
		}
	}
	return nil
}

// addOnce appends the row of a link to a stream that does not have one.
func (r *Register) addOnce(ctx context.Context, sealer keyring.Sealer, id, link string, body []byte) error {
	rows, err := r.events.Stream(ctx, kind, id)
	if err != nil {
		return err
	}
	for i := range rows {
		kept, ok, err := open(sealer, &rows[i])
		if err != nil {
			return err
		}
		if ok && kept.Link == link {
			return nil
		}
	}
	return r.add(ctx, sealer, id, body)
}

// add appends one event to a stream, going on at the next number when another
// writer took this one. A row is sealed for its number, so each try seals anew.
func (r *Register) add(ctx context.Context, sealer keyring.Sealer, id string, body []byte) error {
	const attempts = 8
	var err error
	for range attempts {
		var n int64
		last, lastErr := r.events.Last(ctx, kind, id)
		switch {
		case lastErr == nil:
			n = last.N + 1
		case !fault.Is(lastErr, fault.NotFound):
			return lastErr
		}
		sealed, sealErr := sealer.Seal(body, place(kind, id, n))
		if sealErr != nil {
			return sealErr
		}
		err = r.events.Insert(ctx, event.Event{Kind: kind, ID: id, N: n, Body: sealed})
		if !fault.Is(err, fault.Conflict) {
			return err
		}
	}
	return err
}

// State returns the link in force at the given time between analyst, case and
// subject: the weakest over the identifiers given, each at its strongest. A
// link to one person must not be stretched by adding the identifier of another,
// so an identifier without a link of its own makes the whole None.
func (r *Register) State(ctx context.Context, a Analyst, caseRef string, s linkage.Subject, at time.Time) (string, error) {
	ids, err := r.streams(ctx, a, caseRef, s)
	if err != nil || len(ids) == 0 {
		return None, err
	}
	sealer, err := r.keys.Sealer(ctx, keyring.LinkScope)
	if err != nil {
		return None, err
	}
	weakest := Assigned
	for _, id := range ids {
		rows, err := r.events.Stream(ctx, kind, id)
		if err != nil {
			return None, err
		}
		state, err := inForce(sealer, rows, at)
		if err != nil {
			return None, err
		}
		weakest = weaker(weakest, state)
	}
	return weakest, nil
}

// inForce returns the strongest link in force among the rows of a stream. One that has
// not begun, has expired, or that any row ends, wherever it stands, is none.
func inForce(sealer keyring.Sealer, rows []event.Event, at time.Time) (string, error) {
	over, begun := map[string]bool{}, make([]row, 0, len(rows))
	for i := range rows {
		r, ok, err := open(sealer, &rows[i])
		switch {
		case err != nil:
			return None, err
		case !ok || r.At.After(at):
		case r.State == ended:
			over[r.Link] = true
		default:
			begun = append(begun, r)
		}
	}
	state := None
	for _, r := range begun {
		if over[r.Link] || !r.Expires.IsZero() && !at.Before(r.Expires) {
			continue
		}
		if r.State == Assigned || (r.State == SelfClaimed && state == None) {
			state = r.State
		}
	}
	return state, nil
}

// open reads a row. One that does not open in its place, because somebody else than
// the register put it there, is none; a sealer that cannot answer is an error.
func open(sealer keyring.Sealer, e *event.Event) (r row, ok bool, err error) {
	body, err := sealer.Open(e.Body, place(e.Kind, e.ID, e.N))
	if fault.Is(err, fault.Internal) {
		return row{}, false, nil
	}
	if err != nil {
		return row{}, false, err
	}
	return r, json.Unmarshal(body, &r) == nil, nil
}

// place is what a row is bound to. None of the parts holds a NUL byte: an id is of
// digits and letters.
func place(kind, id string, n int64) []byte {
	return []byte("concord link v1\x00" + kind + "\x00" + id + "\x00" + strconv.FormatInt(n, 10))
}

func weaker(a, b string) string {
	switch {
	case a == None || b == None:
		return None
	case a == SelfClaimed || b == SelfClaimed:
		return SelfClaimed
	default:
		return Assigned
	}
}

// streams returns the event ids of a link, one for each identifier.
func (r *Register) streams(ctx context.Context, a Analyst, caseRef string, s linkage.Subject) ([]string, error) {
	h, err := r.keys.Hasher(ctx, keyring.LinkScope)
	if err != nil {
		return nil, err
	}
	refs := linkage.Refs(h, s)
	ids := make([]string, len(refs))
	for i, ref := range refs {
		sum := h.Hash("stream", a.Agency, a.Subject, caseRef, ref)
		ids[i] = hex.EncodeToString(sum[:])
	}
	return ids, nil
}
