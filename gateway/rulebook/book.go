package rulebook

import (
	"context"
	"sync/atomic"
)

// Book holds the rules of the moment. It is safe for concurrent use.
type Book struct {
	current atomic.Pointer[Rules]
	halted  atomic.Bool
}

// NewBook returns a book that opens with the given rules.
func NewBook(r *Rules) *Book {
	b := &Book{}
	b.current.Store(r)
	return b
}

// Current returns the rules of the moment.
func (b *Book) Current() *Rules { return b.current.Load() }

// Swap puts other rules in force. Requests under way keep theirs.
func (b *Book) Swap(r *Rules) { b.current.Store(r) }

// Halt says whether anything may be answered at all: not while rules that ought
// to be in force cannot be brought into force.
func (b *Book) Halt(halted bool) { b.halted.Store(halted) }

// Halted reports whether nothing may be answered.
func (b *Book) Halted() bool { return b.halted.Load() }

type contextKey struct{}

// Bind returns a context that carries the rules of the moment: everything done
// under it is done by them.
func (b *Book) Bind(ctx context.Context) context.Context {
	return context.WithValue(ctx, contextKey{}, b.Current())
}

// In returns the rules that a context carries, or those of the moment.
func (b *Book) In(ctx context.Context) *Rules {
	if r, ok := ctx.Value(contextKey{}).(*Rules); ok {
		return r
	}
	return b.Current()
}
