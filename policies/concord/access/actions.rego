package concord.access

_everyone := {"everyone": true, "roles": set(), "host": false, "own": false}

_for(roles, host, own) := {"everyone": false, "roles": roles, "host": host, "own": own}

# Every route by its action. An action that is not here is denied.
_actions := {
	"agreements.list": _everyone,
	"agreements.read": _everyone,
	"agreements.suspend": _for({"approver"}, false, true),
	"audit.checkpoint": _everyone,
	"audit.consistency": _everyone,
	"audit.entries": _for({"ig-lead"}, true, false),
	"audit.entry": _for({"ig-lead"}, true, false),
	"audit.export": _for({"ig-lead"}, true, false),
	"audit.proof": _everyone,
	"audit.search": _for({"ig-lead"}, true, false),
	"case_links.create": _for({"analyst", "supervisor"}, true, false),
	"coverage.list": _for({"analyst", "ig-lead"}, true, false),
	"datasets.list": _everyone,
	"datasets.schema": _everyone,
	"decisions.explain": _everyone,
	"disclosures.list": _for({"partner-ig"}, false, true),
	"editions.create": _for({"ig-lead", "supervisor"}, true, false),
	"editions.list": _for({"ig-lead", "supervisor"}, true, false),
	"history.read": {"everyone": true, "roles": set(), "host": false, "own": true},
	"policy.impact": _for({"approver", "policy-author"}, false, false),
	"profiles.area": _for({"analyst", "partner-ig", "supervisor"}, false, false),
	"profiles.subject": _for({"analyst"}, false, false),
	"quality.all": _for({"ig-lead"}, true, false),
	"quality.read": _for({"partner-ig", "submitter"}, false, true),
	"merges.create": _for({"submitter"}, false, true),
	"submissions.append": _for({"submitter"}, false, true),
	"submissions.cancel": _for({"submitter"}, false, true),
	"submissions.create": _for({"submitter"}, false, true),
	"submissions.errors": _for({"submitter"}, false, true),
	"submissions.offset": _for({"submitter"}, false, true),
	"submissions.quality": _for({"submitter"}, false, true),
	"submissions.read": _for({"submitter"}, false, true),
	"withdrawals.create": _for({"submitter"}, false, true),
}

# Roles that one person must not hold together.
_apart := {
	{"analyst", "ig-lead"},
	{"analyst", "operator"},
	{"approver", "policy-author"},
	{"emergency", "ig-lead"},
	{"ig-lead", "operator"},
}
