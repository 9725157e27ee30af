package concord.release

# METADATA
# title: Counted only
# description: The agreement lets the field be counted in area profiles and never shown.
# custom:
#   code: count_only
#   message: Agreement %s lets this be counted for an area, but not shown for a person.
#   remedy: an area profile, which counts it
withheld[g] contains _entry(g, reason, fields) if {
	input.request.kind == "subject"
	meta := rego.metadata.rule()
	some g, terms in _applicable
	some id, term in terms
	fields := term.counted
	reason := _term_reason(meta, id, term, [id])
}

# METADATA
# title: Withheld by the agreement
# description: The agreement says expressly that the field stays with its provider.
# custom:
#   code: withheld_by_agreement
#   message: Agreement %s says that this stays with its provider.
#   remedy: the provider to agree to its release
withheld[g] contains _entry(g, reason, fields) if {
	meta := rego.metadata.rule()
	some g, terms in _applicable
	some id, term in terms
	fields := term.kept
	reason := _term_reason(meta, id, term, [id])
}

# METADATA
# title: Not in any agreement
# description: The dataset has the field, but no agreement names it for this use.
# custom:
#   code: not_in_agreement
#   message: No agreement names this field for this purpose.
#   remedy: an agreement that names the field
withheld[g] contains _entry(g, reason, fields) if {
	_request_permitted
	count(_rest_found) > 0
	reason := _request_reason(rego.metadata.rule())
	some g, found in _rest_found
	fields := found.unnamed
	count(fields) > 0
}
