package concord.release_test

# The same for a term that admits an analyst at a glance.
_admitting(term) := object.union(_alone(term), {"admits": {"bpss": {"assigned": {"analyst": true}}}})

test_one_term_that_admits_gives_the_whole_decision if {
	_decide_ready(_request, _admitting(_term)) == _answer(_term, _whole)
}

test_several_answers_are_joined if {
	asked := _with({"groups": [{"provider": p, "dataset": "housing.tenancy"} | some p in ["homes", "flats"]]})
	decision := _decide_ready(asked, _admitting(_term))
	decision.allow
	count(decision.groups) == 2
	count(decision.withheld) == 2
	decision.obligations == _whole
}

test_one_term_in_an_emergency_goes_by_the_rules if {
	_decide_ready(_emergency("threat_to_life", "I-1"), _admitting(_term)) == _answer(_term, _whole)
}

# Each alone is enough to be no longer plain, and then the rules say why.
test_who_is_not_admitted_gets_nothing_at_a_glance if {
	limit := {"per_hour": 3, "per_day": 3, "agency_per_hour": 3, "agency_per_day": 3}
	alone := _admitting(object.union(_term, {"guard": {"limit": limit}}))
	every request in {
		"clearance": {"actor": {"clearance": "invented"}},
		"link": {"request": {"case_link": "none"}},
		"role": {"actor": {"roles": ["ig-lead"]}},
		"hour": {"usage": {"subjects_last_hour": 3}},
		"day": {"usage": {"subjects_last_day": 3}},
		"agency's hour": {"usage": {"agency_subjects_last_hour": 3}},
		"agency's day": {"usage": {"agency_subjects_last_day": 3}},
		"before": {"request": {"time": "2025-12-31T23:59:59Z"}},
		"after": {"request": {"time": "2026-12-02T00:00:00Z"}},
	} {
		decision := _decide_ready(_with(request), alone)
		not decision.allow
	}
}

test_no_denial_of_the_request_is_passed_over if {
	every _, case in _request_denials {
		not _decide_ready(_with(case.request), _admitting(_term)).allow
	}
}

test_terms_that_oblige_to_different_things_are_joined if {
	other := object.union(_whole, {"review": "2026-11-30"})
	alone := _admitting(_term)
	decision := data.concord.release.obligations with input as _with({"groups": [
		{"provider": "homes", "dataset": "housing.tenancy"},
		{"provider": "flats", "dataset": "housing.tenancy"},
	]})
		with data.purposes as _purposes
		with data.datasets as {"housing.tenancy": _fields}
		with data.agreements as {
			"homes": {"police": {"housing.tenancy": {"inquiry": {"subject": {"alone": alone}}}}},
			"flats": {"police": {"housing.tenancy": {"inquiry": {"subject": {"alone": object.union(alone, {
				"obliges": {"reviews": {"2026-11-30": true}},
				"answer": {"obligations": other},
			})}}}}},
		}
	decision.review == "2026-11-30"
	decision.instructions == ["RECIPIENTS ONLY"]
}
