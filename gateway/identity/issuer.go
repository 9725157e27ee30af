package identity

import (
	"regexp"
	"slices"

	"github.com/concord-gateway/concord/gateway/fault"
)

// Issuer is an identity provider that is trusted for one agency.
type Issuer struct {
	// Name is the exact iss claim.
	Name string
	// Agency is the one agency whose principals it may assert.
	Agency string
	// Audience is the one aud claim that its tokens must have.
	Audience string
	// Keys has its public keys, and nobody else's.
	Keys KeySource
	// Roles is what it may assert, of what this package knows.
	Roles []Role
}

// roles are all roles that a token may carry.
var roles = []Role{Submitter, Analyst, Emergency, Supervisor, IGLead, PartnerIG, PolicyAuthor, Approver, Operator, CaseSystem}

// clearances are all vetting levels that a token may carry.
var clearances = []string{"", "bpss", "nppv2", "nppv3", "sc", "dv"}

// agencyPattern is the form of an agency's identifier.
var agencyPattern = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)

// Roles returns every role that Concord knows, in the order of their
// declaration.
func Roles() []Role { return slices.Clone(roles) }

func (i Issuer) check() error {
	switch {
	case i.Name == "":
		return i.invalid("An issuer has no name.")
	case !agencyPattern.MatchString(i.Agency):
		return i.invalid("An issuer has no agency, or one that is not lower-case words with hyphens.")
	case i.Audience == "":
		return i.invalid("An issuer has no audience.")
	case i.Keys == nil:
		return i.invalid("An issuer has no keys.")
	case len(i.Roles) == 0:
		return i.invalid("An issuer may assert no role.")
	}
	for _, r := range i.Roles {
		if !slices.Contains(roles, r) {
			return i.invalid("An issuer may assert a role that is unknown.")
		}
	}
	return nil
}

func (i Issuer) invalid(message string) error {
	return fault.Wrap(fault.Invalid, "identity.NewVerifier", message, refusal("issuer \""+i.Name+"\""))
}
