package agreement

import (
	"slices"

	"github.com/concord-gateway/concord/gateway/release"
)

// What a share says of text that identifies somebody in an anonymous dataset.
const (
	RefuseFreeText = "refuse"
	MaskFreeText   = "mask"
)

// Share is what an agreement says about one dataset.
type Share struct {
	Dataset string `json:"dataset"`
	// Areas are the ONS codes of the local authorities that the provider
	// covers; empty means all.
	Areas []string `json:"areas,omitempty"`
	// Unlisted says what happens to a submitted field that the agreement does
	// not list: refuse the row, or drop the field.
	Unlisted string `json:"unlisted"`
	// FreeText says what happens to text of an anonymous dataset that names or
	// numbers a person: "refuse" the row, or "mask" the text. Empty means refuse.
	FreeText      string    `json:"free_text,omitempty"`
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
	// Onward is what authorises a purpose that is not law enforcement where the
	// provider collected the data for law enforcement (DPA 2018 s.36(4)).
	Onward *Onward `json:"onward,omitempty"`
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

// Quota limits how many subjects may be asked for; zero is no limit.
type Quota struct {
	// PerHour and PerDay are for one actor.
	PerHour int `json:"per_hour"`
	PerDay  int `json:"per_day"`
	// AgencyPerHour and AgencyPerDay are for all people of the recipient agency
	// together.
	AgencyPerHour int `json:"agency_per_hour"`
	AgencyPerDay  int `json:"agency_per_day"`
}

// Onward names the provision that authorises a change of purpose.
type Onward struct {
	AuthorisedBy string `json:"authorised_by"`
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
