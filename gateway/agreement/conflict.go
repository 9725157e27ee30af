package agreement

import (
	"fmt"

	"github.com/concord-gateway/concord/gateway/release"
)

// together finds what is wrong with agreements that are each sound by
// themselves. They are sorted by id and version.
func together(all []*Agreement) []Finding {
	var found []Finding
	for i, a := range all {
		if i > 0 && all[i-1].ID == a.ID {
			found = append(found, a.found("/id", "id-twice",
				fmt.Sprintf("versions %d and %d of %s are both given, and one is in force at a time", all[i-1].Version, a.Version, a.ID),
				"leave one of the two out"))
		}
	}
	return append(found, conflicts(all)...)
}

// slot is one field for one use between two agencies: a purpose and kind of
// request, or a ground.
type slot struct{ provider, recipient, dataset, use, field string }

type claim struct {
	agreement *Agreement
	pointer   string
	treatment release.Treatment
}

// conflicts finds fields that two agreements in force at the same time treat
// differently. The agreements are sorted by id.
func conflicts(all []*Agreement) []Finding {
	var found []Finding
	claims := map[slot][]claim{}
	for _, a := range all {
		a.eachField(func(s slot, pointer string, t release.Treatment) {
			for _, c := range claims[s] {
				if c.treatment == t || !c.agreement.Valid.overlaps(a.Valid) {
					continue
				}
				found = append(found, a.found(pointer, "conflict",
					fmt.Sprintf("%q is given here, and %q by %s (%s) for the same field, use and parties",
						t, c.treatment, c.agreement.ID, c.pointer),
					"give both the same treatment, or let one end before the other begins").by(accountability))
			}
			claims[s] = append(claims[s], claim{a, pointer, t})
		})
	}
	return found
}

// eachField calls do for every field of every purpose and ground.
func (a *Agreement) eachField(do func(s slot, pointer string, t release.Treatment)) {
	for i, share := range a.Datasets {
		base := fmt.Sprintf("/datasets/%d", i)
		s := slot{provider: a.Provider.Agency, recipient: a.Recipient.Agency, dataset: share.Dataset}
		for j, p := range share.Purposes {
			for f, t := range p.Fields {
				for _, kind := range p.Kinds {
					s.use, s.field = "purpose "+p.Purpose+" "+kind, f
					do(s, fmt.Sprintf("%s/purposes/%d/fields/%s", base, j, escape(f)), t)
				}
			}
		}
		for g, ground := range share.Emergency {
			for f, t := range ground.Fields {
				s.use, s.field = "ground "+g, f
				do(s, fmt.Sprintf("%s/emergency/%s/fields/%s", base, escape(g), escape(f)), t)
			}
		}
	}
}

func (p Period) overlaps(q Period) bool { return p.From <= q.To && q.From <= p.To }
