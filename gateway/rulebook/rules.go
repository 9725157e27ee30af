package rulebook

import (
	"context"
	"slices"

	"github.com/concord-gateway/concord/gateway/agreement"
	"github.com/concord-gateway/concord/gateway/approval"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/policy"
)

// Choice says what of a draft is in force.
type Choice struct {
	// Live are the live versions, one for each agreement.
	Live        []Version    `json:"live"`
	Suspensions []Suspension `json:"suspensions"`
}

// Equal reports whether two choices are the same.
func (c Choice) Equal(o Choice) bool {
	return slices.Equal(c.Live, o.Live) && slices.Equal(c.Suspensions, o.Suspensions)
}

// Suspension stops a version and all before it from the start of a day in UTC.
type Suspension struct {
	Version

	agreement.Suspension
}

// Rules are a draft under a choice. They do not change and are safe for
// concurrent use.
type Rules struct {
	*Draft

	Choice Choice
	// Agreements are the live ones, suspended where the choice says so.
	Agreements *agreement.Register
	Policy     *policy.Engine
	// Standings says of every version in the files who has approved it.
	Standings []approval.Standing
}

// Rules puts a choice of the draft together and compiles it. A version that is
// not there, agreements that contradict each other and rules that do not compile
// are faults of kind Invalid.
func (d *Draft) Rules(ctx context.Context, c Choice) (*Rules, error) {
	return d.rules(ctx, c, "")
}

func (d *Draft) rules(ctx context.Context, c Choice, evaluator string) (*Rules, error) {
	live := make([]*agreement.Agreement, 0, len(c.Live))
	for _, v := range c.Live {
		a, ok := d.Get(v)
		if !ok {
			return nil, fault.New(fault.Invalid, "rulebook.Rules", "An agreement version that should be live is not among the files.").
				WithCode("agreement-unknown")
		}
		for _, s := range c.Suspensions {
			if s.Agreement == a.ID && s.Version.Version >= a.Version {
				a = a.WithSuspension(s.Suspension)
			}
		}
		live = append(live, a)
	}
	register, err := agreement.NewRegister(live)
	if err != nil {
		return nil, err
	}
	engine, err := policy.New(ctx, policy.Config{
		Core: sub(d.Files.FS(), "concord"), Agreements: register, Purposes: d.Purposes, Datasets: d.Datasets,
		Places: d.Files[placesFile], Evaluator: evaluator,
	})
	if err != nil {
		return nil, err
	}
	return &Rules{Draft: d, Choice: c, Agreements: register, Policy: engine}, nil
}

// Revision names the rules: it covers everything that a decision depends on
// besides its input.
func (r *Rules) Revision() string { return r.Policy.Revision() }

// Standing returns who has approved a version.
func (r *Rules) Standing(v Version) approval.Standing {
	for _, s := range r.Standings {
		if s.Agreement == v.Agreement && s.Version == v.Version {
			return s
		}
	}
	return approval.Standing{}
}

// Newest returns the highest version of each agreement in the files, as if all
// of it had been approved: what an author is about to propose.
func (d *Draft) Newest() Choice {
	highest := map[string]int{}
	for _, a := range d.Versions {
		highest[a.ID] = max(highest[a.ID], a.Version)
	}
	var c Choice
	for _, a := range d.Versions {
		if a.Version == highest[a.ID] {
			c.Live = append(c.Live, VersionOf(a))
		}
	}
	return c
}
