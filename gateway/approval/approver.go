package approval

import (
	"cmp"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/notekey"
)

// Approver is a key by which one agency approves agreements.
type Approver struct {
	Agency string `yaml:"agency"`
	// Subject is who holds the key, as tokens name them.
	Subject string `yaml:"subject"`
	// Key is the public key, a verifier key (c2sp.org/signed-note).
	Key string `yaml:"key"`
}

// Approvers are the registered approvers. They do not change after NewApprovers
// and are safe for concurrent use.
type Approvers struct {
	byName    map[string]Approver
	verifiers note.Verifiers
}

// NewApprovers checks the register of approvers. A key that is no Ed25519
// verifier key, a name or a public key that stands twice, and one subject for two
// agencies, in whatever case it is written, are faults of kind Invalid: nobody
// must ever speak for two parties.
func NewApprovers(all []Approver) (*Approvers, error) {
	const op = "approval.NewApprovers"
	r := &Approvers{byName: map[string]Approver{}}
	verifiers := make([]note.Verifier, 0, len(all))
	seen, subjects := map[string]bool{}, map[string]string{}
	for i, a := range all {
		at := fmt.Sprintf("/approvers/%d", i)
		if a.Agency == "" || person(a.Subject) == "" {
			return nil, fault.New(fault.Invalid, op, "An approver needs an agency and a subject.").At(at)
		}
		v, err := note.NewVerifier(strings.TrimSpace(a.Key))
		if err != nil {
			return nil, fault.Wrap(fault.Invalid, op, "The key of an approver is not a verifier key.", err).At(at + "/key")
		}
		_, public, err := notekey.Verifier(a.Key)
		if err != nil {
			return nil, fault.Wrap(fault.Invalid, op, "The key of an approver is not a verifier key.", err).At(at + "/key")
		}
		if agency, ok := subjects[person(a.Subject)]; ok && agency != a.Agency {
			return nil, fault.New(fault.Invalid, op, "One person is registered as the approver of two agencies.").At(at + "/subject")
		}
		subjects[person(a.Subject)] = a.Agency
		if _, twice := r.byName[v.Name()]; twice || seen[string(public)] {
			return nil, fault.New(fault.Invalid, op, "The key of an approver, or its name, is registered twice.").At(at + "/key")
		}
		r.byName[v.Name()], seen[string(public)] = a, true
		verifiers = append(verifiers, v)
	}
	r.verifiers = note.VerifierList(verifiers...)
	return r, nil
}

// person is a subject as far as it tells one person from another. Issuers differ
// in whether case matters; nobody becomes two people by it.
func person(subject string) string { return strings.ToLower(strings.TrimSpace(subject)) }

// SamePerson reports whether two subjects are one person, in whatever case they
// are written.
func SamePerson(a, b string) bool { return person(a) == person(b) }

// SameKey reports whether two verifier keys are one key, whatever it is called.
func SameKey(a, b string) (bool, error) {
	_, keyA, errA := notekey.Verifier(a)
	_, keyB, errB := notekey.Verifier(b)
	if err := cmp.Or(errA, errB); err != nil {
		return false, fault.Wrap(fault.Invalid, "approval.SameKey", "The key is not a verifier key.", err)
	}
	return keyA.Equal(keyB), nil
}

// keyName is what a key may be called: an agency and a post, no person's name.
var keyName = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]*(/[a-z0-9][a-z0-9.-]*)*$`)

// NewKey makes an Ed25519 key pair: the signer key is secret, the verifier key
// is registered.
func NewKey(name string) (signerKey, verifierKey string, err error) {
	const op = "approval.NewKey"
	if !keyName.MatchString(name) {
		return "", "", fault.New(fault.Invalid, op,
			"A key is named by agency and post in lower case, for example telford-housing/data-protection-officer.")
	}
	signerKey, verifierKey, err = note.GenerateKey(rand.Reader, name)
	if err != nil {
		return "", "", fault.Wrap(fault.Internal, op, "No key could be made.", err)
	}
	return signerKey, verifierKey, nil
}

// VerifierKey returns the public half of a signer key.
func VerifierKey(signerKey string) (string, error) {
	const op = "approval.VerifierKey"
	name, private, err := notekey.Signer(signerKey)
	if err != nil {
		return "", fault.New(fault.Invalid, op, "The file does not hold a private key as `concord agreement key` writes it.")
	}
	public, _ := private.Public().(ed25519.PublicKey)
	return note.NewEd25519VerifierKey(name, public)
}

// Digest is the SHA-256, in hexadecimal, over who is registered with which key.
func (r *Approvers) Digest() string {
	lines := make([]string, 0, len(r.byName))
	for _, a := range r.byName {
		lines = append(lines, fmt.Sprintf("%q %q %q\n", a.Agency, a.Subject, strings.TrimSpace(a.Key)))
	}
	slices.Sort(lines)
	sum := sha256.Sum256([]byte(strings.Join(lines, "")))
	return hex.EncodeToString(sum[:])
}
