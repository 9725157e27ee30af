package policy

import (
	"slices"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/concord-gateway/concord/gateway/agreement"
	"github.com/concord-gateway/concord/gateway/dataset"
)

// The kinds of request.
const (
	kindSubject = "subject"
	kindArea    = "area"
)

// object is a JSON object on its way into the policy's data.
type object = map[string]any

// document builds the data that the policy reads. Everything that does not
// depend on a request is worked out here, once, so that deciding is looking up.
func document(cfg Config, s *sources) ast.Object {
	purposes, grounds, datasets := object{}, object{}, object{}
	for _, p := range cfg.Purposes {
		purposes[p.ID] = object{"kinds": set(p.Kinds), "emergency": p.Emergency}
	}
	for _, g := range agreement.Grounds() {
		grounds[g] = true
	}
	fields := map[string][]string{}
	for _, d := range cfg.Datasets.All() {
		fields[d.Name] = pointers(d)
		datasets[d.Name] = fields[d.Name]
	}
	agreements, emergencies, amiss := object{}, object{}, object{}
	for _, a := range cfg.Agreements.All() {
		for _, share := range a.Datasets {
			b := builder{texts: s.texts, a: a, dataset: share.Dataset, fields: fields[share.Dataset]}
			path := []string{a.Provider.Agency, a.Recipient.Agency, share.Dataset}
			byPurpose, byGround := under(agreements, path...), under(emergencies, path...)
			b.placePurposes(byPurpose, share.Purposes)
			for g, ground := range share.Emergency {
				b.place(under(byGround, g), kindSubject, b.ground(ground))
			}
			b.placeAmiss(under(amiss, path...))
		}
	}
	return values(object{
		"agencies": s.agencies, "agreements": agreements, "amiss": amiss, "datasets": datasets,
		"emergencies": emergencies, "grounds": grounds, "purposes": purposes,
	})
}

// placePurposes places for each purpose and kind of request the entry that
// covers the kind, or one that does not, so that it can be said that none does.
func (b builder) placePurposes(at object, entries []agreement.Purpose) {
	type use struct{ purpose, kind string }
	covered := map[use]bool{}
	for _, p := range entries {
		for _, k := range p.Kinds {
			covered[use{p.Purpose, k}] = true
		}
	}
	for _, p := range entries {
		t := b.purpose(p)
		for _, k := range []string{kindSubject, kindArea} {
			if slices.Contains(p.Kinds, k) || !covered[use{p.Purpose, k}] {
				b.place(under(at, p.Purpose, k), k, t)
			}
		}
	}
}

// values converts an object of nothing but what JSON knows, and values of the
// evaluator.
func values(o object) ast.Object {
	converted, _ := ast.MustInterfaceToValue(o).(ast.Object)
	return converted
}

// under returns the object at a path below o, making what is not there.
func under(o object, path ...string) object {
	for _, key := range path {
		next, ok := o[key].(object)
		if !ok {
			next = object{}
			o[key] = next
		}
		o = next
	}
	return o
}

func set(keys []string) object {
	out := object{}
	for _, k := range keys {
		out[k] = true
	}
	return out
}

// pointers are the fields of a dataset, in order.
func pointers(d *dataset.Dataset) []string {
	list := make([]string, len(d.Fields))
	for i, f := range d.Fields {
		list[i] = f.Pointer
	}
	slices.Sort(list)
	return list
}
