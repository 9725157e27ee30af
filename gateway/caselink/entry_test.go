package caselink_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/concord-gateway/concord/gateway/caselink"
	"github.com/concord-gateway/concord/gateway/dataset"
	"github.com/concord-gateway/concord/gateway/event"
	"github.com/concord-gateway/concord/gateway/fault"
)

func all(*caselink.Entry) bool { return true }

// TestEnd takes a link, and no other, out of force from then on, for every identifier
// that it was made with.
func TestEnd(t *testing.T) {
	t.Parallel()
	r, _ := open(t)
	both := subject(t, map[dataset.IdentifierType]string{dataset.NHSNumber: "9990000018", dataset.PNCID: "2002/0073319Z"})
	one := nhs(t, "9990000018")
	l := add(t, r, caselink.Assigned, ann, "OP-1", both, start)
	claim := add(t, r, caselink.SelfClaimed, ann, "OP-1", one, start.Add(time.Minute))
	add(t, r, caselink.Assigned, bob, "OP-1", both, start)
	end := start.Add(time.Hour)
	if err := r.End(t.Context(), "police", l.ID, "sue", end); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		got  string
		want string
	}{
		{"before", state(t, r, ann, "OP-1", both, end.Add(-1)), caselink.Assigned},
		{"from then on", state(t, r, ann, "OP-1", both, end), caselink.None},
		{"another link to the same person", state(t, r, ann, "OP-1", one, end), caselink.SelfClaimed},
		{"somebody else's", state(t, r, bob, "OP-1", both, end), caselink.Assigned},
	} {
		if c.got != c.want {
			t.Errorf("%s: %s, want %s", c.name, c.got, c.want)
		}
	}
	// Not twice, not by another agency, and it does not come back.
	if err := r.End(t.Context(), "police", l.ID, "sue", end); fault.CodeOf(err) != "link-ended" {
		t.Errorf("again: %v", err)
	}
	foreign, absent := r.End(t.Context(), "homes", claim.ID, "sue", end), r.End(t.Context(), "homes", "01a20202-f6b6-76df-9487-b2a7582ee4fe", "sue", end)
	if !fault.Is(foreign, fault.NotFound) || foreign.Error() != absent.Error() {
		t.Errorf("another agency's: %v; none: %v", foreign, absent)
	}
	if err := r.Add(t.Context(), l); fault.CodeOf(err) != "link-ended" {
		t.Errorf("made again: %v", err)
	}
	if got := state(t, r, ann, "OP-1", both, end); got != caselink.None {
		t.Errorf("made again: %s", got)
	}
}

// TestAddAgain completes what a crash left and changes nothing else; the id of another
// link is taken.
func TestAddAgain(t *testing.T) {
	t.Parallel()
	r, db := open(t)
	one := nhs(t, "9990000018")
	id, err := r.ImportID(t.Context(), "police", "CASE-1")
	if err != nil {
		t.Fatal(err)
	}
	again, _ := r.ImportID(t.Context(), "police", "CASE-1")
	other, _ := r.ImportID(t.Context(), "homes", "CASE-1")
	if again != id || other == id || len(id) != 36 || id[14] != '8' {
		t.Fatalf("ids %s, %s, %s", id, again, other)
	}
	l := caselink.Link{ID: id, Reference: "CASE-1", State: caselink.Assigned, CaseRef: "OP-1", Analyst: ann, Subject: one, By: "case-system", At: start}
	for range 3 {
		if err := r.Add(t.Context(), l); err != nil {
			t.Fatal(err)
		}
		l.At, l.By = l.At.Add(time.Hour), "another service"
	}
	rows, err := db.Events().List(t.Context(), "case-link", "", 10)
	if err != nil || len(rows) != 1 || rows[0].N != 0 {
		t.Errorf("%d streams, %v", len(rows), err)
	}
	l.Analyst = bob
	if err := r.Add(t.Context(), l); fault.CodeOf(err) != "reference-taken" {
		t.Errorf("for somebody else: %v", err)
	}
	if got := state(t, r, bob, "OP-1", one, start.AddDate(0, 1, 0)); got != caselink.None {
		t.Errorf("a refused link: %s", got)
	}
}

// TestList gives each agency its own links, page by page, and passes over what
// somebody else wrote into the store.
func TestList(t *testing.T) {
	t.Parallel()
	r, db := open(t)
	cal := caselink.Analyst{Subject: "cal@homes.example", Agency: "homes"}
	want := map[string]bool{}
	for i := range 5 {
		l := add(t, r, []string{caselink.Assigned, caselink.SelfClaimed}[i%2], ann, "OP-1", nhs(t, "9990000018"), start)
		want[l.ID] = true
	}
	add(t, r, caselink.Assigned, cal, "OP-1", nhs(t, "9990000018"), start)
	first, err := db.Events().List(t.Context(), "case-link-entry", "", 1)
	if err != nil {
		t.Fatal(err)
	}
	for id, body := range map[string][]byte{"0": []byte("{"), "1": first[0].Body} { // made up, and copied
		if err := db.Events().Insert(t.Context(), event.Event{Kind: "case-link-entry", ID: id, N: 0, Body: body}); err != nil {
			t.Fatal(err)
		}
	}
	got, pages := map[string]bool{}, 0
	for after := ""; ; pages++ {
		found, next, err := r.List(t.Context(), "police", after, 2, all)
		if err != nil || len(found) > 2 {
			t.Fatalf("%d links, %v", len(found), err)
		}
		for _, e := range found {
			got[e.ID] = true
		}
		if after = next; next == "" {
			break
		}
	}
	if diff := cmp.Diff(want, got); diff != "" || pages < 2 {
		t.Errorf("%d pages (-want +got):\n%s", pages, diff)
	}
	claimed, _, err := r.List(t.Context(), "police", "", 10, func(e *caselink.Entry) bool {
		return e.State == caselink.SelfClaimed && e.InForce(start.Add(23*time.Hour))
	})
	late, _, _ := r.List(t.Context(), "police", "", 10, func(e *caselink.Entry) bool {
		return e.State == caselink.SelfClaimed && e.InForce(start.Add(24*time.Hour))
	})
	if err != nil || len(claimed) != 2 || len(late) != 0 {
		t.Errorf("%d claimed, %d of them after a day, %v", len(claimed), len(late), err)
	}
}

// cutOff takes so many rows more, and then none.
type cutOff struct {
	event.Store

	left int
}

func (c *cutOff) Insert(ctx context.Context, e event.Event) error {
	if c.left--; c.left < 0 {
		return fault.New(fault.Unavailable, "test", "It is cut off.")
	}
	return c.Store.Insert(ctx, e)
}

// TestEndCutShort ends a link whose ending was cut off: what is out of force stays so,
// and ending it again completes it.
func TestEndCutShort(t *testing.T) {
	t.Parallel()
	r, db := open(t)
	both := subject(t, map[dataset.IdentifierType]string{dataset.NHSNumber: "9990000018", dataset.PNCID: "2002/0073319Z"})
	l := add(t, r, caselink.Assigned, ann, "OP-1", both, start)
	cut := &cutOff{Store: db.Events(), left: 1}
	broken := caselink.New(cut, caselink.Keys(r))
	if err := broken.End(t.Context(), "police", l.ID, "sue", start); !fault.Is(err, fault.Unavailable) {
		t.Fatal(err)
	}
	if got := state(t, r, ann, "OP-1", both, start); got != caselink.None {
		t.Errorf("half ended: %s", got)
	}
	if e, err := r.Find(t.Context(), "police", l.ID); err != nil || !e.InForce(start) {
		t.Errorf("half ended: %+v, %v", e, err)
	}
	if err := r.End(t.Context(), "police", l.ID, "sue", start); err != nil {
		t.Error(err)
	}
	if e, err := r.Find(t.Context(), "police", l.ID); err != nil || e.InForce(start) || e.EndedBy != "sue" {
		t.Errorf("ended: %+v, %v", e, err)
	}
}
