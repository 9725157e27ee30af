package storetest

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/concord-gateway/concord/gateway/event"
)

func walk(t *testing.T, s event.Store) (all []event.Event) {
	t.Helper()
	must(t, s.Walk(t.Context(), func(e *event.Event) error {
		all = append(all, event.Event{Kind: e.Kind, ID: e.ID, N: e.N, Body: bytes.Clone(e.Body)})
		return nil
	}))
	return all
}

// eventsWalkNames has names of which one begins like another, and one stream longer
// than any engine would hold in one page.
func eventsWalkNames(t *testing.T, s event.Store) {
	wantEvents(t, walk(t, s), nil)
	var all []event.Event
	for _, kind := range []string{"a", "A", "aa", "a ", "a\x00", "b", "\u00e9"} {
		for _, id := range []string{"a", "a\x00b", "ab", "B", "\U0001f512"} {
			for n := range int64(2) {
				all = append(all, ev(kind, id, n, fmt.Sprint(kind, id, n)))
			}
		}
	}
	for n := range int64(300) {
		all = append(all, ev("long", "one", n, fmt.Sprint("row ", n)))
	}
	all = append(all, event.Event{Kind: "nothing", ID: "in it"})
	insertEvents(t, s, all...)
	slices.SortFunc(all, func(a, b event.Event) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.ID, b.ID), cmp.Compare(a.N, b.N))
	})
	wantEvents(t, walk(t, s), nil, all...)
}

func eventsWalkStops(t *testing.T, s event.Store) {
	for n := range int64(10) {
		insertEvents(t, s, ev("k", "a", n, "x"))
	}
	calls := 0
	err := s.Walk(t.Context(), func(*event.Event) error {
		if calls++; calls == 4 {
			return fmt.Errorf("at four: %w", errStop)
		}
		return nil
	})
	if !errors.Is(err, errStop) || calls != 4 {
		t.Errorf("error is %v after %d calls, want that of the fourth call", err, calls)
	}
}

// eventsWalkShares reads, writes and walks from within a walk, deeper than a
// pool of connections would bear.
func eventsWalkShares(t *testing.T, s event.Store) {
	insertEvents(t, s, ev("k", "a", 0, "x"))
	var nest func(depth int) error
	nest = func(depth int) error {
		return s.Walk(t.Context(), func(e *event.Event) error {
			if e.N != 0 {
				return nil
			}
			if depth > 0 {
				return nest(depth - 1)
			}
			got, err := s.Stream(t.Context(), "k", "a")
			wantEvents(t, got, err, *e)
			return s.Insert(t.Context(), ev("k", "a", 1, "y"))
		})
	}
	must(t, nest(20))
	wantEvents(t, walk(t, s), nil, ev("k", "a", 0, "x"), ev("k", "a", 1, "y"))
}
