# METADATA
# title: Conditions of ISA-ME-WMP-001
# description: |
#   Clause 4.3(b): a child's exclusions are for cases that are opened under the safeguarding
#   process. Their references begin with OP- (an operation) or CE- (a child exploitation
#   case); counts for an area and emergencies need none.
package concord.agreements["ISA-ME-WMP-001"]

# METADATA
# title: Permit
# scope: document
# description: Proved where the request keeps to clause 4.3(b).
default permit := false

permit if input.request.kind == "area"

permit if input.request.emergency != null

permit if _case_opened

_case_opened if startswith(input.request.case_ref, "OP-")

_case_opened if startswith(input.request.case_ref, "CE-")

# METADATA
# title: Case not opened
# description: The sentence that a person reads where clause 4.3(b) is not kept.
# custom:
#   message: "Clause 4.3(b): the case reference must begin with OP- or CE-."
deny contains rego.metadata.rule().custom.message if not permit
