package concord.release_test

_request_denials := {
	"unknown purpose": {"code": "purpose_unknown", "request": {"request": {"purpose": "nosiness"}}},
	"purpose for areas": {"code": "purpose_wrong_kind", "request": {"request": {"purpose": "picture"}}},
	"unknown kind": {"code": "purpose_wrong_kind", "request": {"request": {"kind": "everyone"}}},
	"no role": {"code": "role_missing", "request": {"actor": {"roles": []}}},
	"supervisor asks for a person": {"code": "role_missing", "request": {"actor": {"roles": ["supervisor"]}}},
	"emergency without the role": {"code": "emergency_role_required", "request": {"request": {
		"purpose": "life",
		"emergency": {"ground": "threat_to_life", "incident": "I-1"},
	}}},
	"emergency for an area": {"code": "emergency_subject_only", "request": {
		"actor": {"roles": ["analyst", "emergency"]},
		"request": {"kind": "area", "purpose": "life", "emergency": {"ground": "threat_to_life", "incident": "I-1"}},
	}},
	"emergency for another purpose": {"code": "emergency_purpose_required", "request": {
		"actor": {"roles": ["analyst", "emergency"]},
		"request": {"purpose": "inquiry", "emergency": {"ground": "threat_to_life", "incident": "I-1"}},
	}},
}

test_each_denial_of_the_request_withholds_everything if {
	every _, case in _request_denials {
		decision := _decide(_with(case.request), _terms({}))
		not decision.allow
		_fields_under(decision, case.code) == {"/area", "/name", "/notes", "/secret"}
	}
}

test_unknown_ground if "ground_unknown" in _codes(_decide(_emergency("boredom", "I-1"), _terms({})))

test_incident_missing if "incident_required" in _codes(_decide(_emergency("threat_to_life", ""), _terms({})))

test_ground_without_agreement if {
	_codes(_decide(_emergency("court_order", "I-1"), _terms({}))) == {"ground_not_covered"}
}

test_emergency_needs_no_link if _decide(_emergency("threat_to_life", "I-1"), _terms({})).allow

test_emergency_does_not_lift_a_suspension if {
	not _decide(_emergency("threat_to_life", "I-1"), _terms({"demands": {"stops": 0, "ends": 0}})).allow
}

test_purpose_of_emergencies_alone_releases_nothing if {
	decision := _decide(_with({"request": {"purpose": "life"}}), _terms({}))
	not decision.allow
	_codes(decision) == {"purpose_not_permitted"}
}

test_no_agreement_for_another_agency if {
	_codes(_decide(_with({"actor": {"agency": "nobody"}}), _terms({}))) == {"no_agreement"}
}
