package concord.release

# METADATA
# title: Emergency for another purpose
# description: An emergency was claimed for a purpose that is not the protection of life.
# custom:
#   code: emergency_purpose_required
#   message: Emergency access is for the protection of life, and another purpose was given.
#   remedy: the purpose protection-of-life
request_unproved contains _request_reason(rego.metadata.rule()) if {
	_emergency
	_purpose_known
	not _emergency_purpose
}

# METADATA
# title: Unknown ground
# description: The ground of the emergency is not one of the coded ones.
# custom:
#   code: ground_unknown
#   message: The ground given for emergency access is not one of the coded grounds.
#   remedy: one of the coded grounds of emergency access
request_unproved contains _request_reason(rego.metadata.rule()) if {
	_emergency
	not _ground_known
}

# METADATA
# title: Incident missing
# description: Emergency access names the incident that it belongs to.
# custom:
#   code: incident_required
#   message: Emergency access needs the number of the incident.
#   remedy: the number of the incident
request_unproved contains _request_reason(rego.metadata.rule()) if {
	_emergency
	not _incident_given
}
