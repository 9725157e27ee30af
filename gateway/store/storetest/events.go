package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/concord-gateway/concord/gateway/event"
	"github.com/concord-gateway/concord/gateway/fault"
)

// Events holds a store against the port event.Store.
func Events(t *testing.T, open func(t *testing.T) event.Store) {
	t.Helper()
	for _, c := range []struct {
		name string
		test func(*testing.T, event.Store)
	}{
		{"StreamInOrder", eventsStream},
		{"UnknownThing", eventsUnknown},
		{"BodiesAsTheyWere", eventsBodies},
		{"TakenNumber", eventsTaken},
		{"Invalid", eventsInvalid},
		{"KindsAndIDsAreExact", eventsExact},
		{"OneWinner", eventsOneWinner},
		{"ListPages", eventsList},
		{"ListByteOrder", eventsByteOrder},
		{"Walk", eventsWalk},
		{"WalkNames", eventsWalkNames},
		{"WalkStops", eventsWalkStops},
		{"WalkSharesTheStore", eventsWalkShares},
		{"Cancelled", eventsCancelled},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, open(t)) })
	}
}

func insertEvents(t *testing.T, s event.Store, events ...event.Event) {
	t.Helper()
	for _, e := range events {
		must(t, s.Insert(t.Context(), e))
	}
}

func wantEvents(t *testing.T, got []event.Event, err error, want ...event.Event) {
	t.Helper()
	must(t, err)
	if diff := cmp.Diff(want, got, same()); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

func ev(kind, id string, n int64, body string) event.Event {
	return event.Event{Kind: kind, ID: id, N: n, Body: []byte(body)}
}

func eventsStream(t *testing.T, s event.Store) {
	want := make([]event.Event, 12)
	for i := range want {
		want[i] = ev("case-link", "a", int64(i), fmt.Sprint("row ", i))
	}
	insertEvents(t, s, want[1:]...)
	insertEvents(t, s, want[0], ev("case-link", "b", 0, "another thing"), ev("edition", "a", 0, "another kind"))
	got, err := s.Stream(t.Context(), "case-link", "a")
	wantEvents(t, got, err, want...)
	last, err := s.Last(t.Context(), "case-link", "a")
	wantEvents(t, []event.Event{last}, err, want[11])
}

func eventsUnknown(t *testing.T, s event.Store) {
	insertEvents(t, s, ev("case-link", "a", 0, "x"))
	got, err := s.Stream(t.Context(), "case-link", "b")
	wantEvents(t, got, err)
	got, err = s.List(t.Context(), "edition", "", 10)
	wantEvents(t, got, err)
	_, err = s.Last(t.Context(), "case-link", "b")
	wantKind(t, err, fault.NotFound)
}

func eventsBodies(t *testing.T, s event.Store) {
	for name, body := range map[string][]byte{
		"nil": nil, "empty": {}, "zero": {0}, "all": bytes.Repeat([]byte{0, 0xff, '\'', 0xc3}, 1<<18),
	} {
		want := event.Event{Kind: "k", ID: name, Body: body}
		insertEvents(t, s, want)
		got, err := s.Last(t.Context(), "k", name)
		wantEvents(t, []event.Event{got}, err, want)
	}
}

func eventsTaken(t *testing.T, s event.Store) {
	first := ev("k", "a", 0, "first")
	insertEvents(t, s, first)
	for _, again := range []event.Event{first, ev("k", "a", 0, "second")} {
		wantKind(t, s.Insert(t.Context(), again), fault.Conflict)
	}
	got, err := s.Stream(t.Context(), "k", "a")
	wantEvents(t, got, err, first)
}

func eventsInvalid(t *testing.T, s event.Store) {
	for _, e := range []event.Event{ev("", "a", 0, "x"), ev("k", "", 0, "x"), ev("k", "a", -1, "x")} {
		wantKind(t, s.Insert(t.Context(), e), fault.Invalid)
	}
}

// eventsExact has names that a store might fold together: by case, by Unicode
// normal form, by a trailing space or a byte that ends strings elsewhere.
func eventsExact(t *testing.T, s event.Store) {
	names := []string{"name", "Name", "n\u00e4me", "na\u0308me", "name ", "name\x00", "name\x00x", "%", "_ame", "\U0001f512"}
	for i, name := range names {
		insertEvents(t, s, ev("k", name, 0, fmt.Sprint(i)), ev(name, "k", 0, fmt.Sprint(i)))
	}
	for i, name := range names {
		got, err := s.Stream(t.Context(), "k", name)
		wantEvents(t, got, err, ev("k", name, 0, fmt.Sprint(i)))
		got, err = s.List(t.Context(), name, "", 10)
		wantEvents(t, got, err, ev(name, "k", 0, fmt.Sprint(i)))
	}
}

// eventsOneWinner lets writers race for each number of a stream: exactly one
// may be told that it won, and its body is the one stored.
func eventsOneWinner(t *testing.T, s event.Store) {
	const writers, rows = 8, 20
	won := make([][]string, rows)
	var mu sync.Mutex
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for n := range rows {
				body := fmt.Sprint("writer ", w)
				err := s.Insert(t.Context(), ev("k", "a", int64(n), body))
				if err == nil {
					mu.Lock()
					won[n] = append(won[n], body)
					mu.Unlock()
				} else if !fault.Is(err, fault.Conflict) {
					t.Errorf("row %d: %v", n, err)
				}
			}
		})
	}
	wg.Wait()
	got, err := s.Stream(t.Context(), "k", "a")
	must(t, err)
	if len(got) != rows {
		t.Fatalf("%d rows, want %d", len(got), rows)
	}
	for n, e := range got {
		if len(won[n]) != 1 || won[n][0] != string(e.Body) {
			t.Errorf("row %d was won by %q and holds %q", n, won[n], e.Body)
		}
	}
}

func eventsList(t *testing.T, s event.Store) {
	var want []event.Event
	for i := range 7 {
		id := fmt.Sprintf("id-%d", 6-i)
		for n := range int64(i + 1) {
			insertEvents(t, s, ev("k", id, n, fmt.Sprint(id, " row ", n)))
		}
		want = append([]event.Event{ev("k", id, int64(i), fmt.Sprint(id, " row ", i))}, want...)
	}
	insertEvents(t, s, ev("other", "id-0", 9, "another kind"))
	for _, limit := range []int{1, 2, 3, 7, 100} {
		var got []event.Event
		after := ""
		for {
			page, err := s.List(t.Context(), "k", after, limit)
			must(t, err)
			if len(page) > limit {
				t.Fatalf("a page of %d has %d rows", limit, len(page))
			}
			if len(page) == 0 {
				break
			}
			got = append(got, page...)
			after = page[len(page)-1].ID
		}
		wantEvents(t, got, nil, want...)
	}
	got, err := s.List(t.Context(), "k", "id-55", 2) // need not be there
	wantEvents(t, got, err, want[6])
	got, err = s.List(t.Context(), "k", "", 0)
	wantEvents(t, got, err)
}

func eventsByteOrder(t *testing.T, s event.Store) {
	ids := []string{"A", "Z", "a", "a ", "aa", "b", "\u00e4", "\uffee", "\U0001f512"}
	var want []event.Event
	for i := range ids {
		want = append(want, ev("k", ids[i], 0, "x"))
		insertEvents(t, s, ev("k", ids[len(ids)-1-i], 0, "x"))
	}
	got, err := s.List(t.Context(), "k", "", 100)
	wantEvents(t, got, err, want...)
}

// eventsWalk has more rows than any page holds, and a caller who writes and stops.
func eventsWalk(t *testing.T, s event.Store) {
	must(t, s.Walk(t.Context(), func(*event.Event) error { return errStop })) // nothing to stop at
	var want []event.Event
	for _, kind := range []string{"A", "a", "b", "\u00e4"} {
		for _, id := range []string{"1", "10", "2", "\u00e4"} {
			for n := range int64(25) {
				want = append(want, ev(kind, id, n, fmt.Sprint(kind, id, n)))
			}
		}
	}
	for i := range want {
		insertEvents(t, s, want[(i*7)%len(want)])
	}
	var got []event.Event
	err := s.Walk(t.Context(), func(e *event.Event) error {
		c := *e
		c.Body = bytes.Clone(e.Body)
		got = append(got, c)
		if len(got)%100 == 0 {
			_, err := s.Last(t.Context(), e.Kind, e.ID)
			return err
		}
		return nil
	})
	wantEvents(t, got, err, want...)
	n := 0
	err = s.Walk(t.Context(), func(*event.Event) error {
		if n++; n == 3 {
			return errStop
		}
		return nil
	})
	if !errors.Is(err, errStop) || n != 3 {
		t.Errorf("stopped after %d rows with %v", n, err)
	}
}

func eventsCancelled(t *testing.T, s event.Store) {
	ctx := cancelled(t)
	for name, call := range map[string]func(context.Context) error{
		"Insert": func(ctx context.Context) error { return s.Insert(ctx, ev("k", "a", 0, "x")) },
		"Stream": func(ctx context.Context) error { _, err := s.Stream(ctx, "k", "a"); return err },
		"Last":   func(ctx context.Context) error { _, err := s.Last(ctx, "k", "a"); return err },
		"List":   func(ctx context.Context) error { _, err := s.List(ctx, "k", "", 1); return err },
		"Walk":   func(ctx context.Context) error { return s.Walk(ctx, func(*event.Event) error { return nil }) },
	} {
		t.Run(name, func(t *testing.T) { wantKind(t, call(ctx), fault.Unavailable) })
	}
}
