package identity

import (
	"regexp"
	"slices"
	"strings"

	"github.com/concord-gateway/concord/gateway/fault"
)

// Issuer is an identity provider that is trusted for one agency. An agency may
// have several; what each may assert is its own. A subject is the agency's: the
// same subject from two issuers of one agency is the same person.
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
	// Algorithms its tokens may be signed with; none means EdDSA and ES256.
	Algorithms []string
	// Type is the typ header of its access tokens; empty means at+jwt (RFC 9068).
	Type string
	// Claims says where its tokens hold what Concord reads.
	Claims Mapping
	// Binding is the proof that its tokens must come with.
	Binding Binding
	// Services says which of its principals are systems.
	Services Services
}

// Mapping says which claims hold what. A name that begins with a slash is a JSON
// pointer (RFC 6901), for claims inside of others; an empty name means the claim
// called as the field is.
type Mapping struct {
	Agency, Roles, Clearance string
	// TokenID is the claim by which a token is revoked; empty means jti.
	TokenID string
	// AgencyFixed says that the tokens hold no agency: all are of the issuer's.
	// One that holds another all the same is refused.
	AgencyFixed bool
	// RoleNames gives the provider's names of roles or groups their meaning here;
	// other names are passed over. None means that roles are called as here, and
	// that any other name refuses the token.
	RoleNames map[string]Role
}

// Services says which principals are systems rather than people. Besides, a
// token whose subject is its own client (RFC 9068 section 2.2) is a system's.
type Services struct {
	// Subjects are those of systems.
	Subjects []string
	// Claim, where it has Value, makes a system of any subject.
	Claim, Value string
}

// Binding is the proof of possession that the tokens of an issuer must have. A
// token that is bound is never taken without its proof, whatever this says.
type Binding string

// The bindings.
const (
	BindingNone        Binding = ""            // bearer tokens are taken
	BindingCertificate Binding = "certificate" // RFC 8705
	BindingDPoP        Binding = "dpop"        // RFC 9449
	BindingAny         Binding = "any"         // one of the two
)

// roles are all roles that a token may carry.
var roles = []Role{Submitter, Analyst, Emergency, Supervisor, IGLead, PartnerIG, PolicyAuthor, Approver, Operator, CaseSystem}

// peopleOnly are the roles of those who answer for a decision in person. A
// system does not hold them, whatever its token says.
var peopleOnly = []Role{Analyst, Emergency, Supervisor, IGLead, PolicyAuthor, Approver}

// clearances are all vetting levels that a token may carry.
var clearances = []string{"", "bpss", "nppv2", "nppv3", "sc", "dv"}

// algorithms are all that a token may be signed with.
var algorithms = []string{EdDSA, ES256, RS256, PS256}

// agencyPattern is the form of an agency's identifier.
var agencyPattern = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)

// Roles returns every role that Concord knows, in the order of their
// declaration.
func Roles() []Role { return slices.Clone(roles) }

// complete checks an issuer and returns a copy of it with what it leaves open.
func (i Issuer) complete() (Issuer, error) {
	switch {
	case i.Name == "":
		return i, i.invalid("An issuer has no name.")
	case !agencyPattern.MatchString(i.Agency):
		return i, i.invalid("An issuer has no agency, or one that is not lower-case words with hyphens.")
	case i.Audience == "":
		return i, i.invalid("An issuer has no audience.")
	case i.Keys == nil:
		return i, i.invalid("An issuer has no keys.")
	case len(i.Roles) == 0:
		return i, i.invalid("An issuer may assert no role.")
	case (i.Services.Claim == "") != (i.Services.Value == ""):
		return i, i.invalid("An issuer's claim of systems needs a value, and a value its claim.")
	case !slices.Contains([]Binding{BindingNone, BindingCertificate, BindingDPoP, BindingAny}, i.Binding):
		return i, i.invalid("An issuer's binding is unknown.")
	case i.Type == proofType || strings.ContainsFunc(i.Type, func(r rune) bool { return r <= ' ' || r > '~' }):
		return i, i.invalid("An issuer's type of tokens cannot be one.")
	}
	i.Roles = slices.Clone(i.Roles)
	for _, r := range i.Roles {
		if !slices.Contains(roles, r) {
			return i, i.invalid("An issuer may assert a role that is unknown.")
		}
	}
	for _, r := range i.Claims.RoleNames {
		if !slices.Contains(i.Roles, r) {
			return i, i.invalid("An issuer's name of a role stands for one that it may not assert.")
		}
	}
	if len(i.Algorithms) == 0 {
		i.Algorithms = []string{EdDSA, ES256}
	}
	for _, a := range i.Algorithms {
		if !slices.Contains(algorithms, a) {
			return i, i.invalid("An issuer's algorithm is not one that is taken.")
		}
	}
	i.Type = or(i.Type, tokenType)
	m := &i.Claims
	m.Agency, m.Roles, m.Clearance, m.TokenID = or(m.Agency, "agency"), or(m.Roles, "roles"), or(m.Clearance, "clearance"), or(m.TokenID, "jti")
	return i, nil
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

func (i Issuer) invalid(message string) error {
	return fault.Wrap(fault.Invalid, "identity.NewVerifier", message, refusal("issuer \""+i.Name+"\""))
}
