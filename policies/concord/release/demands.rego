package concord.release

_now := time.parse_rfc3339_ns(input.request.time)

_clearances := {"": 0, "bpss": 1, "nppv2": 2, "nppv3": 3, "sc": 4, "dv": 5}

# Many terms demand the same, and the answer to one demand is kept for the request.
_met(demands) if {
	demands.from <= _now
	_now < demands.ends
	_clearance >= demands.clearance
	_link in demands.links
	_role_held(demands)
}

# Why a demand is not met: the codes of the refusals.
_failing(demands) := {code |
	some code in _refusal_codes
	_lacks(code, demands)
}

_refusal_codes := {
	"not_yet_valid", "expired", "suspended", "review_overdue",
	"role_missing", "clearance_too_low", "case_link_required",
}

_lacks("not_yet_valid", demands) if not demands.from <= _now

_lacks("expired", demands) if not _now < demands.until

_lacks("suspended", demands) if not _now < demands.stops

# What has ended is not to be reviewed but renewed.
_lacks("review_overdue", demands) if {
	not _now < demands.reviewed
	_now < demands.until
}

_lacks("role_missing", demands) if not _role_held(demands)

_lacks("clearance_too_low", demands) if not _clearance >= demands.clearance

_lacks("case_link_required", demands) if not _link in demands.links

# Below every level where the level is not known.
_clearance := object.get(_clearances, input.actor.clearance, -1)

# How the actor comes to the person. An area has none, and an emergency needs no link.
default _link := "none"

_link := "unneeded" if {
	input.request.kind == "area"
} else := "unneeded" if {
	_emergency
} else := input.request.case_link if {
	input.request.case_link in {"assigned", "self_claimed"}
}

_role_held(demands) if demands.everyone

_role_held(demands) if {
	some role in input.actor.roles
	demands.roles[role]
}
