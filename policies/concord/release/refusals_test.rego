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
	"review overdue": {"code": "review_overdue", "term": _ending("reviewed", "2026-06-01T12:00:00Z")},
	"role of the agreement": {"code": "role_missing", "term": _only_for("supervisor")},
	"clearance": {"code": "clearance_too_low", "term": {"demands": {"clearances": {"bpss": false}}, "vetting": "nppv2"}},
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
	"quota of the agency by the hour": {
		"code": "agency_quota_exceeded",
		"term": {"guard": {"limit": {"agency_per_hour": 3}}},
		"request": {"usage": {"agency_subjects_last_hour": 3}},
	},
	"quota of the agency by the day": {
		"code": "agency_quota_exceeded",
		"term": {"guard": {"limit": {"agency_per_day": 5}}},
		"request": {"usage": {"agency_subjects_last_day": 5}},
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
	_decide(_request, _terms(_ending("reviewed", "2026-06-01T12:00:01Z"))).allow
}

test_what_has_ended_is_not_to_be_reviewed if {
	decision := _decide(_request, _terms({"demands": {"reviewed": 0, "until": 0, "ends": 0}}))
	not "review_overdue" in _codes(decision)
	"expired" in _codes(decision)
}

test_kind_that_the_agreement_does_not_cover if {
	term := object.remove(_term, ["fields"])
	decision := _decide(_request, {"A-1": object.union(term, {"fields": {"area": {}}})})
	"kind_not_permitted" in _codes(decision)
}

test_self_claimed_link_where_the_agreement_accepts_it if {
	asked := _with({"request": {"case_link": "self_claimed"}})
	_decide(asked, _terms({"demands": {"links": {"self_claimed": true}}})).allow
}

test_role_of_the_agreement_held if _decide(_request, _terms(_only_for("analyst"))).allow

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
