package profile

import (
	"slices"

	"github.com/concord-gateway/concord/gateway/dataset"
)

// within reports whether an area is another one or lies inside it.
func (s *Service) within(code, area string) bool {
	p, ok := s.Places.Get(code)
	return ok && (code == area || slices.Contains(p.Parents, area))
}

// localAuthority returns the code itself where it is a local authority's;
// anything finer is not in the gazetteer and has none.
func (s *Service) localAuthority(code string) string {
	if p, ok := s.Places.Get(code); ok && p.Level == dataset.LevelLocalAuthority {
		return code
	}
	return ""
}

// force is the code of the police force area that everything lies in.
func (s *Service) force() string {
	for _, p := range s.Places.All() {
		if p.Level == dataset.LevelForce {
			return p.Code
		}
	}
	return ""
}
