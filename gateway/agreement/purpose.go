package agreement

import (
	"fmt"
	"slices"
)

// KnownPurpose is what CheckPurposes needs to know of a purpose.
type KnownPurpose struct {
	// Kinds are the kinds of request that it is for: subject, area or both.
	Kinds []string
	// LawEnforcement says that it is one of the law enforcement purposes
	// (DPA 2018 s.31).
	LawEnforcement bool
}

// CheckPurposes holds what the agreements name against the known purposes, by
// id. It reports a purpose that is not known, or is for other kinds of request,
// and one that is not law enforcement where the provider shares data about a
// person that it collected for law enforcement and the agreement does not name
// what authorises that (DPA 2018 s.36(4)). The fault is like that of Load.
func (r *Register) CheckPurposes(known map[string]KnownPurpose) error {
	var found Findings
	for _, a := range r.all {
		found = append(found, a.purposes(known)...)
	}
	return found.fault("agreement.CheckPurposes")
}

func (a *Agreement) purposes(known map[string]KnownPurpose) []Finding {
	var found []Finding
	for i, s := range a.Datasets {
		for j, p := range s.Purposes {
			at := fmt.Sprintf("/datasets/%d/purposes/%d", i, j)
			k, ok := known[p.Purpose]
			if !ok {
				found = append(found, a.found(at+"/purpose", "purpose-unknown", "there is no purpose "+p.Purpose,
					"use a purpose of purposes.json, or add it there"))
				continue
			}
			for n, kind := range p.Kinds {
				if !slices.Contains(k.Kinds, kind) {
					found = append(found, a.found(fmt.Sprintf("%s/kinds/%d", at, n), "purpose-kind",
						fmt.Sprintf("the purpose %s is not for requests of kind %s", p.Purpose, kind),
						"take the kind out, or add it to purposes.json"))
				}
			}
			if f, personal := p.personLevel(); personal && !k.LawEnforcement && p.Onward == nil &&
				a.Basis.Provider.Regime == regimeLawEnforcement {
				found = append(found, a.found(at+"/purpose", "onward-purpose",
					fmt.Sprintf("%q goes out for %s, which is not law enforcement, and the provider collected it for law enforcement",
						f, p.Purpose),
					"name the provision that authorises it in onward.authorised_by, or make what is about a person count_only or withhold").
					by(purposeChange))
			}
		}
	}
	return found
}
