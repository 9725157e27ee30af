package rulebook

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
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
// Why, is sealed in the log entry.
type Suspension struct {
	Version

	On string `json:"on"`
	By string `json:"by"`
	// Entry is the index of the entry by which the log knows it.
	Entry int64 `json:"entry"`
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
				a = a.WithSuspension(agreement.Suspension{On: s.On, By: s.By, Reason: fmt.Sprintf("see entry %d of the log", s.Entry)})
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
		Evaluator: evaluator, Name: d.name(c, evaluator),
	})
	if err != nil {
		return nil, err
	}
	return &Rules{Draft: d, Choice: c, Agreements: register, Policy: engine}, nil
}

// name is the revision of a choice: a digest of every file, the choice and the
// evaluator. It covers more than decides, so that what is archived under it is
// always the same bytes.
func (d *Draft) name(c Choice, evaluator string) string {
	h := sha256.New()
	_, _ = fmt.Fprintf(h, "concord rules v1\n%s\n%s\n", d.Files.Revision(), cmp.Or(evaluator, policy.EvaluatorVersion()))
	for _, v := range c.Live {
		_, _ = fmt.Fprintf(h, "live %q %d\n", v.Agreement, v.Version)
	}
	for _, s := range c.Suspensions {
		_, _ = fmt.Fprintf(h, "suspended %q %d %q %q %d\n", s.Agreement, s.Version.Version, s.On, s.By, s.Entry)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Revision names the rules: it covers everything that a decision depends on
// besides its input.
func (r *Rules) Revision() string { return r.Policy.Revision() }

// Standing returns who has approved a version.
func (r *Rules) Standing(v Version) approval.Standing {
	if i, ok := r.at[v]; ok && i < len(r.Standings) {
		return r.Standings[i]
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
