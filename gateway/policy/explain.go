package policy

import (
	"cmp"
	"context"
	"slices"

	"github.com/concord-gateway/concord/gateway/release"
)

// Item says of one field whether it would be released, under which clause, and
// what would be needed where it would not. There is one item for each field
// that would be released, and one for each reason why a field would not.
type Item struct {
	Provider  string            `json:"provider"`
	Dataset   string            `json:"dataset"`
	Field     string            `json:"field"`
	Treatment release.Treatment `json:"treatment"`
	Agreement string            `json:"agreement"`
	Clause    string            `json:"clause"`
	// Code is "permitted" or the code of the reason.
	Code string `json:"code"`
	// WouldNeed says in words what is missing; empty where nothing is.
	WouldNeed []string `json:"would_need"`
}

// codePermitted is the code of a field that would be released.
const codePermitted = "permitted"

// codeCountOnly is the code of a field that is counted and never shown.
const codeCountOnly = "count_only"

// Explain answers "may I share this, may I see this?" field by field, without
// any data. Items are sorted by provider, dataset, field, code and agreement.
// Faults are as for Decide.
func (e *Engine) Explain(ctx context.Context, in Input) ([]Item, error) {
	w, err := e.decide(ctx, in)
	if err != nil {
		return nil, err
	}
	return w.items(), nil
}

// items are the fields of a decision, in order.
func (w *wireDecision) items() []Item {
	items := []Item{}
	for _, g := range w.Groups {
		for field, grant := range g.Fields {
			items = append(items, Item{
				Provider: g.Provider, Dataset: g.Dataset, Field: field, Treatment: grant.Treatment,
				Agreement: grant.Agreement, Clause: grant.Clause, Code: codePermitted, WouldNeed: []string{},
			})
		}
	}
	for _, x := range w.Withheld {
		treatment := release.Withhold
		if x.Code == codeCountOnly {
			treatment = release.CountOnly
		}
		for _, field := range x.Fields {
			items = append(items, Item{
				Provider: x.Provider, Dataset: x.Dataset, Field: field, Treatment: treatment,
				Agreement: x.Agreement, Clause: x.Clause, Code: x.Code, WouldNeed: []string{x.Remedy},
			})
		}
	}
	slices.SortFunc(items, func(a, b Item) int {
		return cmp.Or(cmp.Compare(a.Provider, b.Provider), cmp.Compare(a.Dataset, b.Dataset),
			cmp.Compare(a.Field, b.Field), cmp.Compare(a.Code, b.Code), cmp.Compare(a.Agreement, b.Agreement))
	})
	return items
}
