package revocation_test

import (
	"encoding/json"
	"fmt"
	"strconv"
	"testing"

	"github.com/concord-gateway/concord/gateway/event"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/identity"
	"github.com/concord-gateway/concord/gateway/identity/revocation"
	"github.com/concord-gateway/concord/gateway/keyring"
)

// robot is who the last of 6000 rows is about.
var robot = identity.Credential{Agency: "police", Subject: "robot-5999", Issuer: "https://id.example"}

// many are as many rows, sealed for their places, in the place of what is stored.
func (w *world) many(n int) {
	w.Helper()
	sealer, err := w.keys.Sealer(w.Context(), keyring.RevocationScope)
	if err != nil {
		w.Fatal(err)
	}
	rows := make([]event.Event, n)
	for i := range rows {
		body, err := json.Marshal(revocation.Row{Subject: fmt.Sprintf("robot-%d", i), Agency: "police", Reason: "lost", At: w.now})
		if err != nil {
			w.Fatal(err)
		}
		sealed, err := sealer.Seal(body, []byte("concord revocation v1\x00revocation\x00"+strconv.Itoa(i)))
		if err != nil {
			w.Fatal(err)
		}
		rows[i] = event.Event{Kind: "revocation", ID: "list", N: int64(i), Body: sealed}
	}
	w.events.change = func([]event.Event) []event.Event { return rows }
}

// TestManyNotNoted: thousands of rows that nobody has noted are in force at once, with
// few looks into the log, and are noted piece by piece.
func TestManyNotNoted(t *testing.T) {
	const rows = 6000
	w := newWorld(t)
	w.many(rows)
	l := w.list()
	pieces := 0
	for noted := 0; noted < rows; pieces++ {
		w.log.asked = 0
		w.refresh(l)
		if w.log.asked > 16 {
			t.Errorf("with %d noted the log was asked %d times", noted, w.log.asked)
		}
		w.announce(l)
		if got := len(w.log.notes); got <= noted || got > noted+1000 {
			t.Fatalf("%d are noted, were %d", got, noted)
		}
		noted = len(w.log.notes)
	}
	if pieces < 6 {
		t.Errorf("they were noted in %d pieces", pieces)
	}
	w.want(l, robot, fault.Unauthenticated)
	w.refresh(w.list())
}

// TestSlowLog: where the log answers so slowly that a reading has time for few looks,
// what each has found is kept, and the list is held in the end.
func TestSlowLog(t *testing.T) {
	const rows = 6000
	w := newWorld(t)
	w.many(rows)
	running := w.list()
	w.refresh(running)
	for len(w.log.notes) < rows/2 {
		other := w.list()
		w.refresh(other)
		w.announce(other)
	}
	readings := 0
	for looks := 4; ; readings++ {
		w.log.left = &looks
		err := running.Refresh(t.Context())
		if err == nil {
			break
		}
		if looks = 4; !fault.Is(err, fault.Unavailable) || readings > 10 {
			t.Fatalf("reading %d: %v", readings, err)
		}
	}
	if readings == 0 {
		t.Error("it took no more than one reading")
	}
	w.want(running, robot, fault.Unauthenticated)
}

// TestNoteHidden: rows cut off the end are missed at a start too where the note of the
// first of them is not found by its number any more; and the newest note has to be.
func TestNoteHidden(t *testing.T) {
	w := three(t)
	w.log.hidden = map[int64]bool{1: true}
	w.refresh(w.list())
	w.events.change = cut(1)
	w.wantAltered("cut off, and the next note hidden", w.list().Refresh(t.Context()), "lacks rows")
	w.events.change = nil
	w.log.hidden = map[int64]bool{2: true}
	w.wantAltered("the newest note hidden", w.list().Refresh(t.Context()), "reindex")
}

// TestRestoreRefuses notes that do not agree with what is left, with their own digests,
// or of which the last was made without one.
func TestRestoreRefuses(t *testing.T) {
	for name, change := range map[string]func(notes []revocation.Note) []revocation.Note{
		"another row that is left":  func(n []revocation.Note) []revocation.Note { n[0].Row.Subject = "nobody"; return n },
		"another row that is gone":  func(n []revocation.Note) []revocation.Note { n[1].Row.Subject = "nobody"; return n },
		"lifted":                    func(n []revocation.Note) []revocation.Note { n[2].Row.Lift = true; return n },
		"no digest, and another":    func(n []revocation.Note) []revocation.Note { n[1].Digest, n[1].Row.Subject = "", "nobody"; return n },
		"the last without a digest": func(n []revocation.Note) []revocation.Note { n[2].Digest, n[2].Row.Subject = "", "nobody"; return n },
		"a lift more": func(n []revocation.Note) []revocation.Note {
			r := n[2]
			r.Digest, r.Row.Lift = "", true
			return append(n, r)
		},
		"no row at all": func(n []revocation.Note) []revocation.Note { n[2].Row.Subject = ""; return n },
	} {
		w := three(t)
		rows, err := w.events.Stream(t.Context(), "revocation", "list")
		if err != nil {
			t.Fatal(err)
		}
		left := newWorld(t)
		left.keys = w.keys
		if err := left.events.Insert(t.Context(), rows[0]); err != nil {
			t.Fatal(err)
		}
		n, err := left.list().Restore(t.Context(), change(w.log.all()))
		left.wantAltered(name, err, "")
		if n != 0 {
			t.Errorf("%s: %d rows were put back", name, n)
		}
	}
	// Of an earlier release: none has a digest, or a later one speaks for them.
	for digested := range 4 {
		w := three(t)
		notes := w.log.all()
		for n := range notes[:digested] {
			notes[n].Digest = ""
		}
		w.events = newWorld(t).events
		w.log.notes = nil
		if n, err := w.list().Restore(t.Context(), notes); err != nil || n != 3 {
			t.Errorf("%d without a digest: %d, %v", digested, n, err)
		}
	}
}
