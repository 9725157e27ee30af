package policy

import (
	"sync/atomic"

	"github.com/open-policy-agent/opa/v1/ast"
)

// decoded are the parts of answers that stand ready in the data, as Go has them:
// each is decoded when it is first given, and shared by every decision after. A
// part is known by its identity, since the evaluator hands on what is in the data
// as it is. What the rules have put together is another value, and is decoded
// every time.
type decoded struct {
	decisions   shared[wireDecision]
	groups      shared[GroupDecision]
	withheld    shared[wireWithheld]
	obligations shared[Obligations]
}

// shared holds for each value that is known what it is decoded to, once somebody
// has. The map does not change, so that it needs no lock.
type shared[T any] map[ast.Object]*atomic.Pointer[T]

// newDecoded knows the ready answers of the data, and has decoded none.
func newDecoded(data ast.Value) *decoded {
	known := &decoded{shared[wireDecision]{}, shared[GroupDecision]{}, shared[wireWithheld]{}, shared[Obligations]{}}
	// Keyed by provider, recipient, dataset, and then purpose and kind, ground or code.
	for name, depth := range map[string]int{"agreements": 5, "emergencies": 4} {
		eachBelow(member(data, name), depth, func(use ast.Value) { known.add(member(use, "alone")) })
	}
	eachBelow(member(data, "amiss"), 4, known.add)
	return known
}

// add knows the answer of one group and its parts.
func (k *decoded) add(alone ast.Value) {
	answer := member(alone, "answer")
	k.decisions.know(answer)
	k.groups.knowEach(member(answer, "groups"))
	k.withheld.knowEach(member(answer, "withheld"))
	k.obligations.know(member(answer, "obligations"))
}

func (s shared[T]) know(v ast.Value) {
	if o, ok := v.(ast.Object); ok {
		s[o] = new(atomic.Pointer[T])
	}
}

func (s shared[T]) knowEach(v ast.Value) {
	if list, ok := v.(*ast.Array); ok {
		list.Foreach(func(t *ast.Term) { s.know(t.Value) })
	}
}

// decode gives what is known of a value, and decodes one that is not. Nothing is
// kept of what is not of the expected form.
func (s shared[T]) decode(d *decoder, v ast.Value, out *T, decode func(*decoder, ast.Value, *T)) {
	o, _ := v.(ast.Object)
	kept := s[o]
	if kept == nil {
		decode(d, v, out)
		return
	}
	if have := kept.Load(); have != nil {
		*out = *have
		return
	}
	if decode(d, v, out); d.err == nil {
		have := *out
		kept.Store(&have)
	}
}

// member is the member of an object with a name, or nil.
func member(v ast.Value, name string) ast.Value {
	if o, ok := v.(ast.Object); ok {
		if t := o.Get(ast.InternedTerm(name)); t != nil {
			return t.Value
		}
	}
	return nil
}

// eachBelow calls f with each value so many members down.
func eachBelow(v ast.Value, depth int, f func(ast.Value)) {
	if depth == 0 {
		f(v)
		return
	}
	if o, ok := v.(ast.Object); ok {
		o.Foreach(func(_, t *ast.Term) { eachBelow(t.Value, depth-1, f) })
	}
}
