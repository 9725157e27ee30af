package linkage

import (
	"github.com/concord-gateway/concord/gateway/dataset"
	"github.com/concord-gateway/concord/gateway/record"
)

// evidence is what the request and the records found say about who is who.
type evidence struct {
	// strong holds the values seen of each strong type.
	strong map[dataset.IdentifierType]map[string]bool
	// parent is a union-find forest over the handles of the request and of all
	// records about one person: handles of one record are in one tree.
	parent map[handle]handle
	// hits are the handles of the forest that a record carries.
	hits map[handle]bool
}

func weigh(subject Subject, found map[record.Key]finding) *evidence {
	e := &evidence{
		strong: map[dataset.IdentifierType]map[string]bool{},
		parent: map[handle]handle{}, hits: map[handle]bool{},
	}
	for _, h := range subject.handles {
		e.add(h)
	}
	for _, c := range found {
		if !c.Several {
			e.person(c.handles)
		}
	}
	// Only now is every handle of the person known.
	for _, c := range found {
		for _, h := range c.handles {
			if _, known := e.parent[h]; known {
				e.hits[h] = true
			}
		}
	}
	return e
}

// person adds a record about one person: its handles belong together.
func (e *evidence) person(of []handle) {
	for _, h := range of {
		e.add(h)
		e.parent[e.root(h)] = e.root(of[0])
	}
}

func (e *evidence) add(h handle) {
	if _, known := e.parent[h]; known {
		return
	}
	e.parent[h] = h
	if h.kind == compound {
		return
	}
	if e.strong[h.kind] == nil {
		e.strong[h.kind] = map[string]bool{}
	}
	e.strong[h.kind][h.parts[0]] = true
}

func (e *evidence) root(h handle) handle {
	for e.parent[h] != h {
		h = e.parent[h]
	}
	return h
}

// conflict reports whether one strong identifier has two values.
func (e *evidence) conflict() bool {
	for _, values := range e.strong {
		if len(values) > 1 {
			return true
		}
	}
	return false
}

// joined reports whether all that was found hangs together by what the records
// carry.
func (e *evidence) joined() bool {
	roots := map[handle]bool{}
	for h := range e.hits {
		roots[e.root(h)] = true
	}
	return len(roots) == 1
}

// method names the first handle of the request that a record carries.
func (e *evidence) method(subject Subject) string {
	for _, h := range subject.handles {
		if e.hits[h] {
			return h.method()
		}
	}
	return ""
}
