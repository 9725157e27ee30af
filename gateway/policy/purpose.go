package policy

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/concord-gateway/concord/gateway/agreement"
	"github.com/concord-gateway/concord/gateway/fault"
)

// Purpose is one purpose for which data may be asked.
type Purpose struct {
	ID          string `json:"id"`
	Title       string `json:"title"`
	Description string `json:"description"`
	// Kinds are the kinds of request it is for: "subject", "area" or both.
	Kinds []string `json:"kinds"`
	// Emergency says that it is the purpose of emergency access.
	Emergency bool `json:"emergency,omitempty"`
	// LawEnforcement says that it is a law enforcement purpose (DPA 2018 s.31):
	// the prevention, investigation, detection or prosecution of crime. Data
	// collected for law enforcement does not go to any other purpose unless law
	// authorises it (s.36(4)).
	LawEnforcement bool `json:"law_enforcement"`
}

// purposeLine is a purpose as the list has it. Whether it is law enforcement
// must be said: neither answer is safe to assume.
type purposeLine struct {
	Purpose

	LawEnforcement *bool `json:"law_enforcement"`
}

// LoadPurposes reads the list of purposes (policies/purposes.json). Unknown
// keys, a key or an id given twice, a kind that does not exist and a purpose
// that does not say whether it is law enforcement are faults of kind Invalid.
func LoadPurposes(raw []byte) ([]Purpose, error) {
	const op = "policy.LoadPurposes"
	if err := agreement.CheckJSON("purposes.json", raw); err != nil {
		return nil, fault.Wrap(fault.Invalid, op, "The list of purposes cannot be read.", err)
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	var lines []purposeLine
	if err := dec.Decode(&lines); err != nil {
		return nil, fault.Wrap(fault.Invalid, op, "The list of purposes cannot be read.", err)
	}
	out := make([]Purpose, len(lines))
	seen := map[string]bool{}
	for i, l := range lines {
		p := l.Purpose
		at := fmt.Sprintf("/%d", i)
		if p.ID == "" || seen[p.ID] {
			return nil, fault.New(fault.Invalid, op, "A purpose needs an id of its own.").At(at + "/id")
		}
		seen[p.ID] = true
		if p.Title == "" || len(p.Kinds) == 0 {
			return nil, fault.New(fault.Invalid, op, "A purpose needs a title and a kind of request.").At(at)
		}
		if l.LawEnforcement == nil {
			return nil, fault.New(fault.Invalid, op, "A purpose must say whether it is law enforcement.").
				At(at + "/law_enforcement")
		}
		p.LawEnforcement = *l.LawEnforcement
		out[i] = p
		for j, k := range p.Kinds {
			if k != kindSubject && k != kindArea {
				return nil, fault.New(fault.Invalid, op, "A kind of request is subject or area.").
					At(fmt.Sprintf("%s/kinds/%d", at, j))
			}
		}
	}
	return out, nil
}

// knownPurposes is what package agreement needs to check the purposes it names.
func knownPurposes(purposes []Purpose) map[string]agreement.KnownPurpose {
	out := make(map[string]agreement.KnownPurpose, len(purposes))
	for _, p := range purposes {
		out[p.ID] = agreement.KnownPurpose{Kinds: slices.Clone(p.Kinds), LawEnforcement: p.LawEnforcement}
	}
	return out
}
