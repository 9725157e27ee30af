package concord.access

_reason(meta) := {"code": meta.custom.code, "message": meta.custom.message, "clause": ""}

# METADATA
# title: Actor unknown
# description: The actor has no subject, or its agency is not one that takes part.
# custom:
#   code: actor_unknown
#   message: Your agency does not take part in this gateway.
denials contains _reason(rego.metadata.rule()) if not _known

# METADATA
# title: Action unknown
# description: The route is not in the table of actions.
# custom:
#   code: action_unknown
#   message: There is no such action.
denials contains _reason(rego.metadata.rule()) if not _actions[input.action]

# METADATA
# title: Role missing
# description: The actor holds no role for the route.
# custom:
#   code: role_missing
#   message: Your role may not do this.
denials contains _reason(rego.metadata.rule()) if {
	_actions[input.action]
	not _entitled
}

# METADATA
# title: Host only
# description: The route is for the agency that runs the gateway.
# custom:
#   code: host_only
#   message: Only the agency that runs the gateway may do this.
denials contains _reason(rego.metadata.rule()) if {
	_known
	not _at_host
}

# METADATA
# title: Not your own
# description: |-
#   The route reaches only what is the actor's own. Whom the route is not for is told no
#   more than that: whose an object is, or whether there is one, changes nothing.
# custom:
#   code: not_own
#   message: You may do this only with what is your own.
denials contains _reason(rego.metadata.rule()) if {
	_for_actor
	not _own
}

# METADATA
# title: Link not permitted
# description: Nobody assigns a case link to themself, and only analysts claim one.
# custom:
#   code: link_not_permitted
#   message: A supervisor assigns a case link to somebody else; an analyst claims one only for themself.
denials contains _reason(rego.metadata.rule()) if {
	_for_actor
	not _link_permitted
}

# METADATA
# title: Duties together
# description: The actor holds two roles that must be in different hands.
# custom:
#   code: duties_conflict
#   message: You hold two roles that must be in different hands.
denials contains _reason(rego.metadata.rule()) if not _duties_apart
