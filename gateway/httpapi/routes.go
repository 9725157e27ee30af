package httpapi

import (
	"net/http"
	"slices"

	"github.com/concord-gateway/concord/gateway/limit"
	"github.com/concord-gateway/concord/gateway/policy/bundle"
	"github.com/concord-gateway/concord/gateway/submission"
)

// route is one row of the API.
type route struct {
	method, path string
	// name is the action that concord.access is asked about, and how the log
	// and the operator's log call the route.
	name string
	// query are the names of the query parameters; another one is refused.
	query string
	// public routes need no token.
	public bool
	// about routes ask concord.access themselves, once they know what the
	// request is about. One that answers without having asked answers nothing.
	about bool
	// static routes answer HEAD like GET, without the body.
	static bool
	// class is whose buckets the request is paid from.
	class limit.Class
	// body is how many bytes of a body the route reads at most: none for one that
	// takes no body, and then one that comes is refused.
	body   int64
	handle handler
}

// The bounds of bodies, beside submission.MaxBytes and bundle.MaxBytes.
const (
	// small is a question, or what else is a few fields.
	small = 64 << 10
	// listed is a list of 10,000 ids of 64 bytes, and room.
	listed = 1 << 20
	// none is of a route that takes no body.
	none = 0
	// unread is of what answers without a look at what was sent.
	unread = -1
)

// routes is the whole API. A test holds it against schemas/openapi.yaml.
func (s *server) routes() []route {
	return slices.Concat(s.sendRoutes(), s.askRoutes(), s.logRoutes(), s.ownRoutes())
}

// sendRoutes are what partners send, and what is said of it.
func (s *server) sendRoutes() []route {
	return []route{
		{
			method: http.MethodPost, path: "/v1/datasets/:dataset/submissions", name: "submissions.create", query: "agreement atomic dry_run",
			class: limit.Send, body: submission.MaxBytes, handle: s.createSubmission,
		},
		{
			method: http.MethodPost, path: "/v1/datasets/:dataset/withdrawals", name: "withdrawals.create",
			class: limit.Send, body: listed, handle: s.createWithdrawal,
		},
		{
			method: http.MethodPost, path: "/v1/datasets/:dataset/merges", name: "merges.create",
			class: limit.Send, body: listed, handle: s.createMerge,
		},
		{method: http.MethodGet, path: "/v1/submissions/:id", name: "submissions.read", class: limit.Read, body: none, handle: s.readSubmission},
		{method: http.MethodHead, path: "/v1/submissions/:id", name: "submissions.offset", class: limit.Read, body: none, handle: s.readOffset},
		{
			method: http.MethodPatch, path: "/v1/submissions/:id", name: "submissions.append",
			class: limit.Send, body: submission.MaxBytes, handle: s.appendSubmission,
		},
		{
			method: http.MethodDelete, path: "/v1/submissions/:id", name: "submissions.cancel",
			class: limit.Send, body: none, handle: s.cancelSubmission,
		},
		{
			method: http.MethodGet, path: "/v1/submissions/:id/errors", name: "submissions.errors", query: "after limit",
			class: limit.Read, body: none, handle: s.readErrors,
		},
		{
			method: http.MethodGet, path: "/v1/submissions/:id/quality", name: "submissions.quality",
			class: limit.Read, body: none, handle: s.readQuality,
		},
		{
			method: http.MethodGet, path: "/v1/quality", name: qualityOwn, query: "provider dataset from to", about: true,
			class: limit.Read, body: none, handle: s.listQuality,
		},
		{
			method: http.MethodGet, path: "/v1/coverage", name: "coverage.list", query: "provider dataset from to",
			class: limit.Read, body: none, handle: s.listCoverage,
		},
	}
}

// askRoutes are what is asked, under which rules and links, and who changes those.
func (s *server) askRoutes() []route {
	return []route{
		{method: http.MethodGet, path: "/v1/datasets", name: "datasets.list", class: limit.Read, body: none, handle: s.listDatasets},
		{method: http.MethodGet, path: "/v1/datasets/:dataset/schema", name: "datasets.schema", class: limit.Read, body: none, handle: s.readSchema},
		{method: http.MethodPost, path: "/v1/profiles/subject", name: "profiles.subject", class: limit.Ask, body: small, handle: s.subjectProfile},
		{method: http.MethodPost, path: "/v1/profiles/area", name: "profiles.area", class: limit.Ask, body: small, handle: s.areaProfile},
		{method: http.MethodPost, path: "/v1/decisions/explain", name: "decisions.explain", class: limit.Ask, body: small, handle: s.explain},
		{method: http.MethodGet, path: "/v1/agreements", name: "agreements.list", class: limit.Read, body: none, handle: s.listAgreements},
		{method: http.MethodGet, path: "/v1/agreements/:id", name: "agreements.read", class: limit.Read, body: none, handle: s.readAgreement},
		{
			method: http.MethodPost, path: "/v1/agreements/:id/suspend", name: "agreements.suspend", about: true,
			class: limit.Ask, body: small, handle: s.suspendAgreement,
		},
		{
			method: http.MethodPost, path: "/v1/policy/impact", name: "policy.impact", query: "live_from",
			class: limit.Heavy, body: bundle.MaxBytes, handle: s.policyImpact,
		},
		{method: http.MethodPost, path: "/v1/editions", name: "editions.create", class: limit.Heavy, body: small, handle: s.createEdition},
		{method: http.MethodGet, path: "/v1/editions", name: "editions.list", class: limit.Read, body: none, handle: s.listEditions},
		{
			method: http.MethodPost, path: "/v1/case-links", name: "case_links.create", about: true,
			class: limit.Ask, body: small, handle: s.createCaseLink,
		},
		{
			method: http.MethodGet, path: "/v1/case-links", name: "case_links.list", query: "kind in_force cursor",
			class: limit.Read, body: none, handle: s.listCaseLinks,
		},
		{
			method: http.MethodPost, path: "/v1/case-links/import", name: "case_links.import",
			class: limit.Send, body: maxImportBody, handle: s.importCaseLinks,
		},
		{method: http.MethodPost, path: "/v1/case-links/:id/end", name: "case_links.end", class: limit.Ask, body: small, handle: s.endCaseLink},
	}
}

// logRoutes are what the log has, for those who hold Concord to it.
func (s *server) logRoutes() []route {
	return []route{
		{
			method: http.MethodGet, path: "/v1/audit/entries", name: "audit.entries",
			query: "log_purpose actor agency provider action purpose request_id from to cursor limit",
			class: limit.Read, body: none, handle: s.listEntries,
		},
		{
			method: http.MethodGet, path: "/v1/audit/entries/:index", name: "audit.entry", query: "log_purpose",
			class: limit.Read, body: none, handle: s.readEntry,
		},
		{method: http.MethodGet, path: "/v1/audit/entries/:index/proof", name: "audit.proof", class: limit.Read, body: none, handle: s.readProof},
		{method: http.MethodGet, path: "/v1/audit/checkpoint", name: "audit.checkpoint", class: limit.Read, body: none, handle: s.readCheckpoint},
		{
			method: http.MethodGet, path: "/v1/audit/consistency", name: "audit.consistency", query: "old new",
			class: limit.Read, body: none, handle: s.readConsistency,
		},
		{
			method: http.MethodGet, path: "/v1/audit/export", name: "audit.export", query: "log_purpose",
			class: limit.Heavy, body: none, handle: s.exportLog,
		},
		{
			method: http.MethodGet, path: "/v1/disclosures", name: "disclosures.list", query: "cursor",
			class: limit.Read, body: none, handle: s.listDisclosures,
		},
		{
			method: http.MethodGet, path: "/tlog/checkpoint", name: "tlog.checkpoint", public: true, static: true,
			class: limit.Read, body: none, handle: s.tlogCheckpoint,
		},
		{
			method: http.MethodGet, path: "/tlog/tile/*tile", name: "tlog.tile", public: true, static: true,
			class: limit.Read, body: none, handle: s.tlogTile,
		},
	}
}

// ownRoutes are how the gateway is, and what it offers.
func (s *server) ownRoutes() []route {
	return []route{
		{method: http.MethodGet, path: "/healthz", name: "healthz", public: true, class: limit.Exempt, body: none, handle: s.healthz},
		{method: http.MethodGet, path: "/readyz", name: "readyz", public: true, class: limit.Exempt, body: none, handle: s.readyz},
		{method: http.MethodGet, path: "/openapi.json", name: "openapi", class: limit.Read, body: none, handle: s.openapi},
		{method: http.MethodGet, path: "/docs", name: "docs", class: limit.Read, body: none, handle: s.docs},
	}
}
