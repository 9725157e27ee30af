// Package revocation keeps the list of who and what is refused before its end:
// subjects of an agency, tokens of an issuer, certificates.
//
// The list is one stream of event rows, each inserted once. What was revoked may
// be lifted again by a later row; the last row about a thing counts. Every gateway
// reads the list every Every, and a List that could not be read for longer than
// Patience answers Unavailable: so a revocation is in force everywhere within
// Patience of its row, or nobody gets in.
//
// Each row is sealed for its number. Who can write to the store, but has no key,
// cannot lift a revocation: a row that does not open in its place, a number that
// is missing, and a list that has become shorter make the whole unusable, and
// everybody is refused.
//
// Each row is noted in the audit log too, by the first gateway that reads it, with the
// digest of the list as far as that row; and every reading holds the list against the
// log. So a gateway that starts sees that rows were cut off the end, or that the list is
// older than the log, as after a restore; and it sees that others were put in their
// place. Restore puts back what the log has, once it was verified. The list and the log are held together by
// what is noted, one after the other and each row after it was stored:
//
//	rows of the list   0 1 2 3 4 5        the log never has a row that the list has not
//	noted in the log   0 1 2 3            what is not noted yet is noted at the next reading
//
// What it cannot see: a row that was taken away before any gateway read it, and what was
// taken from the log as well, or with all its search rows: those by which a note is found
// by the number of its row, and those by which a gateway that starts finds the newest.
//
// A note that is there and cannot be read is as if the list were altered.
package revocation

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/concord-gateway/concord/gateway/event"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/identity"
	"github.com/concord-gateway/concord/gateway/keyring"
)

const (
	// Every is how often a gateway reads the list.
	Every = 10 * time.Second
	// Patience is how old what was read may be.
	Patience = 30 * time.Second
)

// The stream of the rows.
const (
	kind     = "revocation"
	streamID = "list"
)

// Altered is the code of the fault that says that the list, or what the log says of it,
// is not what was written.
const Altered = "revocations-altered"

// Row is one revocation. Exactly one of Subject with Agency, TokenID with Issuer,
// and Certificate is given.
type Row struct {
	Agency  string `json:"agency,omitempty"`
	Subject string `json:"subject,omitempty"`
	Issuer  string `json:"issuer,omitempty"`
	TokenID string `json:"token_id,omitempty"`
	// Certificate is a SHA-256 thumbprint in base64url.
	Certificate string `json:"certificate,omitempty"`
	// Lift takes the revocation back.
	Lift   bool      `json:"lift,omitempty"`
	Reason string    `json:"reason"`
	At     time.Time `json:"at"`
}

// thing is what a row is about.
type thing struct{ of, whose, name string }

// Of says what sort of thing the row is about: "subject", "token" or "certificate".
func (r *Row) Of() string { return r.thing().of }

func (r *Row) thing() thing {
	switch {
	case r.Subject != "":
		return thing{"subject", r.Agency, r.Subject}
	case r.TokenID != "":
		return thing{"token", r.Issuer, r.TokenID}
	default:
		return thing{"certificate", "", r.Certificate}
	}
}

func (r *Row) check() error {
	given := 0
	for _, set := range []bool{r.Subject != "" || r.Agency != "", r.TokenID != "" || r.Issuer != "", r.Certificate != ""} {
		if set {
			given++
		}
	}
	if given != 1 || (r.Subject == "") != (r.Agency == "") || (r.TokenID == "") != (r.Issuer == "") || r.Reason == "" {
		return fault.New(fault.Invalid, "revocation.Add", "Name a subject with its agency, a token with its issuer, or a certificate, and a reason.")
	}
	return nil
}

// List is the list as a gateway has read it. It is safe for concurrent use.
type List struct {
	events event.Store
	log    Log
	keys   keyring.Keyring
	clock  func() time.Time

	reading sync.Mutex // held by Refresh; covers notes and sought
	// notes is how many rows the log is known to have noted. sought, where it is not 0, is
	// the row before which a search for the last of them was given up.
	notes, sought int

	state  atomic.Pointer[state]
	failed atomic.Pointer[error] // why the last reading failed, or nil
}

// state is what was read. It is not changed.
type state struct {
	at   time.Time
	rows []Row
	// last is the last row as it is stored.
	last []byte
	// noted is how many of the rows the log has: the first ones.
	noted   int
	revoked map[thing]struct{}
}

// New returns the list over the event store, which is held against the log. It answers
// Unavailable until it is read. The clock measures how old what was read is: it should
// be the system's, which setting the time of day does not move.
func New(events event.Store, log Log, keys keyring.Keyring, clock func() time.Time) *List {
	return &List{events: events, log: log, keys: keys, clock: clock}
}

// Check implements identity.Revocations.
func (l *List) Check(c identity.Credential) error {
	s := l.state.Load()
	if !l.fresh(s) {
		return fault.New(fault.Unavailable, "revocation.Check", "What is revoked is not known at the moment.")
	}
	if len(s.revoked) == 0 {
		return nil
	}
	for _, t := range []thing{{"subject", c.Agency, c.Subject}, {"token", c.Issuer, c.TokenID}, {"certificate", "", c.Certificate}} {
		if _, is := s.revoked[t]; is && t.name != "" {
			return fault.New(fault.Unauthenticated, "revocation.Check", "It was revoked.")
		}
	}
	return nil
}

// fresh reports whether what was read is not too old to go by.
func (l *List) fresh(s *state) bool { return s != nil && l.clock().Sub(s.at) <= Patience }

// Ready returns nil where Check goes by the list, and otherwise why it refuses
// everybody.
func (l *List) Ready() error {
	if l.fresh(l.state.Load()) {
		return nil
	}
	const message = "What is revoked is not known, and so everybody is refused."
	if failed := l.failed.Load(); failed != nil {
		return fault.Wrap(fault.Unavailable, "revocation.Ready", message, *failed).WithCode(fault.CodeOf(*failed))
	}
	return fault.New(fault.Unavailable, "revocation.Ready", message)
}

// digests returns the digest of the list as far as each row: what the rows say, and in
// which order; not why, nor when.
func digests(rows []Row) []string {
	out := make([]string, len(rows))
	sum := sha256.Sum256([]byte("concord revocation list v1"))
	for i := range rows {
		what := rows[i]
		what.Reason, what.At = "", time.Time{}
		raw, _ := json.Marshal(&what) //nolint:errchkjson // strings, a truth value and a time of a year that has four digits
		sum = sha256.Sum256(append(sum[:], raw...))
		out[i] = hex.EncodeToString(sum[:])
	}
	return out
}

// place is what a row is bound to.
func place(n int64) []byte {
	return []byte("concord revocation v1\x00" + kind + "\x00" + strconv.FormatInt(n, 10))
}

func altered(how string) error {
	return fault.New(fault.Unavailable, "revocation.Refresh", "The list of revocations was altered: "+how+".").WithCode(Altered)
}
