package concord.release

# METADATA
# title: Quota exceeded
# description: |
#   The actor has asked for as many persons as the agreement allows in an hour or a day.
#   It denies the whole group, whatever another agreement would permit.
# custom:
#   code: quota_exceeded
#   message: You have asked for as many persons as agreement %s allows for now.
#   remedy: to wait until the hour or the day is over
denials[g] contains _term_reason(rego.metadata.rule(), id, term, [id]) if {
	some g in _denying
	some id, term in _applicable[g]
	not _within_quota(term.guard)
}

# METADATA
# title: Quota of the agency exceeded
# description: |
#   All of the actor's agency together have asked for as many persons as the agreement allows
#   in an hour or a day. It denies the whole group, whatever another agreement would permit.
# custom:
#   code: agency_quota_exceeded
#   message: Your agency has asked for as many persons as agreement %s allows it for now.
#   remedy: to wait until the hour or the day is over
denials[g] contains _term_reason(rego.metadata.rule(), id, term, [id]) if {
	some g in _denying
	some id, term in _applicable[g]
	not _within_agency_quota(term.guard)
}

# METADATA
# title: Condition of the agreement
# description: |
#   The agreement's own conditions.rego does not prove its permit, or denies. It denies
#   the whole group, whatever another agreement would permit.
# custom:
#   code: agreement_condition
#   message: "A condition of agreement %s is not met. %s"
#   remedy: the condition of the agreement to be met
denials[g] contains _term_reason(rego.metadata.rule(), id, term, [id, _broken(id)]) if {
	some g in _denying
	some id, term in _applicable[g]
	not _condition_met(term.guard.condition)
}

_broken(id) := concat(" ", sentences) if {
	sentences := {sentence |
		some sentence in data.concord.agreements[id].deny
		is_string(sentence)
	}
	count(sentences) > 0
} else := "See its text."

_condition_met("")

# What is not exactly true proves nothing, and what is not a set, without a member, denies:
# text and numbers would count as true, and an empty text as an empty set.
_condition_met(id) if {
	conditions := data.concord.agreements[id]
	_proved(conditions.permit)
	is_set(conditions.deny)
	count(conditions.deny) == 0
}

_proved(true)
