package concord.release

# Most groups have one agreement for the purpose, or none. What they get is then the same
# in every request, and the gateway has it ready from when it loaded the agreements, in
# the words of the METADATA of the rules: only whether it applies is decided here. Every
# other group goes the long way, by the other rules, which come to the same answers.

# A group is [provider, dataset] here, and a key, so that what is dealt with can be removed.
# regal ignore:prefer-set-or-object-rule
_asked := {[provider, name]: true | some {"provider": provider, "dataset": name} in input.groups}

# What the agreements say about each group for this purpose. These are whole objects, not
# rules for each key: each is worked out once for the request and then looked up.
# regal ignore:prefer-set-or-object-rule
_found := {[provider, name]: found |
	agency := input.actor.agency
	purpose := input.request.purpose
	kind := input.request.kind
	agreements := data.agreements
	some [provider, name], _ in _asked
	found := agreements[provider][agency][name][purpose][kind]
} if {
	not _emergency
} else := {[provider, name]: found |
	agency := input.actor.agency
	ground := input.request.emergency.ground
	some [provider, name], _ in _asked
	found := data.emergencies[provider][agency][name][ground]
}

# The groups for which the one term that is there applies, and nothing denies it. An answer
# is [group, withheld, obliges].
# regal ignore:prefer-set-or-object-rule
_plain := {g: alone.answer |
	_request_permitted
	some g, found in _found
	alone := found.alone
	_met(alone.demands)
	_undenied(alone.guard)
}

# The groups for which the one term that is there does not apply.
# regal ignore:prefer-set-or-object-rule
_turned_down := {g: answer |
	_request_permitted
	some g, found in object.remove(_found, _plain)
	codes := _failing(found.alone.demands)
	count(codes) > 0
	refused := found.alone.refused
	entries := [object.union(refused.entry, refused.words[code]) | some code in codes]
	answer := [
		object.union(refused.group, {"reasons": array.concat(refused.reasons, [reason |
			some entry in entries
			reason := {"code": entry.code, "message": entry.reason, "clause": entry.clause}
		])}),
		array.concat(refused.withheld, entries),
		{},
	]
}

# The groups that are shared with the actor's agency, but not for this.
# regal ignore:prefer-set-or-object-rule
_amiss := {[provider, name]: answer |
	_request_permitted
	agency := input.actor.agency
	code := _amiss_code # regal ignore:pointless-reassignment
	amiss := data.amiss
	some [provider, name], _ in object.remove(_asked, _found)
	answer := amiss[provider][agency][name][code]
}

default _amiss_code := "purpose_not_permitted"

_amiss_code := "ground_not_covered" if _emergency

_ready := object.union_n([_plain, _turned_down, _amiss])

_rest := object.remove(_asked, _ready)

_rest_found := object.filter(_found, _rest)
