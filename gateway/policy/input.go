package policy

import "github.com/open-policy-agent/opa/v1/ast"

// names are the keys of an input, as terms that all inputs share.
var names = struct {
	action, actor, agency, agencyDay, agencyHour, area, caseLink, caseRef, clearance, dataset, day, emergency,
	ground, groups, hour, incident, kind, provider, purpose, request, resource, roles, subject, time, usage *ast.Term
}{
	action: ast.StringTerm("action"), actor: ast.StringTerm("actor"), agency: ast.StringTerm("agency"),
	agencyDay: ast.StringTerm("agency_subjects_last_day"), agencyHour: ast.StringTerm("agency_subjects_last_hour"),
	area: ast.StringTerm("area"), caseLink: ast.StringTerm("case_link"), caseRef: ast.StringTerm("case_ref"),
	clearance: ast.StringTerm("clearance"), dataset: ast.StringTerm("dataset"), day: ast.StringTerm("subjects_last_day"),
	emergency: ast.StringTerm("emergency"), ground: ast.StringTerm("ground"), groups: ast.StringTerm("groups"),
	hour: ast.StringTerm("subjects_last_hour"), incident: ast.StringTerm("incident"), kind: ast.StringTerm("kind"),
	provider: ast.StringTerm("provider"), purpose: ast.StringTerm("purpose"), request: ast.StringTerm("request"),
	resource: ast.StringTerm("resource"), roles: ast.StringTerm("roles"), subject: ast.StringTerm("subject"),
	time: ast.StringTerm("time"), usage: ast.StringTerm("usage"),
}

// pair is a key of an input and what it holds.
type pair = [2]*ast.Term

func holds(key *ast.Term, s string) pair { return pair{key, ast.StringTerm(s)} }

func number(key *ast.Term, n int) pair { return pair{key, ast.InternedTerm(n)} }

// value is the input as a value of the evaluator, which saves a round trip
// through JSON. It takes the groups that it can from those that are known.
func (in Input) value(known map[Group]*ast.Term) ast.Value {
	groups := make([]*ast.Term, len(in.Groups))
	for i, g := range in.Groups {
		var ok bool
		if groups[i], ok = known[g]; !ok {
			groups[i] = g.term()
		}
	}
	emergency := ast.NullTerm()
	if e := in.Request.Emergency; e != nil {
		emergency = ast.ObjectTerm(holds(names.ground, e.Ground), holds(names.incident, e.Incident))
	}
	r, u := in.Request, in.Usage
	return ast.NewObject(
		pair{names.actor, in.Actor.term()},
		pair{names.request, ast.ObjectTerm(
			holds(names.kind, r.Kind), holds(names.purpose, r.Purpose), holds(names.caseRef, r.CaseRef),
			holds(names.caseLink, r.CaseLink), pair{names.emergency, emergency}, holds(names.time, r.Time),
			holds(names.area, r.Area))},
		pair{names.usage, ast.ObjectTerm(
			number(names.hour, u.SubjectsLastHour), number(names.day, u.SubjectsLastDay),
			number(names.agencyHour, u.AgencySubjectsLastHour), number(names.agencyDay, u.AgencySubjectsLastDay))},
		pair{names.groups, ast.ArrayTerm(groups...)},
	)
}

func (g Group) term() *ast.Term {
	return ast.ObjectTerm(holds(names.provider, g.Provider), holds(names.dataset, g.Dataset))
}

func (in AccessInput) value() ast.Value {
	resource := ast.NewObject()
	for k, v := range in.Resource {
		resource.Insert(ast.StringTerm(k), ast.StringTerm(v))
	}
	return ast.NewObject(
		pair{names.actor, in.Actor.term()}, holds(names.action, in.Action),
		pair{names.resource, ast.NewTerm(resource)}, holds(names.time, in.Time),
	)
}

func (a Actor) term() *ast.Term {
	roles := make([]*ast.Term, len(a.Roles))
	for i, r := range a.Roles {
		roles[i] = ast.StringTerm(r)
	}
	return ast.ObjectTerm(
		holds(names.subject, a.Subject), holds(names.agency, a.Agency),
		pair{names.roles, ast.ArrayTerm(roles...)}, holds(names.clearance, a.Clearance))
}
