package concord.release_test

# As the gateway makes it for a group with one term.
_alone(term) := {
	"demands": term.demands,
	"guard": term.guard,
	"obliges": term.obliges,
	"answer": _answer(term, _whole),
	"refused": {
		"group": {"provider": "homes", "dataset": "housing.tenancy", "allow": false},
		"reasons": [],
		"withheld": [],
		"entry": {"fields": ["/name"], "clause": "4.2(a)"},
		"words": {"case_link_required": {"code": "case_link_required", "reason": "No link."}},
	},
}

_whole := {"handling": "OFFICIAL", "instructions": [], "review": "2026-12-01", "expires": "2026-12-31"}

_answer(term, obligations) := {
	"allow": true,
	"groups": [{"provider": "homes", "dataset": "housing.tenancy", "allow": true, "fields": term.fields.subject}],
	"obligations": obligations,
	"withheld": [{"code": "count_only", "fields": term.counted}],
}

_decide_alone(request, term) := _decide_ready(request, _alone(term))

_decide_ready(request, alone) := decision if {
	term := object.union(_term, {"demands": alone.demands, "guard": alone.guard})
	use := {"terms": {"A-1": term}, "unnamed": ["/secret"], "alone": alone}
	amiss := {"answer": {"groups": [{"allow": false}], "withheld": [{"code": "amiss"}]}}
	of_dataset := {"housing.tenancy": {"inquiry": {"subject": use}}}
	decision := data.concord.release.decision with input as request
		with data.purposes as _purposes
		with data.grounds as _grounds
		with data.datasets as {"housing.tenancy": _fields}
		with data.agreements as {"homes": {"police": of_dataset}, "flats": {"police": of_dataset}}
		with data.emergencies as {"homes": {"police": {"housing.tenancy": {"threat_to_life": use}}}}
		with data.amiss as {"homes": {"police": {"housing.tenancy": {
			"purpose_not_permitted": amiss,
			"ground_not_covered": amiss,
		}}}}
}

test_one_term_that_admits_nobody_goes_by_the_rules if {
	_decide_alone(_request, _term) == _answer(_term, _whole)
}

test_one_term_that_does_not_apply_is_turned_down if {
	decision := _decide_alone(_with({"request": {"case_link": "none"}}), _term)
	not decision.allow
	reason := {"code": "case_link_required", "message": "No link.", "clause": "4.2(a)"}
	decision.groups == [object.union(_alone(_term).refused.group, {"reasons": [reason]})]
	decision.withheld[0].fields == ["/name"]
	_codes(decision) == {"case_link_required"}
}

test_one_term_that_denies_goes_the_long_way if {
	term := object.union(_term, {"guard": {"limit": {"per_hour": 3}}})
	decision := _decide_alone(_with({"usage": {"subjects_last_hour": 3}}), term)
	not decision.allow
	"quota_exceeded" in _codes(decision)
}

test_request_that_is_denied_gets_nothing_that_is_ready if {
	decision := _decide_alone(_with({"actor": {"roles": []}}), _term)
	not decision.allow
	_codes(decision) == {"role_missing"}
}

test_what_is_shared_for_something_else_is_amiss if {
	every request in [_with({"request": {"purpose": "life"}}), _emergency("court_order", "I-1")] {
		decision := _decide_alone(request, _term)
		not decision.allow
		_codes(decision) == {"amiss"}
	}
}
