package policy

import (
	"cmp"
	"slices"
)

// wireDecision is the answer of concord.release with what only Explain needs.
type wireDecision struct {
	Allow       bool
	Groups      []GroupDecision
	Obligations Obligations
	Withheld    []wireWithheld
}

type wireWithheld struct {
	Withheld

	Agreement string
	// Remedy says in words what would be needed.
	Remedy string
}

// answers reports whether each group asked for has exactly one decision, and
// says why where it is denied.
func (w *wireDecision) answers(asked []Group) bool {
	released := make(map[Group]bool, len(w.Groups))
	for _, g := range w.Groups {
		key := Group{g.Provider, g.Dataset}
		if _, twice := released[key]; twice || g.Allow != (len(g.Fields) > 0) {
			return false
		}
		released[key] = g.Allow
	}
	withheld := make(map[Group]bool, len(w.Groups))
	for _, x := range w.Withheld {
		withheld[Group{x.Provider, x.Dataset}] = true
	}
	for _, g := range asked {
		allow, answered := released[g]
		if !answered || (!allow && !withheld[g]) {
			return false
		}
	}
	return true
}

func (w *wireDecision) decision(revision string) Decision {
	d := Decision{Allow: w.Allow, Groups: slices.Clone(w.Groups), Obligations: w.Obligations, Revision: revision}
	d.Withheld = make([]Withheld, len(w.Withheld))
	for i, x := range w.Withheld {
		d.Withheld[i] = x.Withheld
	}
	slices.SortFunc(d.Withheld, func(a, b Withheld) int {
		return cmp.Or(cmp.Compare(a.Provider, b.Provider), cmp.Compare(a.Dataset, b.Dataset),
			cmp.Compare(a.Code, b.Code), cmp.Compare(a.Clause, b.Clause), cmp.Compare(a.Reason, b.Reason))
	})
	slices.SortFunc(d.Groups, func(a, b GroupDecision) int {
		return cmp.Or(cmp.Compare(a.Provider, b.Provider), cmp.Compare(a.Dataset, b.Dataset))
	})
	return d
}
