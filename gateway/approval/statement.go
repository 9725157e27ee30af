package approval

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/concord-gateway/concord/gateway/fault"
)

// NoImpact stands in a statement of a founding set, before which there were no
// requests to replay. A gateway that already enforces something refuses it.
const NoImpact = "none"

// Statement is what the approvers of all parties sign.
type Statement struct {
	Agreement string
	Version   int
	// Digest is that of Digest.
	Digest string
	// LiveFrom is the instant in UTC, in whole seconds.
	LiveFrom time.Time
	// Impact is the SHA-256 of the impact report in hexadecimal, or NoImpact.
	Impact string
	// Lifts is the index of the log entry of the suspension that the version
	// puts an end to; zero where there is none. It makes a signature that was
	// given before a suspension no answer to it.
	Lifts int64
}

const title = "concord agreement approval v1"

// Text is the statement as it is signed.
func (s Statement) Text() string {
	text := fmt.Sprintf("%s\nagreement %s\nversion %d\ndigest %s\nlive-from %s\nimpact %s\n",
		title, s.Agreement, s.Version, s.Digest, s.LiveFrom.UTC().Format(time.RFC3339), s.Impact)
	if s.Lifts != 0 {
		text += fmt.Sprintf("lifts %d\n", s.Lifts)
	}
	return text
}

var (
	errStatement = errors.New("the text is not a statement of approval")
	statement    = regexp.MustCompile(`^` + title + `\nagreement ([A-Z][A-Z0-9]*(?:-[A-Z0-9]+)+)\nversion ([1-9][0-9]{0,8})\n` +
		`digest ([0-9a-f]{64})\nlive-from (\S{20})\nimpact ([0-9a-f]{64}|none)\n(?:lifts ([1-9][0-9]{0,17})\n)?$`)
)

// ParseStatement reads a text that has exactly the form of Text.
func ParseStatement(text string) (Statement, error) {
	m := statement.FindStringSubmatch(text)
	if m == nil {
		return Statement{}, errStatement
	}
	version, errVersion := strconv.Atoi(m[2])
	from, errFrom := time.Parse(time.RFC3339, m[4])
	var lifts int64
	var errLifts error
	if m[6] != "" {
		lifts, errLifts = strconv.ParseInt(m[6], 10, 64)
	}
	s := Statement{Agreement: m[1], Version: version, Digest: m[3], LiveFrom: from.UTC(), Impact: m[5], Lifts: lifts}
	if errors.Join(errVersion, errFrom, errLifts) != nil || s.Text() != text {
		return Statement{}, errStatement
	}
	return s, nil
}

// ImpactHash is the digest by which a statement names an impact report.
func ImpactHash(report []byte) string {
	sum := sha256.Sum256(report)
	return hex.EncodeToString(sum[:])
}

// Sign adds the signature of a signer key to the approval of a statement, which
// must be one that ParseStatement gives back.
// Signatures of the same statement that are there already are kept; those of
// another statement are void and dropped.
func Sign(s Statement, existing []byte, signerKey string) ([]byte, error) {
	const op = "approval.Sign"
	signer, err := note.NewSigner(strings.TrimSpace(signerKey))
	if err != nil {
		return nil, fault.New(fault.Invalid, op, "The file does not hold a private key as `concord agreement key` writes it.")
	}
	n := &note.Note{Text: s.Text()}
	if again, err := ParseStatement(n.Text); err != nil || again != s {
		return nil, fault.New(fault.Invalid, op,
			"The statement has a member that cannot be written: a date outside the years 0 to 9999, fractions of a second, or no digest.")
	}
	if before, err := signatures(existing); err == nil && before.Text == n.Text {
		for _, sig := range before.UnverifiedSigs {
			if sig.Name != signer.Name() {
				n.UnverifiedSigs = append(n.UnverifiedSigs, sig)
			}
		}
	}
	signed, err := note.Sign(n, signer)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, op, "The statement cannot be signed.", err)
	}
	return signed, nil
}

// signatures reads a note without verifying anything.
func signatures(raw []byte) (*note.Note, error) {
	_, err := note.Open(raw, note.VerifierList())
	if unverified, ok := errors.AsType[*note.UnverifiedNoteError](err); ok {
		return unverified.Note, nil
	}
	if err == nil {
		err = errStatement // a note that no key verifies cannot be verified
	}
	return nil, err
}

// Said returns the statement of an approval without verifying who signed it.
func Said(approval []byte) (Statement, error) {
	n, err := signatures(approval)
	if err != nil {
		return Statement{}, err
	}
	return ParseStatement(n.Text)
}
