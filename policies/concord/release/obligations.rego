package concord.release

_strictest := "OFFICIAL-SENSITIVE" if {
	_obliged.markings["OFFICIAL-SENSITIVE"]
} else := "OFFICIAL" if {
	_obliged.markings.OFFICIAL
}

# What all terms in use oblige to, joined: each of its parts is an object whose keys are what
# any of them says.
_obliged := object.union_n(array.concat(
	[alone.obliges | some alone in _releasing],
	[term.obliges | some terms in _granting; some term in terms],
))

# What is ready and releases something.
_releasing := [alone | some part in [_plain, _granted]; some alone in part]

# METADATA
# title: Obligations
# description: |
#   What comes with the data: the strictest marking, every instruction, the earliest dates
#   and the tightest quota of all agreements that release something. A quota that is used up
#   is among them, so that it can be said when there is room again.
obligations := whole if {
	_all_ready
	wholes := {alone.answer.obligations | some alone in _releasing}
	count(wholes) == 1
	some whole in wholes
	whole.handling in {"OFFICIAL", "OFFICIAL-SENSITIVE"}
} else := object.union(_handling, _quota)

# Without a value where the marking is none of the list: then there is no decision.
_handling := {"handling": "", "instructions": [], "review": "", "expires": ""} if {
	count(_obliged) == 0
} else := {
	"handling": _strictest,
	"instructions": sort(object.keys(_obliged.instructions)),
	"review": min(object.keys(_obliged.reviews)),
	"expires": min(object.keys(_obliged.expiries)),
}

default _quota := {}

_quota := {"quota": {
	"per_hour": _least("per_hour"),
	"per_day": _least("per_day"),
	"agency_per_hour": _least("agency_per_hour"),
	"agency_per_day": _least("agency_per_day"),
}} if {
	count(_quotas) > 0
}

_quotas := object.get(_obliged, "quotas", {}) if {
	_all_ready
} else := object.union_n(array.concat(
	[_obliged.quotas | _obliged.quotas],
	[quotas | some g in _denying; some term in _applicable[g]; quotas := _used_up(term)],
))

_used_up(term) := term.obliges.quotas if not _within_quota(term.guard)

_used_up(term) := term.obliges.quotas if not _within_agency_quota(term.guard)

# The least limit that any agreement sets; zero where none does.
_least(span) := min(limits) if {
	limits := {limit |
		some quota in _quotas
		limit := quota[span]
		limit > 0
	}
	count(limits) > 0
} else := 0
