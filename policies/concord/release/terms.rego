package concord.release

# These are whole objects, not rules for each key: each is worked out once for the request
# and then looked up.

# The terms of which every concern is proved.
# regal ignore:prefer-set-or-object-rule
_applicable := {g: applicable |
	_request_permitted
	kind := input.request.kind
	some g, found in _rest_found
	applicable := {id: term |
		some id, term in found.terms
		term.fields[kind]
		_met(term.demands)
	}
}

# The terms that are there, but of which some concern is not proved.
# regal ignore:prefer-set-or-object-rule
_refused := {g: refused |
	_request_permitted
	some g, found in _rest_found
	refused := object.remove(found.terms, _applicable[g])
	count(refused) > 0
}

# The groups that some applicable term denies.
_denying contains g if {
	some g, terms in _applicable
	some term in terms
	not _undenied(term.guard)
}

# The terms that release something, in the groups that nothing denies.
# regal ignore:prefer-set-or-object-rule
_granting := {} if {
	count(_rest) == 0
} else := {g: granting |
	kind := input.request.kind
	some g, terms in object.remove(_applicable, _denying)
	granting := {id: term |
		some id, term in terms
		count(term.fields[kind]) > 0
	}
	count(granting) > 0
}

_undenied(guard) if {
	_within_limits(guard.limit)
	_condition_met(guard.condition)
}

_within_limits(_) if input.request.kind == "area"

_within_limits(limit) if {
	used := input.usage
	used.subjects_last_hour < limit.per_hour
	used.subjects_last_day < limit.per_day
	used.agency_subjects_last_hour < limit.agency_per_hour
	used.agency_subjects_last_day < limit.agency_per_day
}

_within_quota(_) if input.request.kind == "area"

_within_quota(guard) if {
	input.usage.subjects_last_hour < guard.limit.per_hour
	input.usage.subjects_last_day < guard.limit.per_day
}

_within_agency_quota(_) if input.request.kind == "area"

_within_agency_quota(guard) if {
	input.usage.agency_subjects_last_hour < guard.limit.agency_per_hour
	input.usage.agency_subjects_last_day < guard.limit.agency_per_day
}
