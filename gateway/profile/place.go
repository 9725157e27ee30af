package profile

import (
	"slices"

	"github.com/concord-gateway/concord/gateway/dataset"
)

// gazetteer answers where places lie.
type gazetteer struct{ *dataset.Places }

// within reports whether an area is another one or lies inside it.
func (g gazetteer) within(code, area string) bool {
	p, ok := g.Get(code)
	return ok && (code == area || slices.Contains(p.Parents, area))
}

// localAuthority returns the code itself where it is a local authority's;
// anything finer is not in the gazetteer and has none.
func (g gazetteer) localAuthority(code string) string {
	if p, ok := g.Get(code); ok && p.Level == dataset.LevelLocalAuthority {
		return code
	}
	return ""
}

// force is the code of the police force area that everything lies in.
func (g gazetteer) force() string {
	for _, p := range g.All() {
		if p.Level == dataset.LevelForce {
			return p.Code
		}
	}
	return ""
}
