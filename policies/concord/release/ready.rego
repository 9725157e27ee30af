package concord.release

# Most groups have one agreement for the purpose, or none. What they get is then the same
# in every request, and the gateway has it ready from when it loaded the agreements, in
# the words of the METADATA of the rules: only whether it applies is decided here. Every
# other group goes the long way, by the other rules, which come to the same answers.

# A group is a key, so that what is dealt with can be removed.
# regal ignore:prefer-set-or-object-rule
_asked := {g: true | some g in input.groups}

# What the agreements say about each group for this purpose that is not plain. These are
# whole objects, not rules for each key: each is worked out once for the request and then
# looked up.
# regal ignore:prefer-set-or-object-rule
_found := {g: found |
	agency := input.actor.agency
	purpose := input.request.purpose
	kind := input.request.kind
	some g, _ in _involved
	found := data.agreements[g.provider][agency][g.dataset][purpose][kind]
} if {
	not _emergency
} else := {g: found |
	agency := input.actor.agency
	ground := input.request.emergency.ground
	some g, _ in _involved
	found := data.emergencies[g.provider][agency][g.dataset][ground]
}

_involved := object.remove(_asked, _plain)

# The groups for which the one term that is there applies, and nothing denies it. Its answer
# is the whole decision, where nothing else is asked for. This is the short way of what
# nearly every request is made of: no emergency, no conditions of the agreement, nothing
# unusual. A group that has no "admits", or is not admitted here, takes the rules.
# regal ignore:prefer-set-or-object-rule
_plain := {g: alone |
	_routine_permitted
	agency := input.actor.agency
	purpose := input.request.purpose
	kind := input.request.kind
	clearance := input.actor.clearance
	link := input.request.case_link
	some g in input.groups
	found := data.agreements[g.provider][agency][g.dataset][purpose][kind]
	alone := found.alone # regal ignore:comprehension-term-assignment
	alone.admits[clearance][link][input.actor.roles[_]]
	alone.demands.from <= _now
	_now < alone.demands.ends
	input.usage.subjects_last_hour < alone.guard.limit.per_hour
	input.usage.subjects_last_day < alone.guard.limit.per_day
	input.usage.agency_subjects_last_hour < alone.guard.limit.agency_per_hour
	input.usage.agency_subjects_last_day < alone.guard.limit.agency_per_day
}

# The groups for which the one term that is there applies, and nothing denies it, though
# they are not plain.
# regal ignore:prefer-set-or-object-rule
_granted := {g: found.alone |
	_request_permitted
	some g, found in _found
	_met(found.alone.demands)
	_undenied(found.alone.guard)
}

# The groups for which the one term that is there does not apply.
# regal ignore:prefer-set-or-object-rule
_turned_down := {g: {"answer": answer} |
	_request_permitted
	some g, found in object.remove(_found, _granted)
	codes := _failing(found.alone.demands)
	count(codes) > 0
	refused := found.alone.refused
	entries := [object.union(refused.entry, refused.words[code]) | some code in codes]
	group := object.union(refused.group, {"reasons": array.concat(refused.reasons, [reason |
		some entry in entries
		reason := {"code": entry.code, "message": entry.reason, "clause": entry.clause}
	])})
	answer := {"groups": [group], "withheld": array.concat(refused.withheld, entries)}
}

# The groups that are shared with the actor's agency, but not for this.
# regal ignore:prefer-set-or-object-rule
_amiss := {g: alone |
	_request_permitted
	left := object.remove(_involved, _found)
	count(left) > 0
	agency := input.actor.agency
	code := _amiss_code # regal ignore:pointless-reassignment
	amiss := data.amiss
	some g, _ in left
	alone := amiss[g.provider][agency][g.dataset][code]
}

default _amiss_code := "purpose_not_permitted"

_amiss_code := "ground_not_covered" if _emergency

# All that is ready, as a list: a union would copy what stands in the data.
_ready := [alone.answer |
	some part in [_plain, _granted, _turned_down, _amiss]
	some alone in part
]

_rest := object.remove(object.remove(object.remove(_involved, _granted), _turned_down), _amiss)

_all_ready if count(_rest) == 0

_rest_found := object.filter(_found, _rest)
