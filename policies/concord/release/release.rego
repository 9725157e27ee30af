# METADATA
# title: Release of partner data
# description: |
#   Decides once for a whole request which fields of which provider's dataset may be
#   released, with which treatment, under which clause, and names every other field as
#   withheld, with the reason. Nothing here sees a record: the answer depends on actor,
#   purpose, time, usage and agreements alone.
#
#   A field is released only where an agreement that is in force names it for this
#   purpose, every concern of terms.rego is proved, and nothing denies. What is not
#   proved is denied, so that a helper without a value closes the door.
#
#   Data: agreements (provider, recipient, dataset, purpose, kind of request -> terms by
#   agreement id), emergencies (the same by ground, without a kind), amiss, datasets,
#   purposes and grounds. All look-ups are by key. What depends on agreements and METADATA
#   alone stands ready in the data: see ready.rego.
# schemas:
#   - input: schema.release_input
package concord.release

# METADATA
# title: Decision
# description: The answer to one request. Every group asked for is in it.
# entrypoint: true
default decision := {
	"allow": false,
	"groups": [],
	"obligations": {"handling": "", "instructions": [], "review": "", "expires": ""},
	"withheld": [],
}

decision := alone.answer if {
	not input.groups[1]
	some alone in _plain
} else := {
	"allow": allow,
	"groups": groups,
	"obligations": obligations,
	"withheld": array.concat(_withheld_ready, _withheld),
}

# METADATA
# title: Allow
# scope: document
# description: True where at least one field of one group is released.
default allow := false

allow if count(_releasing) > 0

allow if count(_granting) > 0

# METADATA
# title: Groups
# description: One decision for each provider's dataset that was asked for.
groups := _groups_ready if {
	_all_ready
} else := array.flatten([
	_groups_ready,
	[_group(g, terms) | some g, terms in _granting],
	[_denied(g) | some g, _ in object.remove(_rest, _granting)],
])

_groups_ready := array.flatten([answer.groups | some answer in _ready])

_withheld_ready := array.flatten([answer.withheld | some answer in _ready])

# Taken whole once, where taking them group by group would run every rule for each.
_withheld := [] if {
	_all_ready
} else := [entry | some entries in withheld; some entry in entries]

_denied(g) := {
	"provider": g.provider,
	"dataset": g.dataset,
	"allow": false,
	"fields": {},
	"row_conditions": [],
	"basis": {"provider": "", "recipient": ""},
	"reasons": [{"code": e.code, "message": e.reason, "clause": e.clause} | some e in withheld[g]],
}

# Where two agreements grant the same field, load has made sure that the treatment is the
# same; the lower id is cited.
_group(g, terms) := {
	"provider": g.provider,
	"dataset": g.dataset,
	"allow": true,
	"fields": _released_fields(g),
	"row_conditions": [row | some row in {row | some term in terms; some row in term.rows}],
	"basis": {
		"provider": concat("; ", {term.basis.provider | some term in terms}),
		"recipient": concat("; ", {term.basis.recipient | some term in terms}),
	},
	"reasons": [reason | some reason in {_permission(id, term) | some id, term in terms}],
}

_released_fields(g) := object.union_n(array.reverse([term.fields[input.request.kind] | some term in _granting[g]]))

# METADATA
# title: Permission
# description: An agreement in force permits this use.
# custom:
#   code: permitted
#   message: Agreement %s, version %d, permits this.
permission := rego.metadata.rule().custom

_permission(id, term) := {
	"code": permission.code,
	"message": sprintf(permission.message, [id, term.version]),
	"clause": term.clause,
}
