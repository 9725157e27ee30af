package profile

import (
	"context"
	"slices"

	"github.com/concord-gateway/concord/gateway/caselink"
	"github.com/concord-gateway/concord/gateway/policy"
	"github.com/concord-gateway/concord/gateway/rulebook"
)

// ExplainQuestion narrows an explanation to one provider or dataset.
type ExplainQuestion struct {
	Provider, Dataset string
}

// Explain says, field by field, what would be released to the caller for a
// purpose and what would have to change for the rest. It asks about nobody and
// costs no data; it takes for granted that the case is assigned, since it is
// the agreements that are being asked about.
func (s *Service) Explain(ctx context.Context, a Asking, q ExplainQuestion) ([]policy.Item, error) {
	at := s.Clock().UTC()
	rules := s.Rules.In(ctx)
	out := []policy.Item{}
	for _, kind := range kindsOf(rules, a) {
		in := s.input(rules, a, kind, at)
		in.Request.CaseLink = caselink.Assigned
		in.Request.CaseRef = "explain"
		in.Usage = policy.Usage{}
		in.Groups = slices.DeleteFunc(slices.Clone(in.Groups), func(g policy.Group) bool {
			return (q.Provider != "" && g.Provider != q.Provider) || (q.Dataset != "" && g.Dataset != q.Dataset)
		})
		if len(in.Groups) == 0 {
			continue
		}
		items, err := rules.Policy.Explain(ctx, in)
		if err != nil {
			return nil, err
		}
		out = append(out, items...)
	}
	return out, nil
}

// kindsOf are the kinds of question that a purpose is for. An unknown purpose
// is asked about as one about a person, so that the answer says it is unknown.
func kindsOf(r *rulebook.Rules, a Asking) []string {
	p, ok := r.Policy.Purpose(a.Purpose)
	if !ok || a.Emergency != nil {
		return []string{kindSubject}
	}
	return p.Kinds
}
