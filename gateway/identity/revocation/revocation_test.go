package revocation_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/concord-gateway/concord/gateway/attacktest"
	"github.com/concord-gateway/concord/gateway/event"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/identity"
	"github.com/concord-gateway/concord/gateway/identity/revocation"
	"github.com/concord-gateway/concord/gateway/keyring"
	"github.com/concord-gateway/concord/gateway/keyring/local"
	"github.com/concord-gateway/concord/gateway/store/sqlite"
)

// world is a store, keys and a clock, for any number of gateways.
type world struct {
	*testing.T

	events *meddled
	log    *book
	keys   keyring.Keyring
	now    time.Time
}

// book is what is noted, as the gateway's log has it.
type book struct {
	notes map[int64]revocation.Note
	err   error
	// before is called when it is asked, once.
	before func()
	// hidden are the notes that are not found by the number of their row, asked is how
	// often it was asked, and left how often it still answers, where that is bounded.
	hidden map[int64]bool
	asked  int
	left   *int
}

func (b *book) Noted(_ context.Context, n int64) (revocation.Note, error) {
	if call := b.before; call != nil {
		b.before = nil
		call()
	}
	b.asked++
	note, ok := b.notes[n]
	switch {
	case b.err != nil:
		return note, b.err
	case b.left != nil && *b.left == 0:
		return note, fault.New(fault.Unavailable, "test", "too slow")
	case b.left != nil:
		*b.left--
	}
	switch {
	case !ok, b.hidden[n]:
		return note, fault.New(fault.NotFound, "test", "none")
	}
	return note, nil
}

func (b *book) Newest(context.Context) (int64, error) {
	newest := int64(-1)
	for n := range b.notes {
		newest = max(newest, n)
	}
	switch {
	case b.err != nil:
		return newest, b.err
	case newest < 0:
		return newest, fault.New(fault.NotFound, "test", "none")
	}
	return newest, nil
}

// all are the notes from the first row on, as who verifies the log has them.
func (b *book) all() []revocation.Note {
	var all []revocation.Note
	for n := range int64(len(b.notes)) {
		all = append(all, b.notes[n])
	}
	return all
}

func (b *book) note(_ context.Context, n int64, r *revocation.Row, digest string) error {
	said := *r
	said.Reason = ""
	b.notes[n] = revocation.Note{Row: said, Digest: digest}
	return nil
}

// meddled is the real store, of which somebody hides or changes rows, or which is
// down.
type meddled struct {
	event.Store

	down   bool
	change func([]event.Event) []event.Event
}

func (m *meddled) Last(ctx context.Context, kind, id string) (event.Event, error) {
	if m.down {
		return event.Event{}, fault.New(fault.Unavailable, "test", "down")
	}
	if m.change == nil {
		return m.Store.Last(ctx, kind, id)
	}
	rows, err := m.Stream(ctx, kind, id)
	if err == nil && len(rows) == 0 {
		return event.Event{}, fault.New(fault.NotFound, "test", "none")
	}
	if err != nil {
		return event.Event{}, err
	}
	return rows[len(rows)-1], nil
}

func (m *meddled) Stream(ctx context.Context, kind, id string) ([]event.Event, error) {
	if m.down {
		return nil, fault.New(fault.Unavailable, "test", "down")
	}
	rows, err := m.Store.Stream(ctx, kind, id)
	if m.change != nil {
		rows = m.change(rows)
	}
	return rows, err
}

func newWorld(t *testing.T) *world {
	t.Helper()
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	db, err := sqlite.Open(t.Context(), filepath.Join(dir, "data"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	keys, err := local.Open(filepath.Join(dir, "keys"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = keys.Close(); _ = db.Close() })
	return &world{T: t, events: &meddled{Store: db.Events()}, log: &book{notes: map[int64]revocation.Note{}}, keys: keys, now: time.Date(2026, 3, 2, 9, 30, 0, 0, time.UTC)}
}

func (w *world) list() *revocation.List {
	return revocation.New(w.events, w.log, w.keys, func() time.Time { return w.now })
}

func (w *world) add(r revocation.Row) {
	w.Helper()
	r.Reason = "lost"
	if err := w.list().Add(w.Context(), r); err != nil {
		w.Fatal(err)
	}
}

func (w *world) refresh(l *revocation.List) {
	w.Helper()
	if err := l.Refresh(w.Context()); err != nil {
		w.Fatal(err)
	}
}

// announce notes what a gateway has read.
func (w *world) announce(l *revocation.List) {
	w.Helper()
	if err := l.Announce(w.Context(), w.log.note); err != nil {
		w.Fatal(err)
	}
}

func (w *world) want(l *revocation.List, c identity.Credential, kind fault.Kind) {
	w.Helper()
	if err := l.Check(c); fault.KindOf(err) != kind {
		w.Errorf("%+v: got %v, want %q", c, err, kind)
	}
}

var (
	ada  = identity.Credential{Agency: "police", Subject: "ada", Issuer: "https://id.example", TokenID: "1", Certificate: "cert-a"}
	ben  = identity.Credential{Agency: "housing", Subject: "ada", Issuer: "https://other.example", TokenID: "1", Certificate: "cert-b"}
	bare = identity.Credential{Agency: "police", Subject: "cy", Issuer: "https://id.example"}
)

// TestRevoke: each sort reaches what it names and nothing beside it, on every
// gateway at its next reading, and can be lifted.
func TestRevoke(t *testing.T) {
	for _, r := range []revocation.Row{
		{Subject: "ada", Agency: "police"}, {TokenID: "1", Issuer: "https://id.example"}, {Certificate: "cert-a"},
	} {
		w := newWorld(t)
		one, other := w.list(), w.list()
		w.want(one, ada, fault.Unavailable) // it has not been read
		w.refresh(one)
		w.refresh(other)
		w.want(one, ada, "")
		w.add(r)
		for _, l := range []*revocation.List{one, other, w.list()} {
			w.refresh(l)
			w.want(l, ada, fault.Unauthenticated)
			w.want(l, ben, "")
			w.want(l, bare, "")
		}
		r.Lift = true
		w.add(r)
		w.refresh(one)
		w.want(one, ada, "")
	}
}

// TestPatience: who cannot read the list lets nobody in.
func TestPatience(t *testing.T) {
	w := newWorld(t)
	l := w.list()
	w.refresh(l)
	w.events.down = true
	w.now = w.now.Add(revocation.Patience)
	if err := l.Refresh(t.Context()); !fault.Is(err, fault.Unavailable) {
		t.Errorf("got %v", err)
	}
	w.want(l, ada, "")
	w.now = w.now.Add(time.Nanosecond)
	w.want(l, ada, fault.Unavailable)
	w.events.down = false
	w.refresh(l)
	w.want(l, ada, "")
}

// TestMeddled: who can write to the store cannot lift a revocation.
func TestMeddled(t *testing.T) {
	for name, change := range map[string]func([]event.Event) []event.Event{
		"within: the first row deleted":  func(e []event.Event) []event.Event { return e[1:] },
		"within: a row in between":       func(e []event.Event) []event.Event { return append(e[:1:1], e[2:]...) },
		"the last row deleted":           func(e []event.Event) []event.Event { return e[:2] },
		"all rows deleted":               func([]event.Event) []event.Event { return nil },
		"within: a row in another place": func(e []event.Event) []event.Event { e[0].Body, e[1].Body = e[1].Body, e[0].Body; return e },
		"a row copied to the end": func(e []event.Event) []event.Event {
			return append(e, event.Event{Kind: e[0].Kind, ID: e[0].ID, N: 3, Body: e[1].Body})
		},
		"a forged row": func(e []event.Event) []event.Event {
			return append(e, event.Event{Kind: e[0].Kind, ID: e[0].ID, N: 3, Body: []byte(`{"subject":"ada","agency":"police","lift":true}`)})
		},
		"within: a row emptied": func(e []event.Event) []event.Event { e[0].Body = nil; return e },
	} {
		w := newWorld(t)
		for _, subject := range []string{"ada", "x", "y"} {
			w.add(revocation.Row{Subject: subject, Agency: "police"})
		}
		running, started := w.list(), w.list()
		w.refresh(running)
		w.announce(running)
		w.events.change = change
		if err := started.Refresh(t.Context()); fault.CodeOf(err) != revocation.Altered || !fault.Is(err, fault.Unavailable) {
			t.Errorf("%s: a gateway that starts: %v", name, err)
		}
		w.want(started, bare, fault.Unavailable)
		if err := started.Ready(); fault.CodeOf(err) != revocation.Altered {
			t.Errorf("%s: a gateway that starts says %v", name, err)
		}
		err := running.Refresh(t.Context())
		// One that runs knows the rows, and sees what became of the end.
		if inside := strings.HasPrefix(name, "within: "); err == nil && !inside {
			t.Errorf("%s: a gateway that runs sees nothing", name)
		}
		w.want(running, ada, fault.Unauthenticated)
		attacktest.Revocations.Refused(t, name, 1)
	}
}

func TestAddRefuses(t *testing.T) {
	w := newWorld(t)
	for _, r := range []revocation.Row{
		{}, {Reason: "x"}, {Subject: "a", Reason: "x"}, {Agency: "a", Reason: "x"}, {TokenID: "1", Reason: "x"}, {Issuer: "i", Reason: "x"},
		{Subject: "a", Agency: "b"}, {Subject: "a", Agency: "b", Certificate: "c", Reason: "x"},
	} {
		if err := w.list().Add(t.Context(), r); !fault.Is(err, fault.Invalid) {
			t.Errorf("%+v: %v", r, err)
		}
	}
}
