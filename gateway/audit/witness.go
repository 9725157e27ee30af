package audit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/concord-gateway/concord/gateway/fault"
)

// Witness is somebody else's process that remembers one tree of the log and
// cosigns a later one only when it contains that (c2sp.org/tlog-witness). Partners
// run them: a log whose checkpoints they cosign cannot show each of them another
// past.
//
// Cosign asks the witness to cosign a checkpoint, a signed note of this log, given
// that the newest tree it has cosigned has old entries (0 for none). The proof is
// that of RFC 6962 section 2.1.2 from old to the checkpoint's size, empty where
// old is 0 or that size, and 63 hashes at most. It returns one or more signature
// lines of the note, each ended by a newline, and promises nothing of what they
// sign: the caller verifies them. What it has cosigned, the witness remembers
// durably, whether the answer arrives or not. Cosigning the same checkpoint again
// is allowed, and renews the time.
//
// Errors:
//
//   - *OtherSizeError: the newest tree of the witness has another size than old.
//     When that size is old itself, which is the checkpoint's size, it has another
//     root.
//   - Conflict: the witness has the tree of old entries, and the proof does not
//     lead from it to the checkpoint.
//   - Forbidden: it does not know the log or its key, or takes no such checkpoint.
//   - Unavailable: it was not reached, ctx ended, or its answer makes no sense.
//
// All calls are safe for concurrent use, and return soon after ctx has ended.
type Witness interface {
	Cosign(ctx context.Context, old int64, proof []tlog.Hash, checkpoint []byte) ([]byte, error)
}

// OtherSizeError says that a witness has cosigned a tree of another size than the
// caller thought.
type OtherSizeError struct {
	// Size is how many entries that tree has.
	Size int64
}

// Error implements error.
func (e *OtherSizeError) Error() string {
	return fmt.Sprintf("the witness has cosigned a tree of %d entries", e.Size)
}

// WitnessConfig is a witness with what it is known by.
type WitnessConfig struct {
	// Name is how the operator calls it; empty means the name in Key.
	Name string
	// Key is the verifier key of its cosignatures (c2sp.org/tlog-cosignature).
	Key string
	// Witness is the way to it.
	Witness Witness
}

// Cosignature is what a witness has put its name to.
type Cosignature struct {
	// Name is the name in the witness's verifier key, Key that key.
	Name string `json:"name"`
	Key  string `json:"key"`
	// Time is when the witness signed, by its own clock, in whole seconds.
	Time time.Time `json:"time"`
}

// Cosigned returns the cosignatures of the given witnesses, verifier keys
// (c2sp.org/tlog-cosignature), on a checkpoint, in the order of the keys, and
// whether there are at least quorum of them. It says nothing of the log's own
// signature.
//
// It answers Invalid for a key that cannot be read or is given twice, under
// whatever name, for a quorum that the keys cannot make, for text that is not a
// signed note, and for a note on which the signature of one of them does not
// verify.
func Cosigned(checkpoint []byte, witnesses []string, quorum int) ([]Cosignature, bool, error) {
	const op = "audit.Cosigned"
	if quorum < 0 || quorum > len(witnesses) {
		return nil, false, fault.New(fault.Invalid, op, "the quorum is greater than the number of witnesses")
	}
	verifiers, err := cosigners(op, witnesses)
	if err != nil {
		return nil, false, err
	}
	sigs, err := signaturesOf(checkpoint, verifiers)
	if err != nil {
		return nil, false, fault.Wrap(fault.Invalid, op, "the cosignatures of the checkpoint do not verify", err)
	}
	var found []Cosignature
	for i, v := range verifiers {
		for _, sig := range sigs {
			if sig.Name != v.Name() || sig.Hash != v.KeyHash() {
				continue
			}
			at, err := torchwood.CosignatureTimestamp(sig)
			if err != nil {
				return nil, false, fault.Wrap(fault.Invalid, op, "a cosignature has no time", err)
			}
			found = append(found, Cosignature{Name: v.Name(), Key: witnesses[i], Time: time.Unix(at, 0).UTC()})
		}
	}
	return found, len(found) >= quorum, nil
}

// cosigners reads the verifier keys of witnesses, each of which has a key of its
// own: two names of one key are one witness.
func cosigners(op string, keys []string) ([]*torchwood.CosignatureVerifier, error) {
	verifiers := make([]*torchwood.CosignatureVerifier, len(keys))
	seen := map[string]bool{}
	for i, key := range keys {
		v, err := torchwood.NewCosignatureVerifier(key)
		if err != nil {
			return nil, fault.Wrap(fault.Invalid, op, fmt.Sprintf("the key of witness %d is no key for cosignatures", i+1), err)
		}
		parts := strings.SplitN(v.String(), "+", 3) //nolint:mnd // name, hash, key
		if seen[parts[2]] {
			return nil, fault.New(fault.Invalid, op, fmt.Sprintf("the key of witness %d is another's too", i+1))
		}
		seen[parts[2]] = true
		verifiers[i] = v
	}
	return verifiers, nil
}

// signaturesOf returns the verified signatures of known keys on a note.
func signaturesOf(msg []byte, verifiers []*torchwood.CosignatureVerifier) ([]note.Signature, error) {
	list := make([]note.Verifier, len(verifiers))
	for i, v := range verifiers {
		list[i] = v
	}
	n, err := note.Open(msg, note.VerifierList(list...))
	if unverified := (*note.UnverifiedNoteError)(nil); errors.As(err, &unverified) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return n.Sigs, nil
}

// addCosignature returns the note with the signature of one witness, which has to
// be among the lines that it answered with.
func addCosignature(signed, lines []byte, v *torchwood.CosignatureVerifier) ([]byte, error) {
	const longest = 4 << 10
	text := bytes.LastIndex(signed, []byte("\n\n"))
	if text < 0 || len(lines) > longest {
		return nil, errCosignature
	}
	alone := slices.Concat(signed[:text+2], lines)
	sigs, err := signaturesOf(alone, []*torchwood.CosignatureVerifier{v})
	if err != nil || len(sigs) != 1 {
		return nil, errCosignature
	}
	return fmt.Appendf(slices.Clip(signed), "— %s %s\n", sigs[0].Name, sigs[0].Base64), nil
}

var errCosignature = errors.New("the answer is no cosignature of the witness on this checkpoint")
