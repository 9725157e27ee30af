package agreement

import "time"

// Agreement is one information sharing agreement between two agencies.
type Agreement struct {
	ID      string `json:"id"`
	Version int    `json:"version"`
	Title   string `json:"title"`
	// Author is the subject of the policy author who drafted this version.
	Author          string           `json:"author"`
	Provider        Party            `json:"provider"`
	Recipient       Party            `json:"recipient"`
	Basis           Basis            `json:"basis"`
	SpecialCategory *SpecialCategory `json:"special_category,omitempty"`
	Datasets        []Share          `json:"datasets"`
	Handling        Handling         `json:"handling"`
	Valid           Period           `json:"valid"`
	// Review is the date "2006-01-02" by which the parties look at it again.
	Review string `json:"review"`
	// Termination is how it is ended early, and what happens to the data then.
	Termination Termination `json:"termination"`
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

	folder string
	file   string
	lines  map[string]int
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

// Termination is what the parties agreed for the end.
type Termination struct {
	// NoticeDays is the notice that either side gives.
	NoticeDays int `json:"notice_days"`
	// OnEnd is what the recipient does with the data that it holds: erase, return
	// or retain_as_law_requires.
	OnEnd string `json:"on_end"`
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

// Folder returns the folder that the agreement was read from, "<ID>", or
// "<ID>/next" for a version that is to follow.
func (a *Agreement) Folder() string { return a.folder }

// WithSuspension returns a copy that is suspended from the given day. Where the
// agreement is suspended already, the earlier day counts.
func (a *Agreement) WithSuspension(s Suspension) *Agreement {
	out := *a
	if out.Suspended == nil || s.On < out.Suspended.On {
		out.Suspended = &s
	}
	return &out
}
