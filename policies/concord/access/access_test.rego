package concord.access_test

_agencies := {"homes": {"host": false}, "police": {"host": true}}

_ask(actor, action, resource) := decision if {
	asked := {"actor": actor, "action": action, "resource": resource, "time": "2026-06-01T12:00:00Z"}
	decision := data.concord.access.decision with input as asked with data.agencies as _agencies
}

_police(roles) := {"subject": "ann", "agency": "police", "roles": roles, "clearance": ""}

_homes(roles) := {"subject": "hal", "agency": "homes", "roles": roles, "clearance": ""}

_codes(decision) := {reason.code | some reason in decision.reasons}

# Action, an actor who may, and one who may not.
_routes := [
	["submissions.create", _homes(["submitter"]), _homes(["analyst"])],
	["submissions.read", _homes(["submitter"]), _homes(["partner-ig"])],
	["submissions.append", _homes(["submitter"]), _homes(["partner-ig"])],
	["submissions.cancel", _homes(["submitter"]), _homes(["analyst"])],
	["submissions.errors", _homes(["submitter"]), _homes(["partner-ig"])],
	["submissions.offset", _homes(["submitter"]), _homes(["analyst"])],
	["merges.create", _homes(["submitter"]), _homes(["partner-ig"])],
	["submissions.quality", _homes(["submitter"]), _homes(["partner-ig"])],
	["quality.read", _homes(["partner-ig"]), _homes(["analyst"])],
	["quality.read", _homes(["submitter"]), _police(["ig-lead"])],
	["quality.all", _police(["ig-lead"]), _homes(["ig-lead"])],
	["coverage.list", _police(["analyst"]), _homes(["analyst"])],
	["coverage.list", _police(["ig-lead"]), _police(["supervisor"])],
	["withdrawals.create", _homes(["submitter"]), _homes(["partner-ig"])],
	["profiles.subject", _police(["analyst"]), _police(["supervisor"])],
	["profiles.area", _homes(["partner-ig"]), _homes(["submitter"])],
	["profiles.area", _police(["supervisor"]), _police(["operator"])],
	["editions.create", _police(["ig-lead"]), _police(["analyst"])],
	["editions.list", _police(["supervisor"]), _homes(["partner-ig"])],
	["audit.entries", _police(["ig-lead"]), _police(["operator"])],
	["audit.entry", _police(["ig-lead"]), _homes(["ig-lead"])],
	["audit.search", _police(["ig-lead"]), _police(["supervisor"])],
	["audit.export", _police(["ig-lead"]), _police(["analyst"])],
	["disclosures.list", _homes(["partner-ig"]), _homes(["submitter"])],
	["case_links.list", _police(["supervisor"]), _police(["analyst"])],
	["case_links.end", _police(["supervisor"]), _homes(["supervisor"])],
	["case_links.import", _police(["case-system"]), _police(["supervisor"])],
]

test_routes_by_role if {
	every route in _routes {
		_ask(route[1], route[0], {}).allow
		not _ask(route[2], route[0], {}).allow
	}
}

test_routes_for_everyone if {
	every action in [
		"agreements.list", "agreements.read", "audit.checkpoint", "audit.consistency", "audit.proof",
		"datasets.list", "datasets.schema", "decisions.explain", "docs", "history.read", "openapi",
	] {
		_ask(_homes([]), action, {}).allow
	}
}

test_unknown_action_is_denied if {
	decision := _ask(_police(["ig-lead"]), "data.everything", {})
	not decision.allow
	_codes(decision) == {"action_unknown"}
}

test_unknown_agency_and_nameless_actor_are_denied if {
	stranger := {"subject": "x", "agency": "nobody", "roles": ["analyst"], "clearance": ""}
	"actor_unknown" in _codes(_ask(stranger, "datasets.list", {}))
	"actor_unknown" in _codes(_ask(object.union(_police([]), {"subject": ""}), "datasets.list", {}))
}

test_log_belongs_to_the_host if "host_only" in _codes(_ask(_homes(["ig-lead"]), "audit.entries", {}))

test_only_what_is_own if {
	_ask(_homes(["submitter"]), "submissions.read", {"agency": "homes"}).allow
	_codes(_ask(_homes(["submitter"]), "submissions.read", {"agency": "police"})) == {"not_own"}
	_ask(_homes(["partner-ig"]), "quality.read", {"agency": "homes"}).allow
	_codes(_ask(_homes(["partner-ig"]), "quality.read", {"agency": "police"})) == {"not_own"}
	_ask(_homes([]), "history.read", {"subject": "hal"}).allow
	_codes(_ask(_homes([]), "history.read", {"subject": "ann"})) == {"not_own"}
}

test_object_is_nothing_to_those_without_the_role if {
	every agency in ["homes", "police", ""] {
		_codes(_ask(_homes(["partner-ig"]), "agreements.suspend", {"agency": agency})) == {"role_missing"}
		_codes(_ask(_police(["operator"]), "case_links.create", {"analyst": agency})) == {"role_missing"}
	}
}

test_case_links if {
	_ask(_police(["supervisor"]), "case_links.create", {"analyst": "bob"}).allow
	_ask(_police(["analyst"]), "case_links.create", {"analyst": "ann"}).allow
	every case in [[["supervisor"], "ann"], [["analyst"], "bob"]] {
		_codes(_ask(_police(case[0]), "case_links.create", {"analyst": case[1]})) == {"link_not_permitted"}
	}
	not _ask(_police(["supervisor"]), "case_links.create", {}).allow
}

test_imported_links if {
	_ask(_police(["case-system"]), "case_links.import", {"analyst": "bob"}).allow
	_codes(_ask(_police(["case-system"]), "case_links.import", {"analyst": "ann"})) == {"link_not_permitted"}
}

test_duties_stay_apart if {
	every pair in [
		["analyst", "ig-lead"], ["approver", "policy-author"], ["ig-lead", "operator"],
		["operator", "emergency"], ["analyst", "case-system"],
	] {
		"duties_conflict" in _codes(_ask(_police(pair), "datasets.list", {}))
	}
	_ask(_police(["analyst", "emergency"]), "profiles.subject", {}).allow
}

test_no_input_is_the_default_denial if {
	decision := data.concord.access.decision with input as {}
	not decision.allow
}
