package policy

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/concord-gateway/concord/gateway/agreement"
	"github.com/concord-gateway/concord/gateway/release"
)

// clearances are the vetting levels from the lowest. What asks for one names it
// and all above, so that a level that is not known is below every other.
var clearances = []string{"", "bpss", "nppv2", "nppv3", "sc", "dv"}

// linkAssigned says in words what link a term asks for.
const linkAssigned = "assigned by a supervisor"

// builder makes the terms of one agreement on one dataset.
type builder struct {
	texts   map[string]text
	a       *agreement.Agreement
	dataset string
	// fields are all fields of the dataset, in order.
	fields []string
}

// purpose is what the agreement says about the dataset for one purpose.
func (b builder) purpose(p agreement.Purpose) *term {
	t := b.term(p.Clause, p.Fields)
	for _, kind := range p.Kinds {
		t.grants[kind] = b.grants(kind, p.Clause, p.Fields)
	}
	link, links := linkAssigned, []string{"unneeded", "assigned"}
	if p.Conditions.CaseLink == "self_claimed" {
		link, links = "assigned or self-claimed", append(links, "self_claimed")
	}
	t.rows = rows(p.Conditions.Row)
	clearance := slices.Index(clearances, p.Conditions.Clearance)
	t.demands = b.demands(p.Conditions.Roles, clearance, reviewed(b.a), links...)
	if len(b.a.Conditions) == 0 {
		t.admit(p.Conditions.Roles, clearance, links[1:]...)
	}
	t.need(p.Conditions.Clearance, link)
	t.limit(p.Quota)
	return t
}

// ground is what the agreement says about the dataset on one ground of
// emergency. It has no quota: what counts against one is every question about a
// person, and ordinary work must never use up what a life depends on. Nor does
// it wait for a review that is overdue.
func (b builder) ground(g agreement.Ground) *term {
	t := b.term(g.Clause, g.Fields)
	t.grants[kindSubject] = b.grants(kindSubject, g.Clause, g.Fields)
	t.rows = rows(nil)
	t.demands = b.demands(nil, 0, math.MaxInt64, "unneeded", "assigned")
	t.need("", linkAssigned)
	t.limit(nil)
	return t
}

// term is what an agreement says about one use of a dataset.
type term struct {
	clause        string
	named         object
	counted, kept []string
	// grants by kind of request, of the fields that are released.
	grants map[string]object
	rows   ast.Value
	basis, demands,
	// guard is what denies the whole group where it is not kept.
	guard, obliges,
	// rest is what only reasons need.
	rest object
	// admits is by kind of request who is admitted at a glance.
	admits map[string]ast.Value
	// whole are the obligations of the term where no other obliges.
	whole object
	// refusals are, by code, what the text of a refusal says besides the id.
	refusals map[string][]any

	// data is the term as a value of the evaluator, and granted and shared are
	// parts of it, for others to hold too.
	data    ast.Value
	granted map[string]ast.Object
	shared  object
}

// term is what does not depend on whether it is for a purpose or a ground.
func (b builder) term(clause string, fields map[string]release.Treatment) *term {
	a, condition := b.a, ""
	if len(a.Conditions) > 0 {
		condition = a.ID
	}
	return &term{
		clause: clause, named: set(slices.Collect(maps.Keys(fields))), grants: map[string]object{},
		admits:  map[string]ast.Value{},
		counted: treated(fields, release.CountOnly), kept: treated(fields, release.Withhold),
		basis: object{"provider": basisText(a.Basis.Provider), "recipient": basisText(a.Basis.Recipient)},
		guard: object{"condition": condition},
		obliges: object{
			"markings":     set([]string{a.Handling.Marking}),
			"instructions": set(a.Handling.Instructions),
			"reviews":      set([]string{a.Review}),
			"expiries":     set([]string{a.Valid.To}),
			"quotas":       object{},
		},
		whole: object{
			"handling": a.Handling.Marking, "instructions": sortedSet(a.Handling.Instructions),
			"review": a.Review, "expires": a.Valid.To,
		},
		rest: object{
			"valid": object{"from": a.Valid.From, "to": a.Valid.To}, "suspended": suspension(a), "review": a.Review,
		},
		refusals: refusals(a),
	}
}

// need keeps in words which vetting and which link the term asks for.
func (t *term) need(vetting, link string) {
	t.rest["vetting"], t.rest["case_link"] = vetting, link
	t.refusals["clearance_too_low"] = []any{strings.ToUpper(vetting)}
	t.refusals["case_link_required"] = []any{link}
}

// refusals are those that do not depend on the purpose.
func refusals(a *agreement.Agreement) map[string][]any {
	out := map[string][]any{"not_yet_valid": {a.Valid.From}, "expired": {a.Valid.To}, "review_overdue": {a.Review}, "role_missing": nil}
	if s := a.Suspended; s != nil {
		out["suspended"] = []any{s.By, s.On}
	}
	return out
}

// The members of a quota.
const (
	perHour       = "per_hour"
	perDay        = "per_day"
	agencyPerHour = "agency_per_hour"
	agencyPerDay  = "agency_per_day"
)

// limit sets the quota, if there is one, and what usage must stay below.
func (t *term) limit(quota *agreement.Quota) {
	var q agreement.Quota
	if quota != nil {
		q = *quota
		limits := object{
			perHour: q.PerHour, perDay: q.PerDay, agencyPerHour: q.AgencyPerHour, agencyPerDay: q.AgencyPerDay,
		}
		t.obliges["quotas"] = object{
			fmt.Sprintf("%d/%d/%d/%d", q.PerHour, q.PerDay, q.AgencyPerHour, q.AgencyPerDay): limits,
		}
		t.whole["quota"] = limits
	}
	t.guard["limit"] = object{
		perHour: below(q.PerHour), perDay: below(q.PerDay),
		agencyPerHour: below(q.AgencyPerHour), agencyPerDay: below(q.AgencyPerDay),
	}
}

// demands is what must be proved before a term applies. Terms that demand the
// same are judged once in a request.
func (b builder) demands(roles []string, clearance int, reviewed int64, links ...string) object {
	return object{
		"from": dayStart(b.a.Valid.From, 0, math.MaxInt64), "until": until(b.a), "stops": stops(b.a),
		"reviewed": reviewed, "ends": min(until(b.a), stops(b.a), reviewed),
		"roles": set(roles), "everyone": len(roles) == 0, "clearances": set(clearances[clearance:]), "links": set(links),
	}
}

// grants are what a request of a kind gets. An area profile counts every field
// that the agreement does not withhold, and never shows more than a count.
func (b builder) grants(kind, clause string, fields map[string]release.Treatment) object {
	out := object{}
	for f, t := range fields {
		switch {
		case t == release.Withhold, kind == kindSubject && t == release.CountOnly:
			continue
		case kind == kindArea:
			t = release.CountOnly
		}
		out[f] = object{"treatment": string(t), "agreement": b.a.ID, "version": b.a.Version, "clause": clause}
	}
	return out
}

// sortedSet is a list with each of its texts once, in order.
func sortedSet(texts []string) []string {
	out := slices.Clone(texts)
	slices.Sort(out)
	return append([]string{}, slices.Compact(out)...)
}

// treated returns the fields with a treatment, in order.
func treated(fields map[string]release.Treatment, t release.Treatment) []string {
	var out []string
	for _, f := range slices.Sorted(maps.Keys(fields)) {
		if fields[f] == t {
			out = append(out, f)
		}
	}
	return out
}

// rows are the row conditions, each once and in the order of the evaluator.
func rows(conditions []release.Condition) ast.Value {
	out := ast.NewSet()
	for _, r := range conditions {
		out.Add(ast.NewTerm(values(object{"attr": r.Attr, "op": r.Op, "value": r.Value})))
	}
	return out.Sorted()
}

// below is a quota as a number that usage must stay below.
func below(n int) int {
	if n <= 0 {
		return math.MaxInt32
	}
	return n
}

// basisText is one side's basis in one line.
func basisText(l agreement.Lawful) string {
	return strings.Join(append(slices.Clone(l.LawfulBasis), l.LegalPower...), "; ")
}

// dayStart is the start of the day n days after date, in UTC, in nanoseconds
// since 1970, which is how the policy compares times. What is no date, which
// package agreement does not let through, gives the value that denies.
func dayStart(date string, n int, denies int64) int64 {
	t, err := time.Parse(time.DateOnly, date)
	if err != nil {
		return denies
	}
	return t.AddDate(0, 0, n).UnixNano()
}

// until is when an agreement has ended.
func until(a *agreement.Agreement) int64 { return dayStart(a.Valid.To, 1, math.MinInt64) }

// reviewed is when an agreement that nobody has reviewed stops releasing.
func reviewed(a *agreement.Agreement) int64 { return dayStart(a.Review, 1, math.MinInt64) }

// stops is when the suspension of an agreement begins.
func stops(a *agreement.Agreement) int64 {
	if a.Suspended == nil {
		return math.MaxInt64
	}
	return dayStart(a.Suspended.On, 0, math.MinInt64)
}

func suspension(a *agreement.Agreement) object {
	if a.Suspended == nil {
		return object{"on": "", "by": ""}
	}
	return object{"on": a.Suspended.On, "by": a.Suspended.By}
}
