package concord.release_test

test_person_gets_what_the_agreement_names if {
	decision := _decide(_request, _terms({}))
	decision.allow
	decision.groups == [{
		"provider": "homes",
		"dataset": "housing.tenancy",
		"allow": true,
		"fields": {"/name": _grant("full")},
		"row_conditions": [{"attr": "/status", "op": "eq", "value": "current"}],
		"basis": {"provider": "P", "recipient": "R"},
		"reasons": [{"code": "permitted", "message": "Agreement A-1, version 2, permits this.", "clause": "4.2(a)"}],
	}]
	_fields_under(decision, "count_only") == {"/area"}
	_fields_under(decision, "withheld_by_agreement") == {"/notes"}
	_fields_under(decision, "not_in_agreement") == {"/secret"}
}

test_area_counts_what_is_not_withheld if {
	asked := _with({"actor": {"roles": ["partner-ig"]}, "request": {"kind": "area", "case_link": "none"}})
	decision := _decide(asked, _terms({}))
	object.keys(decision.groups[0].fields) == {"/area", "/name"}
	_codes(decision) == {"withheld_by_agreement", "not_in_agreement"}
}

test_two_agreements_join_and_the_lower_id_is_cited if {
	other := {"treatment": "full", "agreement": "A-2", "version": 1, "clause": "9"}
	decision := _decide(_request, {"A-1": _term, "A-2": object.union(_term, {
		"fields": {"subject": {"/name": other, "/secret": other}},
		"named": {"/secret": true},
		"rows": [{"attr": "/type", "op": "eq", "value": "secure"}],
		"basis": {"provider": "P2", "recipient": "R"},
		"obliges": {
			"markings": {"OFFICIAL-SENSITIVE": true},
			"instructions": {"EMBARGOED": true},
			"reviews": {"2026-09-01": true},
		},
	})})
	decision.groups[0].fields == {"/name": _grant("full"), "/secret": other}
	count(decision.groups[0].row_conditions) == 2
	decision.groups[0].basis == {"provider": "P; P2", "recipient": "R"}
	decision.obligations == {
		"handling": "OFFICIAL-SENSITIVE",
		"instructions": ["EMBARGOED", "RECIPIENTS ONLY"],
		"review": "2026-09-01",
		"expires": "2026-12-31",
	}
}

test_tightest_quota_is_an_obligation if {
	decision := _decide(_request, {
		"A-1": object.union(_term, {"obliges": {"quotas": {"9/0/0/40": _limits(9, 40)}}}),
		"A-2": object.union(_term, {"obliges": {"quotas": {"4/0/0/50": _limits(4, 50)}}}),
	})
	decision.obligations.quota == _limits(4, 40)
}

_limits(hour, agency_day) := {
	"per_hour": hour,
	"per_day": 0,
	"agency_per_hour": 0,
	"agency_per_day": agency_day,
}

test_nothing_released_means_no_obligation if {
	decision := _decide(_request, {})
	decision.obligations == {"handling": "", "instructions": [], "review": "", "expires": ""}
}

test_group_of_no_dataset_is_denied if {
	asked := _with({"groups": [{"provider": "nobody", "dataset": "nothing"}]})
	decision := _decide(asked, _terms({}))
	not decision.allow
	decision.withheld[0].code == "no_agreement"
	decision.withheld[0].fields == []
}

test_order_and_repetition_of_groups_do_not_matter if {
	a := {"provider": "homes", "dataset": "housing.tenancy"}
	b := {"provider": "nobody", "dataset": "nothing"}
	_decide(_with({"groups": [a, b, a]}), _terms({})) == _decide(_with({"groups": [b, a]}), _terms({}))
}

test_what_cannot_be_decided_is_the_default_denial if {
	term := object.union(object.remove(_term, ["obliges"]), {"obliges": {"markings": {"FOR ANYBODY": true}}})
	_decide(_request, {"A-1": term}) == {
		"allow": false,
		"groups": [],
		"obligations": {"handling": "", "instructions": [], "review": "", "expires": ""},
		"withheld": [],
	}
}

test_no_input_is_denied if {
	decision := data.concord.release.decision with input as {}
	not decision.allow
}
