// Package agreement reads information sharing agreements and answers what they
// say.
//
// An agreement is a folder: agreement.json, which follows
// schemas/agreement.schema.json, and where something cannot be declared,
// conditions.rego, which package policy compiles. Load reads them strictly and
// refuses the whole set when one of them is wrong: an agreement that could be
// read in two ways is an error, never settled by order. It guarantees of every
// agreement in a Register:
//
//   - both sides have a lawful basis and a legal power;
//   - each dataset, field, treatment and ground that it names exists;
//   - no special category field is listed without an appropriate policy
//     document (DPA 2018 ss.35(5) and 42), and no person-level health data
//     rests on the serious violence duty (PCSC Act 2022 s.16(4));
//   - no other agreement gives a different treatment for the same provider,
//     recipient, dataset, purpose and kind of request, or ground, and field at
//     the same time;
//   - what every stored row needs (its source id, area and event date) is listed
//     in every share, and no row condition stands on an area profile.
//
// The package decides nothing about a request: that is package policy, which
// is given the agreements as data.
package agreement

import (
	"slices"
	"time"

	"github.com/concord-gateway/concord/gateway/release"
)

// Agreement is one information sharing agreement between two agencies.
type Agreement struct {
	ID              string           `json:"id"`
	Version         int              `json:"version"`
	Title           string           `json:"title"`
	Provider        Party            `json:"provider"`
	Recipient       Party            `json:"recipient"`
	Basis           Basis            `json:"basis"`
	SpecialCategory *SpecialCategory `json:"special_category,omitempty"`
	Datasets        []Share          `json:"datasets"`
	Handling        Handling         `json:"handling"`
	Valid           Period           `json:"valid"`
	// Review is the date "2006-01-02" by which the parties look at it again.
	Review string `json:"review"`
	// EmbargoDays is how long the provider waits to learn who a disclosure was
	// about.
	EmbargoDays int         `json:"embargo_days"`
	Suspended   *Suspension `json:"suspended"`
	// Rights is where a person turns to with a request about their data.
	Rights Rights `json:"rights"`

	// Conditions is the source of conditions.rego, or empty.
	Conditions []byte `json:"-"`
	// Source is agreement.json as read.
	Source []byte `json:"-"`

	file  string
	lines map[string]int
}

// Party is one side of an agreement.
type Party struct {
	Agency string `json:"agency"`
	// Sector is housing, health, social_care, education, local_authority,
	// police or other.
	Sector string `json:"sector"`
	// Role is controller, joint_controller or processor.
	Role string `json:"role"`
	// Post is the post that answers for the agreement, never a person's name.
	Post    string `json:"post"`
	Contact string `json:"contact"`
}

// Basis is what makes the disclosure lawful, on both sides.
type Basis struct {
	Provider  Lawful `json:"provider"`
	Recipient Lawful `json:"recipient"`
}

// Lawful is one side's lawful basis and legal power.
type Lawful struct {
	// Regime is uk_gdpr or law_enforcement (DPA 2018 Part 3).
	Regime      string   `json:"regime"`
	LawfulBasis []string `json:"lawful_basis"`
	LegalPower  []string `json:"legal_power"`
}

// SpecialCategory is the condition that sensitive data rests on.
type SpecialCategory struct {
	Condition string `json:"condition"`
	// PolicyDocument names the appropriate policy document (DPA 2018 s.42).
	PolicyDocument string `json:"policy_document"`
}

// Share is what an agreement says about one dataset.
type Share struct {
	Dataset string `json:"dataset"`
	// Areas are the ONS codes of the local authorities that the provider
	// covers; empty means all.
	Areas []string `json:"areas,omitempty"`
	// Unlisted says what happens to a submitted field that the agreement does
	// not list: refuse the row, or drop the field.
	Unlisted      string    `json:"unlisted"`
	RetentionDays int       `json:"retention_days"`
	Purposes      []Purpose `json:"purposes,omitempty"`
	// Emergency maps a coded ground to what may go out under it.
	Emergency map[string]Ground `json:"emergency,omitempty"`
	// Collects are fields that the provider may submit although no purpose
	// names them, for example identifiers for linkage.
	Collects []string `json:"collects,omitempty"`
}

// Purpose is what may go out for one purpose.
type Purpose struct {
	Purpose    string                       `json:"purpose"`
	Kinds      []string                     `json:"kinds"`
	Clause     string                       `json:"clause"`
	Fields     map[string]release.Treatment `json:"fields"`
	Conditions Conditions                   `json:"conditions,omitzero"`
	Quota      *Quota                       `json:"quota,omitempty"`
}

// Ground is what may go out in one kind of emergency.
type Ground struct {
	Clause string                       `json:"clause"`
	Fields map[string]release.Treatment `json:"fields"`
}

// Conditions narrow a purpose.
type Conditions struct {
	// Roles are the roles of which the actor must hold one; empty asks for no
	// more than the kind of request does.
	Roles []string `json:"roles,omitempty"`
	// Clearance is the least vetting level, or empty.
	Clearance string `json:"clearance,omitempty"`
	// CaseLink is "assigned", or "self_claimed" where a claim of one's own is
	// enough. Empty means assigned.
	CaseLink string              `json:"case_link,omitempty"`
	Row      []release.Condition `json:"row,omitempty"`
}

// Quota limits how many subjects one actor, and all of the recipient together,
// may ask for; zero is no limit.
type Quota struct {
	PerHour       int `json:"per_hour"`
	PerDay        int `json:"per_day"`
	AgencyPerHour int `json:"agency_per_hour,omitempty"`
	AgencyPerDay  int `json:"agency_per_day,omitempty"`
}

// Handling is how the recipient must handle what it gets.
type Handling struct {
	Marking      string   `json:"marking"`
	Instructions []string `json:"instructions"`
}

// Period is a period of whole days in UTC, both included.
type Period struct {
	From string `json:"from"`
	To   string `json:"to"`
}

// Suspension stops an agreement from the start of a day in UTC.
type Suspension struct {
	On     string `json:"on"`
	By     string `json:"by"`
	Reason string `json:"reason"`
}

// Rights holds the contacts for requests by data subjects.
type Rights struct {
	Provider  string `json:"provider"`
	Recipient string `json:"recipient"`
}

// Status says whether an agreement is in force.
type Status string

// The statuses of an agreement at a time.
const (
	Active    Status = "active"
	Future    Status = "future"
	Expired   Status = "expired"
	Suspended Status = "suspended"
	// ReviewOverdue releases nothing but on grounds of emergency.
	ReviewOverdue Status = "review-overdue"
)

// Status returns whether the agreement is in force at the given time. The last
// day of its validity counts whole, and so does the day by which it is to be
// reviewed; suspension gives way to expiry, and review to both.
func (a *Agreement) Status(at time.Time) Status {
	day := at.UTC().Format(time.DateOnly)
	switch {
	case day < a.Valid.From:
		return Future
	case day > a.Valid.To:
		return Expired
	case a.Suspended != nil && day >= a.Suspended.On:
		return Suspended
	case day > a.Review:
		return ReviewOverdue
	}
	return Active
}

// Share returns what the agreement says about a dataset.
func (a *Agreement) Share(dataset string) (Share, bool) {
	i := slices.IndexFunc(a.Datasets, func(s Share) bool { return s.Dataset == dataset })
	if i < 0 {
		return Share{}, false
	}
	return a.Datasets[i], true
}

// Fields returns every pointer that the share lists, in a purpose, in an
// emergency or for collection.
func (s Share) Fields() map[string]bool {
	out := map[string]bool{}
	for _, p := range s.Purposes {
		for f := range p.Fields {
			out[f] = true
		}
	}
	for _, g := range s.Emergency {
		for f := range g.Fields {
			out[f] = true
		}
	}
	for _, f := range s.Collects {
		out[f] = true
	}
	return out
}

// Grounds are the coded grounds of emergency access.
func Grounds() []string {
	return []string{"child_at_immediate_risk", "court_order", "imminent_serious_harm", "threat_to_life"}
}
