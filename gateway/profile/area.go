package profile

import (
	"cmp"
	"context"
	"regexp"
	"slices"
	"strings"

	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/dataset"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/policy"
	"github.com/concord-gateway/concord/gateway/rulebook"
)

// By says how the cells of an area profile are broken down.
type By string

// The breakdowns.
const (
	ByNone    By = "none"
	ByMonth   By = "month"
	ByQuarter By = "quarter"
	ByArea    By = "area"
)

// AreaQuestion is what an area profile is asked for.
type AreaQuestion struct {
	Area string
	// From and To are months, "2006-01", both included.
	From, To string
	By       By
}

// areaBody is the answer about an area; its fields stand in the order of their
// JSON names.
type areaBody struct {
	Area     string            `json:"area"`
	By       By                `json:"by"`
	Coverage []coverage        `json:"coverage"`
	Edition  string            `json:"edition"`
	From     string            `json:"from"`
	Handling Handling          `json:"handling"`
	Salts    map[string]string `json:"salts"`
	Sections []areaSection     `json:"sections"`
	To       string            `json:"to"`
	Withheld []policy.Withheld `json:"withheld"`
}

type areaSection struct {
	ID         string          `json:"id"`
	Indicators []areaIndicator `json:"indicators"`
}

type areaIndicator struct {
	Agreement  string      `json:"agreement"`
	Cells      []areaCell  `json:"cells"`
	Comparator *comparator `json:"comparator"`
	Dataset    string      `json:"dataset"`
	ID         string      `json:"id"`
	Provider   string      `json:"provider"`
	Title      string      `json:"title"`
	Trend      *trend      `json:"trend"`
}

// coverage says whether there is anything of a provider's dataset for the area
// and time asked for, so that an empty cell is not taken for a zero.
type coverage struct {
	Area     string `json:"area"`
	Dataset  string `json:"dataset"`
	Provider string `json:"provider"`
	// State is "submitted", "missing" (covered, nothing sent for the time) or
	// "not-covered".
	State string `json:"state"`
}

// Area answers what the picture of an area is: a view of the newest frozen
// edition, in which every cell was protected once. It returns *Denied where no
// indicator is permitted, and a fault of kind Conflict while no edition exists.
func (s *Service) Area(ctx context.Context, a Asking, q AreaQuestion) (*Answer, error) {
	rules := s.Rules.In(ctx)
	if err := checkArea(rules, q); err != nil {
		return nil, err
	}
	at := s.Clock().UTC()
	in := s.input(rules, a, kindArea, at)
	in.Request.Area = q.Area
	t, err := s.decide(ctx, a, in, at)
	if err != nil {
		return nil, err
	}
	if !t.decision.Allow {
		return nil, s.deny(ctx, t)
	}
	ed, err := s.latest(ctx)
	if err != nil {
		return nil, err
	}
	body, err := areaBodyOf(t, ed, q)
	if err != nil {
		return nil, err
	}
	raw, err := audit.Canonical(body)
	if err != nil {
		return nil, fault.Wrap(fault.Internal, "profile.Area", "The answer could not be written.", err)
	}
	receipt, err := s.append(ctx, t, raw)
	if err != nil {
		return nil, err
	}
	return &Answer{Receipt: receipt, Body: raw}, nil
}

var monthForm = regexp.MustCompile(`^20\d\d-(0[1-9]|1[0-2])$`)

func checkArea(r *rulebook.Rules, q AreaQuestion) error {
	const op = "profile.Area"
	if _, ok := r.Places.Get(q.Area); !ok {
		return fault.New(fault.Invalid, op, "The area is not one of the places that Concord knows.").At("/area").WithCode("area-unknown")
	}
	if !monthForm.MatchString(q.From) {
		return fault.New(fault.Invalid, op, `The month must be written as "2006-01".`).At("/from").WithCode("month-form")
	}
	if !monthForm.MatchString(q.To) {
		return fault.New(fault.Invalid, op, `The month must be written as "2006-01".`).At("/to").WithCode("month-form")
	}
	if q.To < q.From {
		return fault.New(fault.Invalid, op, "The last month is before the first.").At("/to").WithCode("month-order")
	}
	if !slices.Contains([]By{ByNone, ByMonth, ByQuarter, ByArea}, q.By) {
		return fault.New(fault.Invalid, op, "The breakdown must be none, month, quarter or area.").At("/by").WithCode("by-unknown")
	}
	return nil
}

// areaBodyOf builds the view: for each permitted group its permitted indicators.
func areaBodyOf(t *trail, ed *edition, q AreaQuestion) (*areaBody, error) {
	body := &areaBody{
		Area: q.Area, By: q.By, Edition: ed.manifest.Edition, From: q.From, To: q.To,
		Handling: handling(t.decision.Obligations), Coverage: []coverage{}, Sections: []areaSection{},
		Salts:    map[string]string{},
		Withheld: t.decision.Withheld,
	}
	if body.Withheld == nil {
		body.Withheld = []policy.Withheld{}
	}
	t.fields = map[policy.Group]map[string]bool{}
	v := view{rules: t.rules, edition: ed, question: q}
	sections := map[string][]areaIndicator{}
	for _, g := range t.decision.Groups {
		if !g.Allow {
			continue
		}
		ds, ok := t.rules.Datasets.Get(g.Dataset)
		if !ok {
			continue
		}
		used := map[string]bool{}
		for _, ind := range ds.Indicators {
			if agreementID, ok := permitted(g, ind, used); ok {
				sections[ind.Section] = append(sections[ind.Section], v.indicator(g, ds, ind, agreementID))
			}
		}
		t.fields[policy.Group{Provider: g.Provider, Dataset: g.Dataset}] = used
		body.Coverage = append(body.Coverage, v.coverage(g, ds))
	}
	for id, inds := range sections {
		body.Sections = append(body.Sections, areaSection{ID: id, Indicators: inds})
	}
	slices.SortFunc(body.Sections, func(a, b areaSection) int { return cmp.Compare(a.ID, b.ID) })
	return body, body.hashSections(t)
}

// permitted reports whether every field that the indicator reads is granted,
// and under which agreements. The fields are added to used.
func permitted(g policy.GroupDecision, ind dataset.Indicator, used map[string]bool) (string, bool) {
	var ids []string
	for _, pointer := range ind.Reads {
		grant, ok := g.Fields[pointer]
		if !ok {
			return "", false
		}
		ids = append(ids, grant.Agreement)
	}
	for _, pointer := range ind.Reads {
		used[pointer] = true
	}
	slices.Sort(ids)
	return strings.Join(slices.Compact(ids), ", "), true
}

// hashSections commits each provider's entry to its own part of the answer.
func (b *areaBody) hashSections(t *trail) error {
	own := map[string][]areaIndicator{}
	for _, sec := range b.Sections {
		for _, ind := range sec.Indicators {
			own[ind.Provider] = append(own[ind.Provider], ind)
		}
	}
	for provider, indicators := range own {
		raw, err := audit.Canonical(indicators)
		if err != nil {
			return fault.Wrap(fault.Internal, "profile.Area", "The answer could not be written.", err)
		}
		if b.Salts[provider], err = t.commit(provider, raw); err != nil {
			return err
		}
	}
	return nil
}
