package audit

import (
	"encoding/json"
	"time"
)

// Action is what an entry records, in the terms of DPA 2018 s.62(1) and a few
// more.
type Action string

// The actions.
const (
	Collect  Action = "collect"
	Alter    Action = "alter"
	Consult  Action = "consult"
	Disclose Action = "disclose"
	Combine  Action = "combine"
	Erase    Action = "erase"
	Deny     Action = "deny"
	Review   Action = "review"
	Admin    Action = "admin"
	Verified Action = "verify"
	Heads    Action = "heads"
)

// Entry is one open entry of the log, as canonical JSON (RFC 8785): its fields
// are declared in the byte order of their JSON names. It holds no personal data of a
// data subject; what is personal is in Private, of which the entry holds a
// salted hash.
type Entry struct {
	Action Action `json:"action"`
	Actor  Actor  `json:"actor"`
	// Admin describes an administrative act, such as the introduction of a
	// session key, or counts of a submission.
	Admin map[string]string `json:"admin,omitempty"`
	Area  string            `json:"area,omitempty"`
	// Emergency is set for every use of emergency access, granted or denied.
	Emergency *Emergency `json:"emergency,omitempty"`
	// Heads are the commitments of a heads entry to the ends of the providers'
	// chains, by HeadsLabel.
	Heads map[string]string `json:"heads,omitempty"`
	ID    string            `json:"id"` // UUIDv7
	Nonce string            `json:"nonce"`
	// PolicyRevision names the policy bundle that decided.
	PolicyRevision string `json:"policy_revision,omitempty"`
	// Private is SHA-256(salt, canonical private part) in lower-case hex.
	Private  string `json:"private"`
	Provider string `json:"provider,omitempty"`
	// ProviderPrev is the hash of the provider's entry before this one, in hex.
	ProviderPrev string `json:"provider_prev,omitempty"`
	// ProviderSeq counts a provider's entries from 1 without gaps.
	ProviderSeq    int64      `json:"provider_seq,omitempty"`
	Purpose        string     `json:"purpose,omitempty"`
	Recipients     []string   `json:"recipients,omitempty"`
	Released       []Released `json:"released,omitempty"`
	RequestID      string     `json:"request_id"`
	ResponseSHA256 string     `json:"response_sha256,omitempty"`
	SectionsSHA256 string     `json:"sections_sha256,omitempty"`
	// Time is RFC 3339 in UTC with microseconds.
	Time     string     `json:"time"`
	V        int        `json:"v"`
	Withheld []Withheld `json:"withheld,omitempty"`
}

// Actor is who acted.
type Actor struct {
	Agency  string   `json:"agency"`
	Roles   []string `json:"roles"`
	Subject string   `json:"subject"`
}

// Emergency names the coded ground. The incident number is private.
type Emergency struct {
	Ground string `json:"ground"`
}

// Released says what of one dataset was released.
type Released struct {
	Agreement string `json:"agreement"`
	// Basis is the lawful basis on both sides.
	Basis   Basis  `json:"basis"`
	Dataset string `json:"dataset"`
	// Fields maps pointers to treatments.
	Fields map[string]string `json:"fields"`
	// Records counts the records released.
	Records int `json:"records"`
	Version int `json:"version"`
}

// Basis is the lawful basis of both sides of a disclosure.
type Basis struct {
	Provider  string `json:"provider"`
	Recipient string `json:"recipient"`
}

// Withheld says what of one dataset was not released.
type Withheld struct {
	Code    string   `json:"code"`
	Dataset string   `json:"dataset"`
	Fields  []string `json:"fields"`
}

// Private is the part of an entry that is sealed under the log key of its
// month.
type Private struct {
	CaseRef string `json:"case_ref,omitempty"`
	// Client is where the request came from.
	Client string `json:"client,omitempty"`
	// Decision is the digest of what the policy decided, in hex.
	Decision string `json:"decision,omitempty"`
	// Erased names the records of which an erase entry says that they go.
	Erased []Erased `json:"erased,omitempty"`
	// Facts is the exact input of the policy decision.
	Facts         json.RawMessage `json:"facts,omitempty"`
	Incident      string          `json:"incident,omitempty"`
	Justification string          `json:"justification,omitempty"`
	// Salt is 32 random bytes in hex, set by the log.
	Salt string `json:"salt"`
	// SubjectRefs are keyed hashes of the identifiers asked for or of the
	// records released, in hex.
	SubjectRefs []string `json:"subject_refs,omitempty"`
}

// Erased names one record of the entry's provider.
type Erased struct {
	Dataset string `json:"dataset"`
	// Source is the blind source id, in hex.
	Source string `json:"source"`
}

// Draft is an entry as the caller of Append knows it; the log adds the rest
// (id, nonce, provider chain, hash of the private part).
type Draft struct {
	Action         Action
	Admin          map[string]string
	Area           string
	Emergency      *Emergency
	PolicyRevision string
	Provider       string
	Purpose        string
	Recipients     []string
	Released       []Released
	Withheld       []Withheld
	ResponseSHA256 string
	SectionsSHA256 string
	Private        Private
}

// Request is a set of drafts that go into the log together, in one batch, in
// this order: what one request did.
type Request struct {
	ID     string
	Actor  Actor
	Time   time.Time
	Drafts []Draft
	// Limit, where set, is checked by the sequencer against everything before
	// the batch.
	Limit *Limit
	// Expected, where set, announced the request.
	Expected *Expectation
}

// Limit is a cap on how many subjects one actor, and all actors of an agency
// together, may ask for.
type Limit struct {
	// PerHour and PerDay are the most requests about a subject in the hour
	// and the day before, this one included; zero means no cap.
	PerHour, PerDay int
	// AgencyPerHour and AgencyPerDay are the same for the actor's agency.
	AgencyPerHour, AgencyPerDay int
	// Denied is logged in place of the drafts when a cap is passed, and
	// AgencyDenied where it is one of the agency.
	Denied, AgencyDenied []Draft
}

// Usage is how many requests about a subject there have been.
type Usage struct {
	// LastHour and LastDay are those of the actor.
	LastHour, LastDay int
	// AgencyLastHour and AgencyLastDay are those of all actors of the agency.
	AgencyLastHour, AgencyLastDay int
}

// Receipt is the gateway's signed promise that entries are in the log.
type Receipt struct {
	// First is the index of the first entry of the request; the others follow.
	First int64 `json:"index"`
	Count int   `json:"count"`
	Batch int64 `json:"batch"`
	// EntryHash is the leaf data (SHA-256 of the canonical entry) of the first
	// entry, in hex.
	EntryHash string `json:"entry_sha256"`
	// Proof is the inclusion proof (RFC 6962) of the first entry in the tree
	// of Head, each hash in base64.
	Proof []string `json:"proof"`
	// Head is the signed head of the batch, a signed note.
	Head string `json:"head"`
}
