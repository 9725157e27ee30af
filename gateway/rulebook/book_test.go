package rulebook_test

import (
	"context"
	"sync"
	"testing"

	"github.com/concord-gateway/concord/gateway/rulebook"
)

// TestBook swaps the rules while requests run: each sees one revision from its
// beginning to its end, and one that begins after a swap sees the new ones.
func TestBook(t *testing.T) {
	t.Parallel()
	d := read(t, shipped(t))
	first, second := rules(t, d, rulebook.Choice{}), rules(t, d, d.Newest())
	if first.Revision() == second.Revision() {
		t.Fatal("nothing to tell the rules apart by")
	}
	book := rulebook.NewBook(first)
	if book.Current() != first || book.In(context.Background()) != first {
		t.Error("the book does not open with its rules")
	}
	var requests sync.WaitGroup
	for range 4 {
		requests.Go(func() {
			for range 500 {
				ctx := book.Bind(t.Context())
				was := book.In(ctx)
				for range 5 {
					if book.In(ctx) != was {
						t.Error("the rules changed within a request")
						return
					}
				}
			}
		})
	}
	for range 500 {
		bound := book.Bind(t.Context())
		now := second
		if book.Current() == second {
			now = first
		}
		old := book.Current()
		book.Swap(now)
		if book.In(bound) != old || book.In(t.Context()) != now || book.In(book.Bind(bound)) != now {
			t.Fatal("a request does not keep its rules, or the next does not get the new ones")
		}
	}
	requests.Wait()
}
