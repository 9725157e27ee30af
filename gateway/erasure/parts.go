package erasure

import (
	"maps"
	"slices"

	"github.com/concord-gateway/concord/gateway/record"
)

// part is what one entry names.
type part struct {
	agreement string
	keys      []record.Key
}

// parts shares out the records of a withdrawal over its entries: by agreement, in
// order, and one that names nothing where there is nothing to name.
func (w *Withdrawal) parts() []part {
	var all []part
	for _, agreement := range slices.Sorted(maps.Keys(w.Keys)) {
		for keys := range slices.Chunk(w.Keys[agreement], keysEach) {
			all = append(all, part{agreement, keys})
		}
	}
	if len(all) == 0 {
		all = []part{{}}
	}
	return all
}
