package policy

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"

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
}

// LoadPurposes reads the list of purposes (policies/purposes.json). Unknown
// keys, an id given twice and a kind that does not exist are faults of kind
// Invalid.
func LoadPurposes(raw []byte) ([]Purpose, error) {
	const op = "policy.LoadPurposes"
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	var out []Purpose
	if err := dec.Decode(&out); err != nil {
		return nil, fault.Wrap(fault.Invalid, op, "The list of purposes cannot be read.", err)
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, fault.New(fault.Invalid, op, "Text follows the list of purposes.")
	}
	seen := map[string]bool{}
	for i, p := range out {
		at := fmt.Sprintf("/%d", i)
		if p.ID == "" || seen[p.ID] {
			return nil, fault.New(fault.Invalid, op, "A purpose needs an id of its own.").At(at + "/id")
		}
		seen[p.ID] = true
		if p.Title == "" || len(p.Kinds) == 0 {
			return nil, fault.New(fault.Invalid, op, "A purpose needs a title and a kind of request.").At(at)
		}
		for j, k := range p.Kinds {
			if k != kindSubject && k != kindArea {
				return nil, fault.New(fault.Invalid, op, "A kind of request is subject or area.").
					At(fmt.Sprintf("%s/kinds/%d", at, j))
			}
		}
	}
	return out, nil
}

// kindsByID is what package agreement needs to check the purposes it names.
func kindsByID(purposes []Purpose) map[string][]string {
	out := make(map[string][]string, len(purposes))
	for _, p := range purposes {
		out[p.ID] = slices.Clone(p.Kinds)
	}
	return out
}
