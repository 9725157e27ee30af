package policy

import (
	"cmp"
	"slices"

	"github.com/open-policy-agent/opa/v1/ast"
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

// value is the input as a value of the evaluator, which saves a round trip
// through JSON. It takes the groups that it can from those that are known.
func (in Input) value(known map[Group]*ast.Term) ast.Value {
	groups := make([]*ast.Term, len(in.Groups))
	for i, g := range in.Groups {
		var ok bool
		if groups[i], ok = known[g]; !ok {
			groups[i] = g.term()
		}
	}
	emergency := ast.NullTerm()
	if e := in.Request.Emergency; e != nil {
		emergency = pairs("ground", ast.StringTerm(e.Ground), "incident", ast.StringTerm(e.Incident))
	}
	r := in.Request
	return pairs(
		"actor", in.Actor.term(),
		"request", pairs(
			"kind", ast.StringTerm(r.Kind), "purpose", ast.StringTerm(r.Purpose),
			"case_ref", ast.StringTerm(r.CaseRef), "case_link", ast.StringTerm(r.CaseLink),
			"emergency", emergency, "time", ast.StringTerm(r.Time), "area", ast.StringTerm(r.Area)),
		"usage", pairs(
			"subjects_last_hour", ast.IntNumberTerm(in.Usage.SubjectsLastHour),
			"subjects_last_day", ast.IntNumberTerm(in.Usage.SubjectsLastDay),
			"agency_subjects_last_hour", ast.IntNumberTerm(in.Usage.AgencySubjectsLastHour),
			"agency_subjects_last_day", ast.IntNumberTerm(in.Usage.AgencySubjectsLastDay)),
		"groups", ast.ArrayTerm(groups...),
	).Value
}

func (g Group) term() *ast.Term {
	return pairs("provider", ast.StringTerm(g.Provider), "dataset", ast.StringTerm(g.Dataset))
}

func (in AccessInput) value() ast.Value {
	resource := ast.NewObject()
	for k, v := range in.Resource {
		resource.Insert(ast.StringTerm(k), ast.StringTerm(v))
	}
	return pairs(
		"actor", in.Actor.term(), "action", ast.StringTerm(in.Action),
		"resource", ast.NewTerm(resource), "time", ast.StringTerm(in.Time),
	).Value
}

func (a Actor) term() *ast.Term {
	roles := make([]*ast.Term, len(a.Roles))
	for i, r := range a.Roles {
		roles[i] = ast.StringTerm(r)
	}
	return pairs(
		"subject", ast.StringTerm(a.Subject), "agency", ast.StringTerm(a.Agency),
		"roles", ast.ArrayTerm(roles...), "clearance", ast.StringTerm(a.Clearance))
}

// pairs builds an object of names and terms in turn.
func pairs(keysAndTerms ...any) *ast.Term {
	kv := make([][2]*ast.Term, 0, len(keysAndTerms)/2)
	for i := 0; i+1 < len(keysAndTerms); i += 2 {
		key, _ := keysAndTerms[i].(string)
		value, _ := keysAndTerms[i+1].(*ast.Term)
		kv = append(kv, [2]*ast.Term{ast.InternedTerm(key), value})
	}
	return ast.ObjectTerm(kv...)
}
