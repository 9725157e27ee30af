package authoring

import (
	"context"
	"time"

	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/policy"
)

// Question asks what the agreements do, about nobody.
type Question struct {
	Agency, Clearance string
	Roles             []string
	Purpose           string
	// Provider, Dataset and Ground narrow it; empty means all, and no emergency.
	Provider, Dataset, Ground string
	At                        time.Time
}

// Explain says, field by field, what the newest versions in the folder would
// release if all were approved, and what would have to change for the rest. It
// takes for granted that a case is assigned.
func (d *Desk) Explain(ctx context.Context, q Question) ([]policy.Item, error) {
	rules, err := d.Rules(ctx, d.Newest())
	if err != nil {
		return nil, err
	}
	kinds, ok := d.kindsOf(q.Purpose)
	if !ok {
		return nil, fault.New(fault.Invalid, "authoring.Explain", "There is no purpose "+q.Purpose+" in policies/purposes.json.")
	}
	out := []policy.Item{}
	for _, kind := range kinds {
		in := policy.Input{
			Actor:   policy.Actor{Subject: "explain", Agency: q.Agency, Roles: q.Roles, Clearance: q.Clearance},
			Request: policy.Request{Kind: kind, Purpose: q.Purpose, CaseRef: "explain", CaseLink: "assigned", Time: q.At.UTC().Format(time.RFC3339)},
		}
		if q.Ground != "" {
			in.Request.Emergency = &policy.Emergency{Ground: q.Ground, Incident: "explain"}
		}
		for _, g := range rules.Policy.Asked(kind, q.Agency) {
			if (q.Provider == "" || g.Provider == q.Provider) && (q.Dataset == "" || g.Dataset == q.Dataset) {
				in.Groups = append(in.Groups, g)
			}
		}
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
