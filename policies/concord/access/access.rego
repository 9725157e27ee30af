# METADATA
# title: Access to the API
# description: |
#   Decides who may call which route at all; what a profile then holds is decided by
#   concord.release. An action is allowed only where the actor is known, holds a role for
#   it, keeps to its own agency and self, and holds no two roles that must be apart.
#
#   Data: agencies, of which the host is the one that runs the gateway.
# schemas:
#   - input: schema.access_input
package concord.access

# METADATA
# title: Decision
# description: Whether the actor may call the route, and if not, why.
# entrypoint: true
default decision := {"allow": false, "reasons": []}

decision := {"allow": allow, "reasons": [reason | some reason in denials]} if {
	input.actor
	input.action
}

# METADATA
# title: Allow
# scope: document
# description: True where every concern is proved and nothing denies.
default allow := false

allow if {
	_known
	_actions[input.action]
	_entitled
	_at_host
	_own
	_link_permitted
	_duties_apart
	count(denials) == 0
}

_known if {
	input.actor.subject != ""
	data.agencies[input.actor.agency]
}

_entitled if _actions[input.action].everyone

_entitled if {
	some role in input.actor.roles
	role in _actions[input.action].roles
}

# The log, the editions and the links belong to the agency that runs the gateway: a role
# that another agency's issuer asserts does not reach them.
_at_host if not _actions[input.action].host

_at_host if data.agencies[input.actor.agency].host

# What is wrong with the object is said only to those whom the route is for.
_for_actor if {
	_entitled
	_at_host
}

# Where the route names whose data is touched, it must be the actor's own.
_own if not _actions[input.action].own

_own if {
	_own_agency
	_own_subject
}

_own_agency if not input.resource.agency

_own_agency if input.resource.agency == input.actor.agency

_own_subject if not input.resource.subject

_own_subject if input.resource.subject == input.actor.subject

# A supervisor assigns a link to somebody else; an analyst claims one for themself.
_link_permitted if not input.action in {"case_links.create", "case_links.import"}

_link_permitted if {
	input.resource.analyst != input.actor.subject
	"supervisor" in input.actor.roles
}

_link_permitted if {
	input.resource.analyst == input.actor.subject
	"analyst" in input.actor.roles
}

# An imported link is nobody's own: a system is asked about each row that it sends.
_link_permitted if {
	input.action == "case_links.import"
	not input.resource.analyst == input.actor.subject
}

_duties_apart if count(_together) == 0

_together contains pair if {
	some pair in _apart
	every role in pair {
		role in input.actor.roles
	}
}

_together contains {role, other} if {
	some role in _alone
	role in input.actor.roles
	some other in input.actor.roles
	other != role
}
