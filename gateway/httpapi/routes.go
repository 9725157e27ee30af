package httpapi

import "net/http"

// route is one row of the API.
type route struct {
	method, path string
	// name is the action that concord.access is asked about, and how the log
	// and the operator's log call the route.
	name string
	// public routes need no token.
	public bool
	// open routes need a token and no role: they describe the API.
	open bool
	// about routes ask concord.access themselves, once they know what the
	// request is about.
	about bool
	// static routes answer HEAD like GET, without the body.
	static bool
	handle handler
}

// routes is the whole API. A test holds it against schemas/openapi.yaml.
func (s *server) routes() []route {
	return []route{
		{method: http.MethodPost, path: "/v1/datasets/:dataset/submissions", name: "submissions.create", handle: s.createSubmission},
		{method: http.MethodPost, path: "/v1/datasets/:dataset/withdrawals", name: "withdrawals.create", handle: s.createWithdrawal},
		{method: http.MethodPost, path: "/v1/datasets/:dataset/merges", name: "merges.create", handle: s.createMerge},
		{method: http.MethodGet, path: "/v1/submissions/:id", name: "submissions.read", handle: s.readSubmission},
		{method: http.MethodHead, path: "/v1/submissions/:id", name: "submissions.offset", handle: s.readOffset},
		{method: http.MethodPatch, path: "/v1/submissions/:id", name: "submissions.append", handle: s.appendSubmission},
		{method: http.MethodDelete, path: "/v1/submissions/:id", name: "submissions.cancel", handle: s.cancelSubmission},
		{method: http.MethodGet, path: "/v1/submissions/:id/errors", name: "submissions.errors", handle: s.readErrors},
		{method: http.MethodGet, path: "/v1/submissions/:id/quality", name: "submissions.quality", handle: s.readQuality},
		{method: http.MethodGet, path: "/v1/quality", name: qualityOwn, about: true, handle: s.listQuality},
		{method: http.MethodGet, path: "/v1/coverage", name: "coverage.list", handle: s.listCoverage},
		{method: http.MethodGet, path: "/v1/datasets", name: "datasets.list", handle: s.listDatasets},
		{method: http.MethodGet, path: "/v1/datasets/:dataset/schema", name: "datasets.schema", handle: s.readSchema},
		{method: http.MethodPost, path: "/v1/profiles/subject", name: "profiles.subject", handle: s.subjectProfile},
		{method: http.MethodPost, path: "/v1/profiles/area", name: "profiles.area", handle: s.areaProfile},
		{method: http.MethodPost, path: "/v1/decisions/explain", name: "decisions.explain", handle: s.explain},
		{method: http.MethodGet, path: "/v1/agreements", name: "agreements.list", handle: s.listAgreements},
		{method: http.MethodGet, path: "/v1/agreements/:id", name: "agreements.read", handle: s.readAgreement},
		{method: http.MethodPost, path: "/v1/agreements/:id/suspend", name: "agreements.suspend", about: true, handle: s.suspendAgreement},
		{method: http.MethodPost, path: "/v1/policy/impact", name: "policy.impact", handle: s.policyImpact},
		{method: http.MethodPost, path: "/v1/editions", name: "editions.create", handle: s.createEdition},
		{method: http.MethodGet, path: "/v1/editions", name: "editions.list", handle: s.listEditions},
		{method: http.MethodPost, path: "/v1/case-links", name: "case_links.create", about: true, handle: s.createCaseLink},
		{method: http.MethodGet, path: "/v1/audit/entries", name: "audit.entries", handle: s.listEntries},
		{method: http.MethodGet, path: "/v1/audit/entries/:index", name: "audit.entry", handle: s.readEntry},
		{method: http.MethodGet, path: "/v1/audit/entries/:index/proof", name: "audit.proof", handle: s.readProof},
		{method: http.MethodGet, path: "/v1/audit/checkpoint", name: "audit.checkpoint", handle: s.readCheckpoint},
		{method: http.MethodGet, path: "/v1/audit/consistency", name: "audit.consistency", handle: s.readConsistency},
		{method: http.MethodGet, path: "/v1/audit/export", name: "audit.export", handle: s.exportLog},
		{method: http.MethodGet, path: "/v1/disclosures", name: "disclosures.list", handle: s.listDisclosures},
		{method: http.MethodGet, path: "/tlog/checkpoint", name: "tlog.checkpoint", public: true, static: true, handle: s.tlogCheckpoint},
		{method: http.MethodGet, path: "/tlog/tile/*tile", name: "tlog.tile", public: true, static: true, handle: s.tlogTile},
		{method: http.MethodGet, path: "/healthz", name: "healthz", public: true, handle: s.healthz},
		{method: http.MethodGet, path: "/readyz", name: "readyz", public: true, handle: s.readyz},
		{method: http.MethodGet, path: "/openapi.json", name: "openapi", open: true, handle: s.openapi},
		{method: http.MethodGet, path: "/docs", name: "docs", open: true, handle: s.docs},
	}
}
