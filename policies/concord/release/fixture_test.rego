package concord.release_test

_term := {
	"version": 2,
	"clause": "4.2(a)",
	"named": {"/name": true, "/area": true, "/notes": true},
	"counted": ["/area"],
	"kept": ["/notes"],
	"fields": {
		"subject": {"/name": _grant("full")},
		"area": {"/area": _grant("count_only"), "/name": _grant("count_only")},
	},
	"valid": {"from": "2026-01-01", "to": "2026-12-31"},
	"suspended": {"on": "", "by": ""},
	"review": "2026-12-01",
	"vetting": "",
	"case_link": "assigned by a supervisor",
	"demands": {
		"from": time.parse_rfc3339_ns("2026-01-01T00:00:00Z"),
		"until": time.parse_rfc3339_ns("2027-01-01T00:00:00Z"),
		"stops": 9223372036854775807,
		"reviewed": time.parse_rfc3339_ns("2026-12-02T00:00:00Z"),
		"ends": time.parse_rfc3339_ns("2026-12-02T00:00:00Z"),
		"roles": {},
		"everyone": true,
		"clearances": {"": true, "bpss": true, "nppv2": true},
		"links": {"unneeded": true, "assigned": true},
	},
	"rows": [{"attr": "/status", "op": "eq", "value": "current"}],
	"guard": {"condition": "", "limit": {
		"per_hour": 2147483647,
		"per_day": 2147483647,
		"agency_per_hour": 2147483647,
		"agency_per_day": 2147483647,
	}},
	"basis": {"provider": "P", "recipient": "R"},
	"obliges": {
		"markings": {"OFFICIAL": true},
		"instructions": {"RECIPIENTS ONLY": true},
		"reviews": {"2026-12-01": true},
		"expiries": {"2026-12-31": true},
		"quotas": {},
	},
}

_grant(treatment) := {"treatment": treatment, "agreement": "A-1", "version": 2, "clause": "4.2(a)"}

_request := {
	"actor": {"subject": "ann", "agency": "police", "roles": ["analyst"], "clearance": "bpss"},
	"request": {
		"kind": "subject",
		"purpose": "inquiry",
		"case_ref": "OP-1",
		"case_link": "assigned",
		"emergency": null,
		"time": "2026-06-01T12:00:00Z",
		"area": "",
	},
	"usage": {
		"subjects_last_hour": 0,
		"subjects_last_day": 0,
		"agency_subjects_last_hour": 0,
		"agency_subjects_last_day": 0,
	},
	"groups": [{"provider": "homes", "dataset": "housing.tenancy"}],
}

_with(changes) := object.union(_request, changes)

_emergency(ground, incident) := _with({
	"actor": {"roles": ["analyst", "emergency"]},
	"request": {
		"purpose": "life",
		"case_link": "none",
		"emergency": {"ground": ground, "incident": incident},
	},
})

_purposes := {
	"inquiry": {"kinds": {"subject": true, "area": true}, "emergency": false},
	"life": {"kinds": {"subject": true}, "emergency": true},
	"picture": {"kinds": {"area": true}, "emergency": false},
}

_grounds := {"court_order": true, "threat_to_life": true}

_fields := ["/area", "/name", "/notes", "/secret"]

_uses(found) := {"inquiry": {}, "threat": {}} if {
	count(found.terms) == 0
} else := {"inquiry": {"inquiry": {"subject": found, "area": found}}, "threat": {"threat_to_life": found}}

_decide(request, terms) := decision if {
	named := object.union_n([term.named | some term in terms])
	found := {"terms": terms, "unnamed": [f | some f in _fields; not named[f]]}
	uses := _uses(found)
	decision := data.concord.release.decision with input as request
		with data.purposes as _purposes
		with data.grounds as _grounds
		with data.datasets as {"housing.tenancy": _fields}
		with data.agreements as {"homes": {"police": {"housing.tenancy": uses.inquiry}}}
		with data.emergencies as {"homes": {"police": {"housing.tenancy": uses.threat}}}
}

_terms(changes) := {"A-1": object.union(_term, changes)}

_codes(decision) := {entry.code | some entry in decision.withheld}

_fields_under(decision, code) := {field |
	some entry in decision.withheld
	entry.code == code
	some field in entry.fields
}
