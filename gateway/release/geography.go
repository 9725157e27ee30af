package release

import (
	"cmp"
	"maps"
	"slices"
)

// Geography says which leaves (local authorities) every area consists of. It
// never changes after NewGeography.
type Geography struct {
	leaves []string
	// zones are the distinct sets of leaves, the leaves themselves first.
	zones []zone
	// zonesOf lists for each leaf the zones that contain it.
	zonesOf [][]int
}

// zone is a set of leaves. Areas that consist of the same leaves are one zone
// with several names: they always show the same counts, so what protects one
// has to protect all.
type zone struct {
	names  []string
	leaves []int
	has    []bool
}

// NewGeography builds a geography from the leaves below each area. Every leaf
// is an area too, whether or not it is listed as one; an area without leaves
// has no cells.
func NewGeography(below map[string][]string) *Geography {
	seen := map[string]bool{}
	for _, leaves := range below {
		for _, leaf := range leaves {
			seen[leaf] = true
		}
	}
	g := &Geography{leaves: slices.Sorted(maps.Keys(seen))}
	for i, leaf := range g.leaves {
		g.add(leaf, []int{i})
	}
	coarse := make([]zone, 0, len(below))
	for _, area := range slices.Sorted(maps.Keys(below)) {
		if !seen[area] && len(below[area]) > 0 {
			coarse = append(coarse, zone{names: []string{area}, leaves: g.indexes(below[area])})
		}
	}
	slices.SortStableFunc(coarse, func(a, b zone) int { return cmp.Compare(len(a.leaves), len(b.leaves)) })
	for _, z := range coarse {
		g.add(z.names[0], z.leaves)
	}
	g.zonesOf = make([][]int, len(g.leaves))
	for i, z := range g.zones {
		for _, leaf := range z.leaves {
			g.zonesOf[leaf] = append(g.zonesOf[leaf], i)
		}
	}
	return g
}

func (g *Geography) indexes(leaves []string) []int {
	out := make([]int, 0, len(leaves))
	for _, leaf := range leaves {
		i, _ := slices.BinarySearch(g.leaves, leaf)
		out = append(out, i)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func (g *Geography) add(name string, leaves []int) {
	for i := range g.zones {
		if slices.Equal(g.zones[i].leaves, leaves) {
			g.zones[i].names = append(g.zones[i].names, name)
			return
		}
	}
	has := make([]bool, len(g.leaves))
	for _, leaf := range leaves {
		has[leaf] = true
	}
	g.zones = append(g.zones, zone{names: []string{name}, leaves: leaves, has: has})
}
