package concord.agreements["ISA-ME-WMP-001_test"]

import data.concord.agreements["ISA-ME-WMP-001"] as conditions

_person(case_ref) := {"request": {"kind": "subject", "case_ref": case_ref, "emergency": null}}

test_operation_and_exploitation_case_are_permitted if {
	every case_ref in ["OP-LANTERN", "CE-2026-0142"] {
		conditions.permit with input as _person(case_ref)
		count(conditions.deny) == 0 with input as _person(case_ref)
	}
}

test_other_case_is_denied if {
	not conditions.permit with input as _person("ASB-17")
	conditions.deny == {"Clause 4.3(b): the case reference must begin with OP- or CE-."} with input as _person("ASB-17")
}

test_area_needs_no_case if conditions.permit with input as {"request": {"kind": "area"}}

test_emergency_needs_no_case if {
	conditions.permit with input as {"request": {
		"kind": "subject",
		"case_ref": "",
		"emergency": {"ground": "child_at_immediate_risk", "incident": "INC-1"},
	}}
}

test_nothing_is_not_permitted if not conditions.permit with input as {}
