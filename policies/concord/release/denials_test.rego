package concord.release_test

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
	codes := _codes(_decide(asked, _terms({})))
	"quota_exceeded" in codes
	"agency_quota_exceeded" in codes
}

test_last_of_the_agency_is_within_its_quota if {
	asked := _with({"usage": {"agency_subjects_last_hour": 2, "agency_subjects_last_day": 4}})
	_decide(asked, _terms({"guard": {"limit": {"agency_per_hour": 3, "agency_per_day": 5}}})).allow
}

test_area_counts_towards_no_quota if {
	asked := _with({
		"actor": {"roles": ["partner-ig"]},
		"request": {"kind": "area"},
		"usage": {"agency_subjects_last_hour": 9},
	})
	_decide(asked, _terms({"guard": {"limit": {"agency_per_hour": 3}}})).allow
	unmet := _decide(asked, _terms({"guard": {"condition": "A-1", "limit": {"agency_per_hour": 3}}}))
	not "agency_quota_exceeded" in _codes(unmet)
	"agreement_condition" in _codes(unmet)
}

test_quota_that_is_used_up_is_named if {
	quota := {"per_hour": 0, "per_day": 0, "agency_per_hour": 3, "agency_per_day": 0}
	term := {"guard": {"limit": {"agency_per_hour": 3}}, "obliges": {"quotas": {"0/0/3/0": quota}}}
	asked := _with({"usage": {"agency_subjects_last_hour": 3}})
	_decide(asked, _terms(term)).obligations == {
		"handling": "",
		"instructions": [],
		"review": "",
		"expires": "",
		"quota": quota,
	}
}
