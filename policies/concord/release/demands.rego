package concord.release

_now := time.parse_rfc3339_ns(input.request.time)

# Many terms demand the same, and the answer to one demand is kept for the request.
_met(demands) if {
	demands.from <= _now
	_now < demands.ends
	demands.clearances[input.actor.clearance]
	demands.links[_link]
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

_lacks("clearance_too_low", demands) if not demands.clearances[input.actor.clearance]

_lacks("case_link_required", demands) if not demands.links[_link]

# How the actor comes to the person. An area has none, and an emergency needs no link.
default _link := "none"

_link := input.request.case_link if {
	input.request.kind == "subject"
	input.request.emergency == null
	input.request.case_link in {"assigned", "self_claimed"}
} else := "unneeded" if {
	input.request.kind == "area"
} else := "unneeded" if {
	_emergency
}

_role_held(demands) if demands.everyone

_role_held(demands) if {
	some role in input.actor.roles
	demands.roles[role]
}
