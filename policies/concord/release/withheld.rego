package concord.release

_entry(g, reason, fields) := object.union(reason, {"provider": g.provider, "dataset": g.dataset, "fields": fields})

_fields(g) := object.get(data.datasets, g.dataset, [])

# The keys of one object that another does not have, in order.
_without(named, others) := sort(object.keys(object.remove(named, others)))

# METADATA
# title: Withheld
# description: Every field that is not released, by provider, dataset and reason.
withheld[g] contains _entry(g, reason, _fields(g)) if {
	not _request_permitted
	some g, _ in _rest
	some reason in request_unproved
}

# What an agreement names, but of which some concern is not proved.
withheld[g] contains _entry(g, reason, fields) if {
	some g, reasons in refusals
	some reason in reasons
	fields := _without(_refused[g][reason.agreement].named, _released_fields(g))
	count(fields) > 0
}

# What any agreement in force names, where one of them denies the whole group.
withheld[g] contains _entry(g, reason, fields) if {
	some g, reasons in denials
	some reason in reasons
	fields := _without(object.union_n([term.named | some term in _applicable[g]]), {})
}

# METADATA
# title: No agreement
# description: No agreement between provider and recipient names the dataset.
# custom:
#   code: no_agreement
#   message: There is no agreement under which this provider shares this dataset with your agency.
#   remedy: an agreement with this provider about this dataset
withheld[g] contains _entry(g, reason, _fields(g)) if {
	_request_permitted
	reason := _request_reason(rego.metadata.rule())
	some g, _ in object.remove(_unfound, _shared)
}

# METADATA
# title: Purpose not permitted
# description: There is an agreement, but none for this purpose.
# custom:
#   code: purpose_not_permitted
#   message: The agreement with this provider does not permit this dataset for this purpose.
#   remedy: a purpose that the agreement permits
withheld[g] contains _entry(g, reason, _fields(g)) if {
	_request_permitted
	not _emergency
	count(_shared) > 0
	reason := _request_reason(rego.metadata.rule())
	some g in _shared
}

# METADATA
# title: Ground not covered
# description: There is an agreement, but nothing in it for this ground of emergency.
# custom:
#   code: ground_not_covered
#   message: The agreement with this provider releases nothing of this dataset on this ground of emergency.
#   remedy: a ground of emergency that the agreement covers
withheld[g] contains _entry(g, reason, _fields(g)) if {
	_request_permitted
	_emergency
	count(_shared) > 0
	reason := _request_reason(rego.metadata.rule())
	some g in _shared
}

_unfound := object.remove(_rest, _found)

# What is shared with the actor's agency, but not for this purpose or on this ground.
# regal ignore:prefer-set-or-object-rule
_shared := {g |
	agency := input.actor.agency
	some g, _ in _unfound
	data.agreements[g.provider][agency][g.dataset]
}
