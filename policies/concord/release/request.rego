package concord.release

# Everything must be proved of the request itself, whatever the agreements say. What is not
# proved denies it, and request_unproved has the reasons: nothing else does.
_request_permitted if _routine_permitted

_request_permitted if {
	_purpose_fits
	_role_held_for_kind
	_emergency_role
	_emergency_subject
	_emergency_purpose
	_ground_known
	_incident_given
}

_routine_permitted if {
	input.request.emergency == null
	data.purposes[input.request.purpose].kinds[input.request.kind]
	_role_held_for_kind
}

_emergency if input.request.emergency != null

_purpose_known if data.purposes[input.request.purpose]

_purpose_fits if data.purposes[input.request.purpose].kinds[input.request.kind]

_role_held_for_kind if {
	roles := {"subject": {"analyst"}, "area": {"analyst", "partner-ig", "supervisor"}}
	some role in input.actor.roles
	roles[input.request.kind][role]
}

_emergency_role if "emergency" in input.actor.roles

_emergency_subject if input.request.kind == "subject"

_emergency_purpose if data.purposes[input.request.purpose].emergency

_ground_known if data.grounds[input.request.emergency.ground]

_incident_given if count(input.request.emergency.incident) > 0

_request_reason(meta) := {
	"code": meta.custom.code,
	"reason": meta.custom.message,
	"remedy": meta.custom.remedy,
	"agreement": "",
	"clause": "",
}

# METADATA
# title: Unknown purpose
# description: The purpose is not in purposes.json.
# custom:
#   code: purpose_unknown
#   message: The purpose given is not one that any agreement can permit.
#   remedy: one of the purposes that this gateway lists
request_unproved contains _request_reason(rego.metadata.rule()) if not _purpose_known

# METADATA
# title: Purpose of another kind
# description: The purpose is for areas, and a person was asked for, or the other way.
# custom:
#   code: purpose_wrong_kind
#   message: This purpose is not for this kind of request; some purposes are for areas and some for persons.
#   remedy: a purpose that is meant for this kind of request
request_unproved contains _request_reason(rego.metadata.rule()) if {
	_purpose_known
	not _purpose_fits
}

# METADATA
# title: Role missing
# description: The actor holds no role that may ask this kind of question.
# custom:
#   code: role_missing
#   message: Your role may not ask this kind of question.
#   remedy: the role of analyst, or for an area of supervisor or partner information governance lead
request_unproved contains _request_reason(rego.metadata.rule()) if not _role_held_for_kind

# METADATA
# title: Emergency role missing
# description: Emergency access was claimed without the role for it.
# custom:
#   code: emergency_role_required
#   message: Emergency access needs the emergency role, which you do not hold.
#   remedy: the emergency role, from your information governance lead
request_unproved contains _request_reason(rego.metadata.rule()) if {
	_emergency
	not _emergency_role
}

# METADATA
# title: Emergency for an area
# description: Emergency access is for one named person.
# custom:
#   code: emergency_subject_only
#   message: Emergency access is for one named person only, never for an area.
#   remedy: a request about one named person
request_unproved contains _request_reason(rego.metadata.rule()) if {
	_emergency
	not _emergency_subject
}
