package httpapi

import (
	"io/fs"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/concord-gateway/concord/gateway/agreement"
	"github.com/concord-gateway/concord/gateway/attacktest"
	"github.com/concord-gateway/concord/gateway/dataset"
	"github.com/concord-gateway/concord/gateway/identity"
	"github.com/concord-gateway/concord/gateway/policy"
	"github.com/concord-gateway/concord/policies"
	"github.com/concord-gateway/concord/schemas"
)

// right is one row of DESIGN's table of the API: who may call a route.
type right struct {
	// route is empty for an action that DESIGN names and no route has yet.
	route, action string
	// roles are who may; empty is everyone.
	roles string
	// host says that only roles of the agency that runs the gateway count.
	host bool
	// own is whose the object must be, where concord.access is told of one:
	// "agency" or "subject" of the caller, or "analyst" for links.
	own string
}

// rights is written from DESIGN ("HTTP API") and DOMAIN ("Separation of duties"),
// not from the rules. Where a use case finds out whose an object is, the tests of
// the whole gateway hold that another's answers like none.
func rights() []right {
	return []right{
		{"POST /v1/datasets/:dataset/submissions", "submissions.create", "submitter", false, "agency"},
		{"POST /v1/datasets/:dataset/withdrawals", "withdrawals.create", "submitter", false, "agency"},
		{"POST /v1/datasets/:dataset/merges", "merges.create", "submitter", false, "agency"},
		{"GET /v1/submissions/:id", "submissions.read", "submitter", false, "agency"},
		{"HEAD /v1/submissions/:id", "submissions.offset", "submitter", false, "agency"},
		{"PATCH /v1/submissions/:id", "submissions.append", "submitter", false, "agency"},
		{"DELETE /v1/submissions/:id", "submissions.cancel", "submitter", false, "agency"},
		{"GET /v1/submissions/:id/errors", "submissions.errors", "submitter", false, "agency"},
		{"GET /v1/submissions/:id/quality", "submissions.quality", "submitter", false, "agency"},
		{"GET /v1/quality", "quality.read", "submitter partner-ig", false, "agency"},
		{"", "quality.all", "ig-lead", true, ""}, // the same route, asked by a lead
		{"GET /v1/coverage", "coverage.list", "ig-lead analyst", true, ""},
		{"GET /v1/datasets", "datasets.list", "", false, ""},
		{"GET /v1/datasets/:dataset/schema", "datasets.schema", "", false, ""},
		{"POST /v1/profiles/subject", "profiles.subject", "analyst", false, ""},
		{"POST /v1/profiles/area", "profiles.area", "analyst supervisor partner-ig", false, ""},
		{"POST /v1/decisions/explain", "decisions.explain", "", false, ""},
		{"GET /v1/agreements", "agreements.list", "", false, ""},
		{"GET /v1/agreements/:id", "agreements.read", "", false, ""},
		{"POST /v1/agreements/:id/suspend", "agreements.suspend", "approver", false, "agency"},
		{"POST /v1/policy/impact", "policy.impact", "policy-author approver", false, ""},
		{"POST /v1/editions", "editions.create", "supervisor ig-lead", true, ""},
		{"GET /v1/editions", "editions.list", "supervisor ig-lead", true, ""},
		{"POST /v1/case-links", "case_links.create", "supervisor analyst", true, "analyst"},
		{"GET /v1/case-links", "case_links.list", "supervisor ig-lead", true, "agency"},
		{"POST /v1/case-links/import", "case_links.import", "case-system", true, "import"},
		{"POST /v1/case-links/:id/end", "case_links.end", "supervisor", true, "agency"},
		{"GET /v1/audit/entries", "audit.entries", "ig-lead", true, ""},
		{"GET /v1/audit/entries/:index", "audit.entry", "ig-lead", true, ""},
		{"GET /v1/audit/entries/:index/proof", "audit.proof", "", false, ""},
		{"GET /v1/audit/checkpoint", "audit.checkpoint", "", false, ""},
		{"GET /v1/audit/consistency", "audit.consistency", "", false, ""},
		{"GET /v1/audit/export", "audit.export", "ig-lead", true, ""},
		{"", "audit.search", "ig-lead", true, ""},
		{"GET /v1/disclosures", "disclosures.list", "partner-ig", false, "agency"},
		{"", "history.read", "", false, "subject"},
		{"GET /openapi.json", "openapi", "", false, ""},
		{"GET /docs", "docs", "", false, ""},
	}
}

// TestAccessRights fails when a route is added without a row, or asks about another
// action than its row says.
func TestAccessRights(t *testing.T) {
	t.Parallel()
	actions := map[string]string{}
	for _, r := range rights() {
		actions[r.route] = r.action
	}
	for _, r := range (&server{}).routes() {
		name := r.method + " " + r.path
		switch action, ok := actions[name]; {
		case r.public:
			if ok || !slices.Contains([]string{"/tlog/checkpoint", "/tlog/tile/*tile", "/healthz", "/readyz"}, r.path) {
				t.Errorf("%s needs no token", name)
			}
		case !ok || action != r.name:
			t.Errorf("%s asks about %q and its row in rights is about %q", name, r.name, action)
		}
		delete(actions, name)
	}
	delete(actions, "")
	for name := range actions {
		t.Errorf("%s is no route", name)
	}
}

// duties is DOMAIN's table of the separation of duties: who does what, and to whom
// it says no.
func duties() map[string]struct{ does, denied string } {
	return map[string]struct{ does, denied string }{
		"query":          {"analyst supervisor partner-ig", "ig-lead operator"},
		"write policy":   {"policy-author", "approver"},
		"approve policy": {"approver partner-ig", "policy-author"},
		"emergency":      {"emergency", "ig-lead operator"},
		"review":         {"ig-lead partner-ig", "operator"},
		"read log":       {"ig-lead partner-ig", "operator"},
		"run witness":    {"partner-ig", "operator"},
	}
}

// apart reports whether the roles give somebody a duty that one of them denies, or
// put a system's role in the hands of who has another.
func apart(roles []string) bool {
	for _, d := range duties() {
		does, denied := strings.Fields(d.does), strings.Fields(d.denied)
		if slices.ContainsFunc(roles, func(r string) bool { return slices.Contains(does, r) }) &&
			slices.ContainsFunc(roles, func(r string) bool { return slices.Contains(denied, r) }) {
			return true
		}
	}
	return len(roles) > 1 && slices.Contains(roles, "case-system")
}

// The object of a question: whose it is.
const (
	unsaid = "unsaid"
	mine   = "own"
	theirs = "another's"
	nobody = "nobody's"
)

// asked is one question of the matrix.
type asked struct {
	roles          []string
	agency, object string
}

// may is the oracle.
func (r right) may(q asked) bool {
	if !slices.Contains([]string{"west-mercia-police", "telford-housing"}, q.agency) || apart(q.roles) {
		return false
	}
	if r.host && q.agency != "west-mercia-police" {
		return false
	}
	holds := func(role string) bool { return slices.Contains(q.roles, role) }
	if r.roles != "" && !slices.ContainsFunc(strings.Fields(r.roles), holds) {
		return false
	}
	switch r.own {
	case "analyst": // a supervisor for another, an analyst for themself
		return q.object == mine && holds("analyst") || (q.object == theirs || q.object == nobody) && holds("supervisor")
	case "import":
		return q.object != mine
	case "":
		return true
	}
	return q.object == unsaid || q.object == mine
}

// resource is what concord.access is told of the object.
func (r right) resource(object string) map[string]string {
	key := map[string]string{"agency": "agency", "subject": "subject", "analyst": "analyst", "import": "analyst"}[r.own]
	whose := map[string][2]string{ // of the agency, of the person
		mine: {"", "x"}, theirs: {"severn-homes", "y"}, nobody: {"", ""},
	}[object]
	switch {
	case key == "" || object == unsaid:
		return map[string]string{}
	case key == "agency":
		return map[string]string{key: whose[0]}
	default:
		return map[string]string{key: whose[1]}
	}
}

// roleSets are no role, each role, and every two: those that must be apart and those
// that one person may hold.
func roleSets() [][]string {
	out := [][]string{{}}
	all := identity.Roles()
	for i, a := range all {
		out = append(out, []string{string(a)})
		for _, b := range all[i+1:] {
			out = append(out, []string{string(a), string(b)})
		}
	}
	return out
}

// TestAccessMatrix asks concord.access about every action and holds it against the
// oracle: for every role, of the agency that runs the gateway, of a partner and of one
// that nobody knows, with every kind of object; and for every two roles of the host.
func TestAccessMatrix(t *testing.T) {
	t.Parallel()
	e := shippedRules(t)
	asks, allowed := 0, 0
	for _, r := range append(rights(), right{action: "nothing.known", roles: "nobody"}) {
		for _, q := range questions(r) {
			resource := r.resource(q.object)
			if q.object == mine && r.own == "agency" {
				resource["agency"] = q.agency
			}
			d, err := e.Access(t.Context(), policy.AccessInput{
				Actor:  policy.Actor{Subject: "x", Agency: q.agency, Roles: q.roles},
				Action: r.action, Resource: resource, Time: "2026-11-22T09:00:00Z",
			})
			if err != nil {
				t.Fatal(err)
			}
			if want := r.may(q); d.Allow != want || d.Allow != (len(d.Reasons) == 0) {
				t.Errorf("%s as %v of %s, object %s: allowed %v, want %v: %v", r.action, q.roles, q.agency, q.object, d.Allow, want, d.Reasons)
			}
			asks++
			if d.Allow {
				allowed++
			}
		}
	}
	attacktest.Roles.Refused(t, "all that the oracle denies", asks-allowed)
	if allowed < 300 || asks-allowed < 2000 {
		t.Errorf("%d questions, %d allowed: the matrix is too small to mean anything", asks, allowed)
	}
}

// questions are those of the matrix about one route.
func questions(r right) (out []asked) {
	objects := []string{unsaid, mine, theirs, nobody}
	if r.own == "" {
		objects = objects[:1]
	}
	for _, roles := range roleSets() {
		if len(roles) == 2 {
			out = append(out, asked{roles, "west-mercia-police", objects[len(objects)/3]})
			continue
		}
		for _, agency := range []string{"west-mercia-police", "telford-housing", "elsewhere"} {
			for _, object := range objects {
				out = append(out, asked{roles, agency, object})
			}
		}
	}
	return out
}

// TestAccessNamesExactly holds that a role, an agency or an action counts only as it
// is written in the rules, and that nobody without a name is anybody.
func TestAccessNamesExactly(t *testing.T) {
	t.Parallel()
	e := shippedRules(t)
	n := 0
	refused := func(subject, agency, action string, roles ...string) {
		d, err := e.Access(t.Context(), policy.AccessInput{
			Actor:  policy.Actor{Subject: subject, Agency: agency, Roles: roles},
			Action: action, Resource: map[string]string{}, Time: "2026-11-22T09:00:00Z",
		})
		if n++; err != nil || d.Allow {
			t.Errorf("%q of %q with %q may %q: %v", subject, agency, roles, action, err)
		}
	}
	spell := func(s string) []string {
		return slices.DeleteFunc([]string{
			strings.ToUpper(s), strings.ToUpper(s[:1]) + s[1:], " " + s, s + " ", s + "\x00", s + ".", s + "\u200b", s + ",x", "*",
			strings.ReplaceAll(s, "e", "\u0435"), strings.ReplaceAll(s, "-", "_"), strings.ReplaceAll(s, ".", "/"), "",
		}, func(other string) bool { return other == s })
	}
	for _, role := range spell("ig-lead") {
		refused("x", "west-mercia-police", "audit.entries", role)
	}
	for _, agency := range spell("west-mercia-police") {
		refused("x", agency, "audit.entries", "ig-lead")
	}
	for _, action := range spell("audit.entries") {
		refused("x", "west-mercia-police", action, "ig-lead")
	}
	refused("", "west-mercia-police", "audit.entries", "ig-lead")
	attacktest.Spelling.Refused(t, "roles, agencies and actions", n)
}

// TestAboutRoutesMustAsk answers nothing where a route that asks for access itself
// did not.
func TestAboutRoutesMustAsk(t *testing.T) {
	t.Parallel()
	for _, r := range (&server{}).routes() {
		if r.about && r.public {
			t.Errorf("%s %s is public and asks for access", r.method, r.path)
		}
	}
	if _, err := checked(&call{}, &reply{status: http.StatusOK}, nil); err == nil {
		t.Error("an answer that nobody was asked about went out")
	}
	if rep, err := checked(&call{permitted: true}, &reply{status: http.StatusOK}, nil); err != nil || rep == nil {
		t.Errorf("a permitted answer: %v", err)
	}
}

// shippedRules are the rules that the binary carries.
func shippedRules(t *testing.T) *policy.Engine {
	t.Helper()
	in := func(fsys fs.FS, dir string) fs.FS {
		out, err := fs.Sub(fsys, dir)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	ds, err := dataset.Load(in(schemas.Files, "datasets"))
	if err != nil {
		t.Fatal(err)
	}
	agreements, err := agreement.Load(in(policies.Files, "agreements"), ds)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := policies.Files.ReadFile("purposes.json")
	if err != nil {
		t.Fatal(err)
	}
	purposes, err := policy.LoadPurposes(raw)
	if err != nil {
		t.Fatal(err)
	}
	e, err := policy.New(t.Context(), policy.Config{
		Core: in(policies.Files, "concord"), Agreements: agreements, Purposes: purposes, Datasets: ds,
		Timeout: time.Minute, Patience: time.Minute,
	})
	if err != nil {
		t.Fatal(err)
	}
	return e
}
