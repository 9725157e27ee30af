package concord.release_test

_ending(why, at) := {"demands": {why: ns, "ends": ns}} if ns := time.parse_rfc3339_ns(at)

_only_for(role) := {"demands": {"everyone": false, "roles": {role: true}}}

_refused := {
	"not yet valid": {
		"code": "not_yet_valid",
		"term": {"demands": {"from": time.parse_rfc3339_ns("2026-06-01T12:00:01Z")}},
	},
	"expired": {"code": "expired", "term": _ending("until", "2026-06-01T12:00:00Z")},
	"suspended": {"code": "suspended", "term": _ending("stops", "2026-06-01T12:00:00Z")},
	"role of the agreement": {"code": "role_missing", "term": _only_for("supervisor")},
	"clearance": {"code": "clearance_too_low", "term": {"demands": {"clearance": 2}, "vetting": "nppv2"}},
	"no case link": {"code": "case_link_required", "request": {"request": {"case_link": "none"}}},
	"self-claimed link": {"code": "case_link_required", "request": {"request": {"case_link": "self_claimed"}}},
	"unknown clearance": {"code": "clearance_too_low", "request": {"actor": {"clearance": "invented"}}},
	"quota by the hour": {
		"code": "quota_exceeded",
		"term": {"guard": {"limit": {"per_hour": 3}}},
		"request": {"usage": {"subjects_last_hour": 3}},
	},
	"quota by the day": {
		"code": "quota_exceeded",
		"term": {"guard": {"limit": {"per_day": 5}}},
		"request": {"usage": {"subjects_last_day": 5}},
	},
	"condition without rules": {"code": "agreement_condition", "term": {"guard": {"condition": "A-1"}}},
}

test_each_refusal_withholds_every_named_field if {
	every _, case in _refused {
		decision := _decide(_with(object.get(case, "request", {})), _terms(object.get(case, "term", {})))
		not decision.allow
		_fields_under(decision, case.code) == {"/area", "/name", "/notes"}
		"not_in_agreement" in _codes(decision)
	}
}

test_last_second_before_and_first_second_after if {
	_decide(_request, _terms({"demands": {"from": time.parse_rfc3339_ns("2026-06-01T12:00:00Z")}})).allow
	_decide(_request, _terms(_ending("until", "2026-06-01T12:00:01Z"))).allow
	_decide(_request, _terms(_ending("stops", "2026-06-01T12:00:01Z"))).allow
}

test_kind_that_the_agreement_does_not_cover if {
	term := object.remove(_term, ["fields"])
	decision := _decide(_request, {"A-1": object.union(term, {"fields": {"area": {}}})})
	"kind_not_permitted" in _codes(decision)
}

test_self_claimed_link_where_the_agreement_accepts_it if {
	asked := _with({"request": {"case_link": "self_claimed"}})
	_decide(asked, _terms({"demands": {"links": ["self_claimed"]}})).allow
}

test_role_of_the_agreement_held if _decide(_request, _terms(_only_for("analyst"))).allow

test_one_denial_takes_the_whole_group if {
	decision := _decide(_with({"usage": {"subjects_last_hour": 3}}), {
		"A-1": _term,
		"A-2": object.union(
			object.remove(_term, ["named"]),
			{"guard": {"limit": {"per_hour": 3}}, "named": {"/name": true}},
		),
	})
	not decision.allow
	_fields_under(decision, "quota_exceeded") == {"/area", "/name", "/notes"}
}

test_refused_agreement_does_not_touch_another if {
	decision := _decide(_request, {"A-1": _term, "A-2": object.union(_term, {"demands": {"until": 0, "ends": 0}})})
	decision.groups[0].fields == {"/name": _grant("full")}
	_fields_under(decision, "expired") == {"/area", "/notes"}
}

test_refused_agreement_whose_fields_another_grants_is_not_named if {
	decision := _decide(_request, {"A-1": _term, "A-2": object.union(
		object.remove(_term, ["named"]),
		{"demands": {"until": 0, "ends": 0}, "named": {"/name": true}},
	)})
	not "expired" in _codes(decision)
}

test_condition_of_an_agreement_is_read if {
	kept := {"A-1": {"permit": true, "deny": set()}}
	met := _decide(_request, _terms({"guard": {"condition": "A-1"}})) with data.concord.agreements as kept
	met.allow
	broken := {"A-1": {"permit": false, "deny": {"Clause 1 is not kept."}}}
	unmet := _decide(_request, _terms({"guard": {"condition": "A-1"}})) with data.concord.agreements as broken
	unmet.withheld[_].reason == "A condition of agreement A-1 is not met. Clause 1 is not kept."
}

test_condition_of_another_type_denies if {
	every conditions in [
		{"permit": "true", "deny": set()},
		{"permit": 1, "deny": set()},
		{"permit": true, "deny": ""},
		{"permit": true, "deny": {}},
		{"permit": true, "deny": []},
		{"permit": true, "deny": {7}},
		{"permit": true},
		{"deny": set()},
	] {
		decision := _decide(_request, _terms({"guard": {"condition": "A-1"}}))
			with data.concord.agreements as {"A-1": conditions}
		not decision.allow
		decision.withheld[_].reason == "A condition of agreement A-1 is not met. See its text."
	}
}

test_usage_that_is_not_known_denies if {
	asked := object.union(object.remove(_request, ["usage"]), {"usage": {}})
	"quota_exceeded" in _codes(_decide(asked, _terms({})))
}
