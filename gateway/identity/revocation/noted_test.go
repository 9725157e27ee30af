package revocation_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/concord-gateway/concord/gateway/attacktest"
	"github.com/concord-gateway/concord/gateway/event"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/identity/revocation"
)

// TestAnnounce notes each row once, also by another gateway, and again what could
// not be noted.
func TestAnnounce(t *testing.T) {
	w := newWorld(t)
	w.add(revocation.Row{Subject: "ada", Agency: "police"})
	w.add(revocation.Row{Certificate: "cert-a"})
	var noted []string
	fail := true
	note := func(ctx context.Context, n int64, r *revocation.Row, digest string) error {
		if r.Of() == "certificate" && fail {
			return fault.New(fault.Unavailable, "test", "down")
		}
		noted = append(noted, r.Of())
		return w.log.note(ctx, n, r, digest)
	}
	for range 3 {
		l := w.list()
		w.refresh(l)
		err := l.Announce(t.Context(), note)
		if (err != nil) != fail {
			t.Error(err)
		}
		fail = false
	}
	if len(noted) != 2 || noted[0] != "subject" || noted[1] != "certificate" {
		t.Errorf("noted %v", noted)
	}
}

// three is a world with three rows, all of them noted.
func three(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	for _, subject := range []string{"x", "y", "ada"} {
		w.add(revocation.Row{Subject: subject, Agency: "police"})
	}
	l := w.list()
	w.refresh(l)
	w.announce(l)
	return w
}

// cut is what is left when rows from n on are cut off the end.
func cut(n int) func([]event.Event) []event.Event {
	return func(e []event.Event) []event.Event { return e[:min(n, len(e))] }
}

func (w *world) wantAltered(what string, err error, hint string) {
	w.Helper()
	if !fault.Is(err, fault.Unavailable) || fault.CodeOf(err) != revocation.Altered || !strings.Contains(err.Error(), hint) {
		w.Errorf("%s: %v", what, err)
	}
}

// TestMeddledAndReplaced: others are put where rows were cut off, as many as there were
// or more, by who has the keys: the digest tells.
func TestMeddledAndReplaced(t *testing.T) {
	for _, more := range []int{0, 1} {
		w := three(t)
		running := w.list()
		w.refresh(running)
		forged := newWorld(t) // another list under the same keys
		forged.keys = w.keys
		for _, subject := range []string{"x", "z", "ada", "w"}[:3+more] {
			forged.add(revocation.Row{Subject: subject, Agency: "police"})
		}
		rows, err := forged.events.Store.Stream(t.Context(), "revocation", "list")
		if err != nil {
			t.Fatal(err)
		}
		w.events.change = func([]event.Event) []event.Event { return rows }
		w.wantAltered("a gateway that runs", running.Refresh(t.Context()), "others than before")
		w.wantAltered("a gateway that starts", w.list().Refresh(t.Context()), "not those that the log has")
		attacktest.Revocations.Refused(t, fmt.Sprintf("rows replaced, %d more", more), 1)
	}
}

// TestRestore adds nothing to a list that was cut, and Restore makes it whole from
// the log: then everybody who was refused is refused again.
func TestRestore(t *testing.T) {
	w := three(t)
	whole := w.events
	for n := range 3 {
		left := newWorld(t)
		left.keys, left.log = w.keys, w.log
		rows, err := whole.Stream(t.Context(), "revocation", "list")
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range rows[:n] {
			if err := left.events.Insert(t.Context(), e); err != nil {
				t.Fatal(err)
			}
		}
		running := left.list()
		left.wantAltered("a gateway", running.Refresh(t.Context()), "--restore")
		left.wantAltered("an operator", left.list().Add(t.Context(), revocation.Row{Subject: "v", Agency: "police", Reason: "left"}), "--restore")
		if got, err := left.list().Restore(t.Context(), left.log.all()); err != nil || got != 3-n {
			t.Errorf("of 3 rows %d were left: %d put back, %v", n, got, err)
		}
		if got, err := left.list().Restore(t.Context(), left.log.all()); err != nil || got != 0 {
			t.Errorf("again: %d put back, %v", got, err)
		}
		left.refresh(running)
		left.want(running, ada, fault.Unauthenticated)
		left.want(running, bare, "")
		left.add(revocation.Row{Subject: "cy", Agency: "police"})
		left.refresh(running)
		left.want(running, bare, fault.Unauthenticated)
	}
}

// TestNotedMeanwhile: a row that was stored and noted between a gateway's two looks is
// no row that is missing; and one that is gone at the second look is.
func TestNotedMeanwhile(t *testing.T) {
	w := three(t)
	running := w.list()
	w.refresh(running)
	w.want(running, bare, "")
	w.log.before = func() {
		w.add(revocation.Row{Subject: "cy", Agency: "police"})
		other := w.list()
		w.refresh(other)
		w.announce(other)
	}
	w.refresh(running)
	w.want(running, bare, fault.Unauthenticated)
	w.events.change = cut(3)
	late := w.list()
	w.wantAltered("a gateway that starts", late.Refresh(t.Context()), "lacks rows")
}

// TestLogUnknown: what the log has must be known; and a log of an earlier release,
// which has no digests, holds the rows that it names.
func TestLogUnknown(t *testing.T) {
	w := three(t)
	l := w.list()
	w.log.err = fault.New(fault.Unavailable, "test", "down")
	if err := l.Refresh(t.Context()); !fault.Is(err, fault.Unavailable) || fault.CodeOf(err) != "" {
		t.Errorf("got %v", err)
	}
	w.want(l, bare, fault.Unavailable)
	if err := l.Ready(); !fault.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), "down") {
		t.Errorf("it says %v", err)
	}
	w.log.err = nil
	for n, note := range w.log.notes {
		note.Digest = ""
		w.log.notes[n] = note
	}
	w.refresh(l)
	if err := l.Ready(); err != nil {
		t.Error(err)
	}
	note := w.log.notes[2]
	note.Row.Lift = true
	w.log.notes[2] = note
	w.wantAltered("another row in the log", w.list().Refresh(t.Context()), "not those that the log has")
	w.events.change = cut(2)
	w.wantAltered("a gateway that starts", w.list().Refresh(t.Context()), "lacks rows")
}
