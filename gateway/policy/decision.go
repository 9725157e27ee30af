package policy

import (
	"encoding/json"

	"github.com/concord-gateway/concord/gateway/release"
)

// Input is the question put to concord.release: everything that the decision
// may depend on, and nothing about any person. It is logged as the facts of
// the decision, so that the decision can be replayed.
type Input struct {
	Actor   Actor   `json:"actor"`
	Request Request `json:"request"`
	Usage   Usage   `json:"usage"`
	Groups  []Group `json:"groups"`
}

// Actor is who asks.
type Actor struct {
	Subject   string   `json:"subject"`
	Agency    string   `json:"agency"`
	Roles     []string `json:"roles"`
	Clearance string   `json:"clearance"`
}

// Request is what is asked.
type Request struct {
	// Kind is "subject" or "area".
	Kind    string `json:"kind"`
	Purpose string `json:"purpose"`
	CaseRef string `json:"case_ref"`
	// CaseLink is "assigned", "self_claimed" or "none".
	CaseLink  string     `json:"case_link"`
	Emergency *Emergency `json:"emergency"`
	// Time is RFC 3339 in UTC with whole seconds; the policy has no clock.
	Time string `json:"time"`
	// Area is the area asked for, or empty.
	Area string `json:"area"`
}

// Emergency is a claim of emergency access.
type Emergency struct {
	Ground   string `json:"ground"`
	Incident string `json:"incident"`
}

// Usage is how many subjects the actor, and all of the actor's agency together,
// asked for in the last hour and day.
type Usage struct {
	SubjectsLastHour       int `json:"subjects_last_hour"`
	SubjectsLastDay        int `json:"subjects_last_day"`
	AgencySubjectsLastHour int `json:"agency_subjects_last_hour"`
	AgencySubjectsLastDay  int `json:"agency_subjects_last_day"`
}

// Group is one provider's dataset.
type Group struct {
	Provider string `json:"provider"`
	Dataset  string `json:"dataset"`
}

// Decision is the answer of concord.release, one for the whole request. What is
// in it (the fields, lists and obligations) is shared with other decisions, and
// must not be changed.
type Decision struct {
	Allow       bool            `json:"allow"`
	Groups      []GroupDecision `json:"groups"`
	Obligations Obligations     `json:"obligations"`
	Withheld    []Withheld      `json:"withheld"`
	// Revision names the policy bundle that decided; it is set by the engine.
	Revision string `json:"-"`
}

// GroupDecision says what may be released of one provider's dataset.
type GroupDecision struct {
	Provider string `json:"provider"`
	Dataset  string `json:"dataset"`
	Allow    bool   `json:"allow"`
	// Fields maps the JSON pointer of each released field to its grant.
	Fields        map[string]Grant    `json:"fields"`
	RowConditions []release.Condition `json:"row_conditions"`
	Basis         Basis               `json:"basis"`
	Reasons       []Reason            `json:"reasons"`
}

// Grant is the treatment of one field and the clause that it rests on.
type Grant struct {
	Treatment release.Treatment `json:"treatment"`
	Agreement string            `json:"agreement"`
	Version   int               `json:"version"`
	Clause    string            `json:"clause"`
}

// Basis is the lawful basis on both sides of a disclosure.
type Basis struct {
	Provider  string `json:"provider"`
	Recipient string `json:"recipient"`
}

// Reason explains a decision in words that stand beside the rule.
type Reason struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	Clause  string `json:"clause"`
}

// Obligations come with what is released.
type Obligations struct {
	// Handling is the strictest marking of the agreements that permit.
	Handling     string   `json:"handling"`
	Instructions []string `json:"instructions"`
	// Review and Expires are dates "2006-01-02", the earliest that apply, or
	// empty.
	Review  string `json:"review"`
	Expires string `json:"expires"`
	// Quota is the tightest that applies, each part by itself, for the log to
	// hold against every request before this one; nil where no agreement sets
	// one. One that is used up is in it too, so that it can be said when there
	// is room.
	Quota *Quota `json:"quota,omitempty"`
}

// Quota is how many subjects one actor, and all of an agency together, may ask
// for; zero is no limit.
type Quota struct {
	PerHour       int `json:"per_hour"`
	PerDay        int `json:"per_day"`
	AgencyPerHour int `json:"agency_per_hour"`
	AgencyPerDay  int `json:"agency_per_day"`
}

// Withheld names fields that are not released, and why. Code and Reason depend
// on actor, purpose and agreements alone, never on any record. Its fields are
// declared in the order of their JSON names, since answers are canonical JSON.
type Withheld struct {
	Clause   string   `json:"clause"`
	Code     string   `json:"code"`
	Dataset  string   `json:"dataset"`
	Fields   []string `json:"fields"`
	Provider string   `json:"provider"`
	Reason   string   `json:"reason"`
}

// AccessInput is the question put to concord.access before a route does its
// work.
type AccessInput struct {
	Actor Actor `json:"actor"`
	// Action names the route, for example "profiles.subject".
	Action string `json:"action"`
	// Resource carries what the rule for the route compares, for example the
	// agency whose data is touched.
	Resource map[string]string `json:"resource"`
	Time     string            `json:"time"`
}

// AccessDecision is the answer of concord.access.
type AccessDecision struct {
	Allow   bool     `json:"allow"`
	Reasons []Reason `json:"reasons"`
}

// Facts returns the canonical bytes of the input, as logged.
func (in Input) Facts() (json.RawMessage, error) { return json.Marshal(in) }
