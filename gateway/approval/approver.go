package approval

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"regexp"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"github.com/concord-gateway/concord/gateway/fault"
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
	all       []Approver
	byName    map[string]Approver
	verifiers note.Verifiers
}

// NewApprovers checks the register of approvers. A key that is no Ed25519
// verifier key, a name or a public key that stands twice, and one subject for two
// agencies are faults of kind Invalid: nobody must ever speak for two parties.
func NewApprovers(all []Approver) (*Approvers, error) {
	const op = "approval.NewApprovers"
	r := &Approvers{all: all, byName: map[string]Approver{}}
	verifiers := make([]note.Verifier, 0, len(all))
	seen, subjects := map[string]bool{}, map[string]string{}
	for i, a := range all {
		at := fmt.Sprintf("/approvers/%d", i)
		if a.Agency == "" || a.Subject == "" {
			return nil, fault.New(fault.Invalid, op, "An approver needs an agency and a subject.").At(at)
		}
		v, err := note.NewVerifier(a.Key)
		if err != nil {
			return nil, fault.Wrap(fault.Invalid, op, "The key of an approver is not a verifier key.", err).At(at + "/key")
		}
		public, err := publicKey(a.Key)
		if err != nil {
			return nil, err
		}
		if agency, ok := subjects[a.Subject]; ok && agency != a.Agency {
			return nil, fault.New(fault.Invalid, op, "One person is registered as the approver of two agencies.").At(at + "/subject")
		}
		subjects[a.Subject] = a.Agency
		if _, twice := r.byName[v.Name()]; twice || seen[public] {
			return nil, fault.New(fault.Invalid, op, "The key of an approver, or its name, is registered twice.").At(at + "/key")
		}
		r.byName[v.Name()], seen[public] = a, true
		verifiers = append(verifiers, v)
	}
	r.verifiers = note.VerifierList(verifiers...)
	return r, nil
}

// SameKey reports whether two verifier keys are one key, whatever it is called.
func SameKey(a, b string) (bool, error) {
	keyA, err := publicKey(a)
	if err != nil {
		return false, err
	}
	keyB, err := publicKey(b)
	return err == nil && keyA == keyB, err
}

// publicKey returns the key itself out of a verifier key, in base64.
func publicKey(verifierKey string) (string, error) {
	parts := strings.SplitN(strings.TrimSpace(verifierKey), "+", 3)
	if len(parts) == 3 {
		if raw, err := base64.StdEncoding.DecodeString(parts[2]); err == nil {
			return base64.StdEncoding.EncodeToString(raw), nil
		}
	}
	return "", fault.New(fault.Invalid, "approval.SameKey", "The key is not a verifier key.")
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
	s, err := note.NewSigner(strings.TrimSpace(signerKey))
	if err != nil {
		return "", fault.New(fault.Invalid, op, "The file does not hold a private key as `concord agreement key` writes it.")
	}
	public, err := publicHalf(signerKey)
	if err != nil {
		return "", fault.Wrap(fault.Invalid, op, "The private key cannot be read.", err)
	}
	return note.NewEd25519VerifierKey(s.Name(), public)
}
