package policy

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/concord-gateway/concord/gateway/agreement"
	"github.com/concord-gateway/concord/gateway/release"
)

// oracle answers a request from the agreements alone, in plain Go that shares
// nothing with the rules: what is granted by group and field, and what is
// withheld, one line for each provider, dataset, code, clause and field.
type oracle struct {
	cfg Config
	in  Input
	at  time.Time
	// met says what the conditions.rego of an agreement say of the request.
	met func(*agreement.Agreement, Input) bool
}

type verdict struct {
	Granted  map[Group]map[string]Grant
	Withheld []string
	Quota    *Quota
}

func (o oracle) decide() verdict {
	v := verdict{Granted: map[Group]map[string]Grant{}}
	whole := o.requestCodes()
	for _, g := range slices.Compact(slices.SortedFunc(slices.Values(o.in.Groups), func(a, b Group) int {
		return strings.Compare(a.Provider+" "+a.Dataset, b.Provider+" "+b.Dataset)
	})) {
		v.Granted[g] = map[string]Grant{}
		for _, code := range whole {
			v.withhold(g, code, "", o.fields(g))
		}
		if len(whole) == 0 {
			o.group(g, &v)
		}
	}
	slices.Sort(v.Withheld)
	v.Withheld = slices.Compact(v.Withheld)
	return v
}

func (v *verdict) withhold(g Group, code, clause string, fields []string) {
	for _, f := range fields {
		if _, granted := v.Granted[g][f]; !granted {
			v.Withheld = append(v.Withheld, fmt.Sprintf("%s %s %s %s %s", g.Provider, g.Dataset, code, clause, f))
		}
	}
}

func (o oracle) fields(g Group) []string {
	var out []string
	if d, ok := o.cfg.Datasets.Get(g.Dataset); ok {
		for _, f := range d.Fields {
			out = append(out, f.Pointer)
		}
	}
	return out
}

// requestCodes are the reasons that deny the request whatever is agreed.
func (o oracle) requestCodes() []string {
	var codes []string
	add := func(bad bool, code string) {
		if bad {
			codes = append(codes, code)
		}
	}
	r, actor := o.in.Request, o.in.Actor
	i := slices.IndexFunc(o.cfg.Purposes, func(p Purpose) bool { return p.ID == r.Purpose })
	add(i < 0, "purpose_unknown")
	add(i >= 0 && !slices.Contains(o.cfg.Purposes[max(i, 0)].Kinds, r.Kind), "purpose_wrong_kind")
	may := slices.Contains(actor.Roles, "analyst")
	if r.Kind == "area" {
		may = may || slices.Contains(actor.Roles, "supervisor") || slices.Contains(actor.Roles, "partner-ig")
	}
	add(!may, "role_missing")
	if e := r.Emergency; e != nil {
		add(!slices.Contains(actor.Roles, "emergency"), "emergency_role_required")
		add(r.Kind != "subject", "emergency_subject_only")
		add(i >= 0 && !o.cfg.Purposes[max(i, 0)].Emergency, "emergency_purpose_required")
		add(!slices.Contains(agreement.Grounds(), e.Ground), "ground_unknown")
		add(e.Incident == "", "incident_required")
	}
	return codes
}

// use is what one agreement says about the group for the purpose or ground.
type use struct {
	a      *agreement.Agreement
	p      agreement.Purpose
	refuse []string
}

func (o oracle) group(g Group, v *verdict) {
	var uses []use
	shared := false
	for _, a := range o.cfg.Agreements.All() {
		s, ok := a.Share(g.Dataset)
		if !ok || a.Provider.Agency != g.Provider || a.Recipient.Agency != o.in.Actor.Agency {
			continue
		}
		shared = true
		if e := o.in.Request.Emergency; e != nil {
			if ground, ok := s.Emergency[e.Ground]; ok {
				uses = append(uses, use{a: a, p: agreement.Purpose{
					Kinds: []string{"subject"}, Clause: ground.Clause, Fields: ground.Fields,
				}})
			}
			continue
		}
		if p, ok := o.entry(s); ok {
			uses = append(uses, use{a: a, p: p})
		}
	}
	switch {
	case !shared:
		v.withhold(g, "no_agreement", "", o.fields(g))
		return
	case len(uses) == 0 && o.in.Request.Emergency != nil:
		v.withhold(g, "ground_not_covered", "", o.fields(g))
		return
	case len(uses) == 0:
		v.withhold(g, "purpose_not_permitted", "", o.fields(g))
		return
	}
	o.weigh(g, uses, v)
}

// entry is what a share says about the purpose: for this kind of request, or if
// there is nothing, for the other.
func (o oracle) entry(s agreement.Share) (agreement.Purpose, bool) {
	var other agreement.Purpose
	found := false
	for _, p := range s.Purposes {
		if p.Purpose != o.in.Request.Purpose {
			continue
		}
		if slices.Contains(p.Kinds, o.in.Request.Kind) {
			return p, true
		}
		other, found = p, true
	}
	return other, found
}

func (o oracle) weigh(g Group, uses []use, v *verdict) {
	named, denied := map[string]bool{}, false
	for i, u := range uses {
		uses[i].refuse = o.refusals(u)
		for f := range u.p.Fields {
			named[f] = true
		}
		if len(uses[i].refuse) > 0 {
			continue
		}
		denied = denied || len(o.denials(u)) > 0
		if len(o.overQuota(u)) > 0 {
			v.tighten(*u.p.Quota)
		}
	}
	for _, u := range uses { // ordered by id, so that the first grants
		if len(u.refuse) > 0 || denied {
			continue
		}
		granted := false
		for f, t := range u.p.Fields {
			if o.in.Request.Kind == "area" && t != release.Withhold {
				t = release.CountOnly
			} else if t == release.CountOnly || t == release.Withhold {
				continue
			}
			granted = true
			if _, ok := v.Granted[g][f]; !ok {
				v.Granted[g][f] = Grant{Treatment: t, Agreement: u.a.ID, Version: u.a.Version, Clause: u.p.Clause}
			}
		}
		if granted && u.p.Quota != nil {
			v.tighten(*u.p.Quota)
		}
	}
	for _, u := range uses {
		all := slices.Collect(maps.Keys(u.p.Fields))
		for _, code := range u.refuse {
			v.withhold(g, code, u.p.Clause, all)
		}
		if len(u.refuse) > 0 {
			continue
		}
		for _, code := range o.denials(u) { // takes what every agreement in force would release
			for _, other := range uses {
				if len(other.refuse) == 0 {
					v.withhold(g, code, u.p.Clause, slices.Collect(maps.Keys(other.p.Fields)))
				}
			}
		}
		for f, t := range u.p.Fields {
			if t == release.CountOnly && o.in.Request.Kind == "subject" {
				v.withhold(g, "count_only", u.p.Clause, []string{f})
			}
			if t == release.Withhold {
				v.withhold(g, "withheld_by_agreement", u.p.Clause, []string{f})
			}
		}
	}
	v.withhold(g, "not_in_agreement", "", slices.DeleteFunc(o.fields(g), func(f string) bool { return named[f] }))
}

func (v *verdict) tighten(q agreement.Quota) {
	if v.Quota == nil {
		v.Quota = &Quota{}
	}
	tight := func(now *int, limit int) {
		if limit > 0 && (*now == 0 || limit < *now) {
			*now = limit
		}
	}
	tight(&v.Quota.PerHour, q.PerHour)
	tight(&v.Quota.PerDay, q.PerDay)
	tight(&v.Quota.AgencyPerHour, q.AgencyPerHour)
	tight(&v.Quota.AgencyPerDay, q.AgencyPerDay)
}

func (o oracle) refusals(u use) []string {
	var codes []string
	add := func(bad bool, code string) {
		if bad {
			codes = append(codes, code)
		}
	}
	day := o.at.UTC().Format(time.DateOnly)
	r, c := o.in.Request, u.p.Conditions
	add(day < u.a.Valid.From, "not_yet_valid")
	add(day > u.a.Valid.To, "expired")
	add(u.a.Suspended != nil && day >= u.a.Suspended.On, "suspended")
	add(r.Emergency == nil && day > u.a.Review && day <= u.a.Valid.To, "review_overdue")
	add(!slices.Contains(u.p.Kinds, r.Kind), "kind_not_permitted")
	add(len(c.Roles) > 0 && !slices.ContainsFunc(c.Roles, func(role string) bool {
		return slices.Contains(o.in.Actor.Roles, role)
	}), "role_missing")
	levels := []string{"", "bpss", "nppv2", "nppv3", "sc", "dv"}
	add(slices.Index(levels, o.in.Actor.Clearance) < slices.Index(levels, c.Clearance), "clearance_too_low")
	linked := r.Kind == "area" || r.Emergency != nil || r.CaseLink == "assigned" ||
		(r.CaseLink == "self_claimed" && c.CaseLink == "self_claimed")
	add(!linked, "case_link_required")
	return codes
}

// denials are the codes for which an agreement denies the whole group.
func (o oracle) denials(u use) []string {
	codes := o.overQuota(u)
	if !o.met(u.a, o.in) {
		codes = append(codes, "agreement_condition")
	}
	return codes
}

// overQuota are the codes of the quotas that are used up.
func (o oracle) overQuota(u use) []string {
	q := u.p.Quota
	if q == nil || o.in.Request.Kind == "area" {
		return nil
	}
	var codes []string
	used := o.in.Usage
	over := func(limit, so int) bool { return limit > 0 && so >= limit }
	if over(q.PerHour, used.SubjectsLastHour) || over(q.PerDay, used.SubjectsLastDay) {
		codes = append(codes, "quota_exceeded")
	}
	if over(q.AgencyPerHour, used.AgencySubjectsLastHour) || over(q.AgencyPerDay, used.AgencySubjectsLastDay) {
		codes = append(codes, "agency_quota_exceeded")
	}
	return codes
}
