package identity

import "slices"

// Role is a role claim. DOMAIN's table of separation of duties says what each
// may do; the rules themselves are policies/concord/access.rego.
type Role string

// The role claims that Concord knows. A token with any other role is refused.
const (
	Submitter    Role = "submitter"
	Analyst      Role = "analyst"
	Emergency    Role = "emergency"
	Supervisor   Role = "supervisor"
	IGLead       Role = "ig-lead"
	PartnerIG    Role = "partner-ig"
	PolicyAuthor Role = "policy-author"
	Approver     Role = "approver"
	Operator     Role = "operator"
	// CaseSystem is held by service accounts alone: a system that imports case links.
	CaseSystem Role = "case-system"
)

// Principal is who is calling, as asserted by the identity provider of the
// caller's own agency.
type Principal struct {
	// Subject is the stable identifier of the person or system at its agency.
	Subject string
	// Agency is the identifier of the caller's agency, for example
	// "west-mercia-police".
	Agency string
	// Roles holds the role claims, sorted.
	Roles []Role
	// Clearance is the vetting level: "", "bpss", "nppv2", "nppv3", "sc" or "dv".
	Clearance string
	// Service says that it is a system, not a person: a nightly job, say. No entry of
	// the log repeats it: a system has none of the roles that somebody answers for in
	// person, so that the entry's roles tell where it matters; for the others its agency
	// knows its own subjects.
	Service bool
}

// Has reports whether the principal holds the role.
func (p Principal) Has(role Role) bool { return slices.Contains(p.Roles, role) }
