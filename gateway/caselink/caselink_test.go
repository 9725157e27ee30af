package caselink_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/concord-gateway/concord/gateway/caselink"
	"github.com/concord-gateway/concord/gateway/dataset"
	"github.com/concord-gateway/concord/gateway/event"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/keyring/local"
	"github.com/concord-gateway/concord/gateway/linkage"
	"github.com/concord-gateway/concord/gateway/store/sqlite"
)

var start = time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)

var (
	ann = caselink.Analyst{Subject: "ann@police.example", Agency: "police"}
	bob = caselink.Analyst{Subject: "bob@police.example", Agency: "police"}
)

// open returns a register over a real store and keyring.
func open(t *testing.T) (*caselink.Register, *sqlite.DB) {
	t.Helper()
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	db, err := sqlite.Open(t.Context(), dir, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	keys, err := local.Open(filepath.Join(dir, "keys"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = keys.Close()
		_ = db.Close()
	})
	return caselink.New(db.Events(), keys), db
}

func subject(t *testing.T, ids map[dataset.IdentifierType]string) linkage.Subject {
	t.Helper()
	s, err := linkage.NewSubject(ids)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func nhs(t *testing.T, number string) linkage.Subject {
	t.Helper()
	return subject(t, map[dataset.IdentifierType]string{dataset.NHSNumber: number})
}

func add(t *testing.T, r *caselink.Register, state string, a caselink.Analyst, caseRef string, s linkage.Subject, at time.Time) caselink.Link {
	t.Helper()
	l := caselink.Link{ID: uuid.NewString(), State: state, CaseRef: caseRef, Analyst: a, Subject: s, By: "sue@police.example", At: at}
	if err := r.Add(t.Context(), l); err != nil {
		t.Fatal(err)
	}
	return l
}

func state(t *testing.T, r *caselink.Register, a caselink.Analyst, caseRef string, s linkage.Subject, at time.Time) string {
	t.Helper()
	got, err := r.State(t.Context(), a, caseRef, s, at)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// TestState holds which links count for whom, and when.
func TestState(t *testing.T) {
	t.Parallel()
	r, _ := open(t)
	one, other := nhs(t, "9990000018"), nhs(t, "9990000026")
	claim := add(t, r, caselink.SelfClaimed, ann, "OP-1", one, start)
	add(t, r, caselink.Assigned, bob, "OP-1", one, start)
	if !claim.Expires().Equal(start.Add(24 * time.Hour)) {
		t.Errorf("a claim ends at %v", claim.Expires())
	}
	for _, c := range []struct {
		name    string
		analyst caselink.Analyst
		caseRef string
		subject linkage.Subject
		at      time.Time
		want    string
	}{
		{"claimed", ann, "OP-1", one, start, caselink.SelfClaimed},
		{"claimed, last moment", ann, "OP-1", one, start.Add(24*time.Hour - 1), caselink.SelfClaimed},
		{"claimed, ended", ann, "OP-1", one, start.Add(24 * time.Hour), caselink.None},
		{"claimed, before it was", ann, "OP-1", one, start.Add(-1), caselink.None},
		{"another case", ann, "OP-2", one, start, caselink.None},
		{"another person", ann, "OP-1", other, start, caselink.None},
		{"assigned", bob, "OP-1", one, start, caselink.Assigned},
		{"assigned, much later", bob, "OP-1", one, start.AddDate(5, 0, 0), caselink.Assigned},
		{"the same name elsewhere", caselink.Analyst{Subject: bob.Subject, Agency: "other"}, "OP-1", one, start, caselink.None},
		{"parts that run together", caselink.Analyst{Subject: bob.Subject + "OP-1", Agency: "police"}, "", one, start, caselink.None},
		{"nobody", ann, "OP-1", linkage.Subject{}, start, caselink.None},
	} {
		if got := state(t, r, c.analyst, c.caseRef, c.subject, c.at); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
	// The stronger of two links to the same person counts.
	add(t, r, caselink.Assigned, ann, "OP-1", one, start.Add(time.Hour))
	if got := state(t, r, ann, "OP-1", one, start.Add(2*time.Hour)); got != caselink.Assigned {
		t.Errorf("claimed and assigned: %s", got)
	}
}

// TestStateOfSeveralIdentifiers takes the weakest over the identifiers.
func TestStateOfSeveralIdentifiers(t *testing.T) {
	t.Parallel()
	r, _ := open(t)
	pnc := subject(t, map[dataset.IdentifierType]string{dataset.PNCID: "2002/0073319Z"})
	both := subject(t, map[dataset.IdentifierType]string{dataset.NHSNumber: "9990000018", dataset.PNCID: "02/73319Z"})
	add(t, r, caselink.Assigned, ann, "OP-1", nhs(t, "9990000018"), start)
	if got := state(t, r, ann, "OP-1", both, start); got != caselink.None {
		t.Errorf("one of two: %s", got)
	}
	add(t, r, caselink.SelfClaimed, ann, "OP-1", pnc, start)
	if got := state(t, r, ann, "OP-1", both, start); got != caselink.SelfClaimed {
		t.Errorf("one assigned, one claimed: %s", got)
	}
	add(t, r, caselink.Assigned, bob, "OP-1", both, start)
	for _, s := range []linkage.Subject{both, pnc, nhs(t, "9990000018")} {
		if got := state(t, r, bob, "OP-1", s, start); got != caselink.Assigned {
			t.Errorf("linked by both: %s", got)
		}
	}
}

// TestAddAtOnce keeps every link that is made at once to the same person.
func TestAddAtOnce(t *testing.T) {
	t.Parallel()
	r, db := open(t)
	one := nhs(t, "9990000018")
	var wg sync.WaitGroup
	for range 6 {
		wg.Go(func() {
			l := caselink.Link{ID: uuid.NewString(), State: caselink.SelfClaimed, CaseRef: "OP-1", Analyst: ann, Subject: one, At: start}
			if err := r.Add(t.Context(), l); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	last, err := db.Events().List(t.Context(), "case-link", "", 10)
	if err != nil || len(last) != 1 || last[0].N != 5 {
		t.Errorf("%+v, %v", last, err)
	}
}

// TestInvariant05LinksNameNobody holds that the store is told neither who is
// looked at nor by whom nor in which case, but by keyed hashes.
func TestInvariant05LinksNameNobody(t *testing.T) {
	t.Parallel()
	r, db := open(t)
	add(t, r, caselink.Assigned, ann, "OP-LANTERN", nhs(t, "9990000018"), start)
	rows, err := db.Events().List(t.Context(), "case-link", "", 10)
	if err != nil || len(rows) != 1 {
		t.Fatalf("%v, %v", rows, err)
	}
	entries, err := db.Events().List(t.Context(), "case-link-entry", "", 10)
	if err != nil || len(entries) != 1 {
		t.Fatalf("%v, %v", entries, err)
	}
	for _, row := range append(rows, entries...) {
		for _, secret := range []string{"9990000018", "OP-LANTERN", ann.Subject, rows[0].ID} {
			if strings.Contains(string(row.Body), secret) || row.Kind == "case-link-entry" && strings.Contains(row.ID, secret) {
				t.Errorf("the store reads %q: %s %s", secret, row.ID, row.Body)
			}
		}
	}
}

// sick is an event store that fails.
type sick struct{ event.Store }

func (sick) Stream(context.Context, string, string) ([]event.Event, error) {
	return nil, fault.New(fault.Unavailable, "test", "It is ill.")
}

// TestInvariant03LinksFailClosed answers an error, and no link, where the store
// or the keys cannot answer; and takes a row that cannot be read for none.
func TestInvariant03LinksFailClosed(t *testing.T) {
	t.Parallel()
	r, db := open(t)
	one := nhs(t, "9990000018")
	add(t, r, caselink.Assigned, ann, "OP-1", one, start)
	keys, err := local.Open(filepath.Join(t.TempDir(), "keys"))
	if err != nil {
		t.Fatal(err)
	}
	got, err := caselink.New(sick{db.Events()}, keys).State(t.Context(), ann, "OP-1", one, start)
	if got != caselink.None || !fault.Is(err, fault.Unavailable) {
		t.Errorf("an ill store: %s, %v", got, err)
	}
	if got := state(t, caselink.New(db.Events(), keys), ann, "OP-1", one, start); got != caselink.None {
		t.Errorf("under another key: %s", got)
	}
	if err := keys.Close(); err != nil {
		t.Fatal(err)
	}
	got, err = caselink.New(db.Events(), keys).State(t.Context(), ann, "OP-1", one, start)
	if got != caselink.None || err == nil {
		t.Errorf("closed keys: %s, %v", got, err)
	}
	rows, err := db.Events().List(t.Context(), "case-link", "", 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Events().Insert(t.Context(), event.Event{Kind: "case-link", ID: rows[0].ID, N: 1, Body: []byte("{")}); err != nil {
		t.Fatal(err)
	}
	if got := state(t, r, ann, "OP-1", one, start); got != caselink.Assigned {
		t.Errorf("with a broken row behind it: %s", got)
	}
}
