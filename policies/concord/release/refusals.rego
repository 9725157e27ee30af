package concord.release

_term_reason(meta, id, term, args) := {
	"code": meta.custom.code,
	"reason": sprintf(meta.custom.message, args),
	"remedy": meta.custom.remedy,
	"agreement": id,
	"clause": term.clause,
}

_about := {"subject": "a person", "area": "an area"}[input.request.kind]

# METADATA
# title: Not yet valid
# description: The agreement begins later.
# custom:
#   code: not_yet_valid
#   message: Agreement %s begins on %s.
#   remedy: the agreement to begin
refusals[g] contains _term_reason(rego.metadata.rule(), id, term, [id, term.valid.from]) if {
	some g, terms in _refused
	some id, term in terms
	"not_yet_valid" in _failing(term.demands)
}

# METADATA
# title: Expired
# description: The agreement has ended.
# custom:
#   code: expired
#   message: Agreement %s ended on %s and has not been renewed.
#   remedy: the agreement to be renewed by both sides
refusals[g] contains _term_reason(rego.metadata.rule(), id, term, [id, term.valid.to]) if {
	some g, terms in _refused
	some id, term in terms
	"expired" in _failing(term.demands)
}

# METADATA
# title: Suspended
# description: One side has suspended the agreement.
# custom:
#   code: suspended
#   message: Agreement %s is suspended by %s since %s.
#   remedy: the suspension of the agreement to be lifted
refusals[g] contains _term_reason(rego.metadata.rule(), id, term, [id, term.suspended.by, term.suspended.on]) if {
	some g, terms in _refused
	some id, term in terms
	"suspended" in _failing(term.demands)
}

# METADATA
# title: Review overdue
# description: |
#   The parties have not looked at the agreement again by the date that they set themselves:
#   from the day after it releases nothing, until a new version says that they have. Grounds
#   of emergency go on to the end of its validity, since a life does not wait for a form.
# custom:
#   code: review_overdue
#   message: Agreement %s was to be reviewed by %s, and releases nothing until it has been.
#   remedy: the agreement to be reviewed by both sides, and a new version of it
refusals[g] contains _term_reason(rego.metadata.rule(), id, term, [id, term.review]) if {
	some g, terms in _refused
	some id, term in terms
	"review_overdue" in _failing(term.demands)
}

# METADATA
# title: Kind not covered
# description: The agreement permits this purpose for the other kind of request only.
# custom:
#   code: kind_not_permitted
#   message: Agreement %s permits this purpose, but not for a request about %s.
#   remedy: the agreement to cover this kind of request
refusals[g] contains _term_reason(rego.metadata.rule(), id, term, [id, _about]) if {
	some g, terms in _refused
	some id, term in terms
	not term.fields[input.request.kind]
}

# METADATA
# title: Role of the agreement missing
# description: The agreement asks for a role that the actor does not hold.
# custom:
#   code: role_missing
#   message: Agreement %s permits this to certain roles only, and you hold none of them.
#   remedy: one of the roles that the agreement names
refusals[g] contains _term_reason(rego.metadata.rule(), id, term, [id]) if {
	some g, terms in _refused
	some id, term in terms
	"role_missing" in _failing(term.demands)
}

# METADATA
# title: Clearance too low
# description: The agreement asks for a higher vetting level.
# custom:
#   code: clearance_too_low
#   message: Agreement %s asks for vetting to level %s.
#   remedy: vetting to the level that the agreement asks for
refusals[g] contains _term_reason(rego.metadata.rule(), id, term, [id, upper(term.vetting)]) if {
	some g, terms in _refused
	some id, term in terms
	"clearance_too_low" in _failing(term.demands)
}

# METADATA
# title: Case link required
# description: Routine access to a person needs a link between analyst, case and person.
# custom:
#   code: case_link_required
#   message: Agreement %s needs a case link (%s) between you, this case and this person.
#   remedy: a case link for this person, assigned by a supervisor
refusals[g] contains _term_reason(rego.metadata.rule(), id, term, [id, term.case_link]) if {
	some g, terms in _refused
	some id, term in terms
	"case_link_required" in _failing(term.demands)
}
