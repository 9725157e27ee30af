package linkage

import (
	"errors"
	"fmt"
	"slices"

	"github.com/concord-gateway/concord/gateway/dataset"
	"github.com/concord-gateway/concord/gateway/fault"
)

// Subject is the person asked about: at least one handle, normalised. The zero
// Subject is nobody. A Subject prints as a fixed text, whatever the verb.
type Subject struct {
	handles []handle
}

// NewSubject normalises the identifiers of a request. It answers a fault of
// kind Invalid, with the pointer /subject/<type> where one value breaks the rule
// of its type, and /subject where they do not identify anybody: neither a strong
// identifier nor the complete compound, or a type that does not belong to a
// person. The fault never repeats a value.
func NewSubject(in map[dataset.IdentifierType]string) (Subject, error) {
	types := make([]dataset.IdentifierType, 0, len(in))
	for t := range in {
		types = append(types, t)
	}
	slices.Sort(types)
	ids := make([]dataset.Identifier, 0, len(in))
	for _, t := range types {
		if !t.Strong() && !slices.Contains(compoundTypes[:], t) {
			return Subject{}, fault.New(fault.Invalid, "linkage.NewSubject",
				"A person is described by NHS number, UPN, PNC ID, CRO number, names, date of birth and postcode only.").
				At("/subject").WithCode("identifier-unknown")
		}
		value, err := dataset.Normalise(t, in[t])
		if err != nil {
			return Subject{}, invalid(t, err)
		}
		ids = append(ids, dataset.Identifier{Type: t, Value: value})
	}
	s := Subject{handles: handles(ids)}
	if len(s.handles) == 0 {
		return Subject{}, fault.New(fault.Invalid, "linkage.NewSubject",
			"A person needs one of NHS number, UPN, PNC ID and CRO number, or all of given name, family name, date of birth and postcode.").
			At("/subject").WithCode("subject-incomplete")
	}
	return s, nil
}

// invalid points the error of a normaliser at its place in the request.
func invalid(t dataset.IdentifierType, err error) error {
	out := fault.New(fault.Invalid, "linkage.NewSubject", "The value breaks the rule of its type.")
	var reason *fault.Error
	if errors.As(err, &reason) && reason.Kind == fault.Invalid {
		out.Message, out.Code = reason.Message, reason.Code
	}
	return out.At("/subject/" + string(t))
}

// Format writes a fixed text: a subject that slips into a log line says nothing
// about the person (invariant 5).
func (Subject) Format(f fmt.State, _ rune) { fmt.Fprint(f, "subject(not shown)") }
