package policy

import (
	"github.com/concord-gateway/concord/gateway/agreement"
	"github.com/concord-gateway/concord/gateway/dataset"
)

// Asked are the groups that a request of a kind by an agency is put to the rules
// with: every provider's dataset that any agreement names, whatever its status,
// so that what is withheld can be named, where the dataset is of the kind and the
// agency has a part in it. It is not told of others, not even as withheld.
func (e *Engine) Asked(kind, agency string) []Group {
	out := make([]Group, 0, len(e.asked[kind]))
	for _, g := range e.asked[kind] {
		if e.agreements.Visible(agency, g.Dataset) {
			out = append(out, g)
		}
	}
	return out
}

// askedByKind are the groups that a request of each kind could concern.
func askedByKind(agreements *agreement.Register, datasets *dataset.Registry) map[string][]Group {
	out := map[string][]Group{}
	for _, pair := range agreements.Groups() {
		ds, ok := datasets.Get(pair.Dataset)
		if !ok {
			continue
		}
		g := Group{Provider: pair.Provider, Dataset: pair.Dataset}
		if ds.Kind == dataset.Person {
			out[kindSubject] = append(out[kindSubject], g)
		}
		if len(ds.Indicators) > 0 {
			out[kindArea] = append(out[kindArea], g)
		}
	}
	return out
}
