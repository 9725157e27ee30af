package approval

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/concord-gateway/concord/gateway/agreement"
)

// State is how far an agreement version has come.
type State string

// The states. Whether a live agreement is also in force, is for its own dates
// and suspensions to say.
const (
	// Draft: nobody has signed.
	Draft State = "draft"
	// Void: what was signed is not what stands there now, or a signature does
	// not hold.
	Void State = "void"
	// Awaiting: some party has not signed yet.
	Awaiting State = "awaiting-signature"
	// Approved: all parties have signed, and it goes live later.
	Approved State = "approved"
	// Live: all parties have signed, and the date has come.
	Live State = "live"
)

// Standing says who has approved an agreement version and who has not.
type Standing struct {
	Agreement string `json:"agreement"`
	Version   int    `json:"version"`
	// Digest is that of what stands there now.
	Digest string `json:"digest"`
	// LiveFrom and Impact are those of the statement; zero and empty where
	// there is none.
	LiveFrom time.Time `json:"live_from,omitzero"`
	Impact   string    `json:"impact,omitempty"`
	// Lifts is the suspension that the statement puts an end to.
	Lifts int64 `json:"lifts,omitempty"`
	// Signed and Missing are agencies, sorted.
	Signed  []Signature `json:"signed"`
	Missing []string    `json:"missing"`
	// Void says in words why what was signed does not count.
	Void string `json:"void,omitempty"`
}

// Signature is one that counts.
type Signature struct {
	Agency  string `json:"agency"`
	Subject string `json:"subject"`
	// Key is the name and the hash of the key, as they stand in the signed note.
	Key string `json:"key"`
}

// State returns how far the agreement has come at a time.
func (s Standing) State(at time.Time) State {
	switch {
	case s.Void != "":
		return Void
	case len(s.Signed) == 0:
		return Draft
	case len(s.Missing) > 0:
		return Awaiting
	case s.LiveFrom.After(at):
		return Approved
	}
	return Live
}

// Parties are the agencies whose approval an agreement needs, sorted. It is one
// where an agency agrees with itself; the author and the approver are two people
// all the same.
func Parties(a *agreement.Agreement) []string {
	out := []string{a.Provider.Agency, a.Recipient.Agency}
	slices.Sort(out)
	return slices.Compact(out)
}

// Check holds an approval against an agreement and its digest. It never fails:
// what does not hold does not count. A signature under a registered key that does
// not verify voids the whole, because somebody has been at the file; one under an
// unknown key is passed over, because a key may have been taken off the register.
func (r *Approvers) Check(a *agreement.Agreement, digest string, approval []byte) Standing {
	s := Standing{Agreement: a.ID, Version: a.Version, Digest: digest, Signed: []Signature{}, Missing: Parties(a)}
	if len(approval) == 0 {
		return s
	}
	opened, err := note.Open(approval, r.verifiers)
	var unverified *note.UnverifiedNoteError
	switch {
	case errors.As(err, &unverified):
		opened = unverified.Note
	case err != nil:
		s.Void = "a signature does not hold, or the file is not a signed note"
		return s
	}
	said, err := ParseStatement(opened.Text)
	if err != nil {
		s.Void = "what was signed is not a statement of approval"
		return s
	}
	if said.Agreement != a.ID || said.Version != a.Version || said.Digest != digest {
		s.Void = "what was signed is another version or content: agreement, conditions, schemas or core policy have changed since"
		return s
	}
	s.LiveFrom, s.Impact, s.Lifts = said.LiveFrom, said.Impact, said.Lifts
	r.count(a, opened.Sigs, &s)
	return s
}

// count adds each signature that counts: of an approver of a party who is not
// the author.
func (r *Approvers) count(a *agreement.Agreement, sigs []note.Signature, s *Standing) {
	for _, sig := range sigs {
		by, ok := r.byName[sig.Name]
		if !ok || SamePerson(by.Subject, a.Author) || !slices.Contains(s.Missing, by.Agency) {
			continue
		}
		s.Signed = append(s.Signed, Signature{Agency: by.Agency, Subject: by.Subject, Key: fmt.Sprintf("%s+%08x", sig.Name, sig.Hash)})
		s.Missing = slices.DeleteFunc(s.Missing, func(agency string) bool { return agency == by.Agency })
	}
	slices.SortFunc(s.Signed, func(a, b Signature) int { return strings.Compare(a.Agency, b.Agency) })
}
