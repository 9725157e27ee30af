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
	"case_links.end": _for({"supervisor"}, true, true),
	"case_links.import": _for({"case-system"}, true, false),
	"case_links.list": _for({"ig-lead", "supervisor"}, true, true),
	"coverage.list": _for({"analyst", "ig-lead"}, true, false),
	"datasets.list": _everyone,
	"datasets.schema": _everyone,
	"decisions.explain": _everyone,
	"disclosures.list": _for({"partner-ig"}, false, true),
	"docs": _everyone,
	"editions.create": _for({"ig-lead", "supervisor"}, true, false),
	"editions.list": _for({"ig-lead", "supervisor"}, true, false),
	"history.read": {"everyone": true, "roles": set(), "host": false, "own": true},
	"openapi": _everyone,
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

# Roles that one person must not hold together: what the separation of duties denies to
# one of them, the other gives.
_apart := {
	{"analyst", "ig-lead"},
	{"analyst", "operator"},
	{"approver", "policy-author"},
	{"emergency", "ig-lead"},
	{"emergency", "operator"},
	{"ig-lead", "operator"},
	{"ig-lead", "partner-ig"},
	{"ig-lead", "supervisor"},
	{"operator", "partner-ig"},
	{"operator", "supervisor"},
	{"partner-ig", "policy-author"},
}

# Roles of systems. Who holds one holds no other: what a machine imports, no person's role
# may reach, nor the machine anything else.
_alone := {"case-system"}
