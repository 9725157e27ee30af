package audit

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// timeLayout is RFC 3339 in UTC with microseconds, as in Entry.Time.
const timeLayout = "2006-01-02T15:04:05.000000Z"

// FormatTime returns t as entries and queries hold it.
func FormatTime(t time.Time) string { return t.UTC().Format(timeLayout) }

// VKey returns the verifier key (c2sp.org/signed-note) of the log key pub for
// the log called origin: what a verifier needs to be given once.
func VKey(origin string, pub crypto.PublicKey) (string, error) {
	key, ok := pub.(ed25519.PublicKey)
	if !ok {
		return "", errors.New("the log key is not an Ed25519 key")
	}
	return note.NewEd25519VerifierKey(origin, key)
}

// noteSigner signs notes with a key that it cannot see.
type noteSigner struct {
	note.Verifier

	vkey string
	key  crypto.Signer
}

func newNoteSigner(name string, key crypto.Signer) (*noteSigner, error) {
	vkey, err := VKey(name, key.Public())
	if err != nil {
		return nil, err
	}
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		return nil, fmt.Errorf("%q cannot name a key: %w", name, err)
	}
	return &noteSigner{Verifier: verifier, vkey: vkey, key: key}, nil
}

// Sign implements note.Signer.
func (s *noteSigner) Sign(msg []byte) ([]byte, error) {
	return s.key.Sign(rand.Reader, msg, crypto.Hash(0))
}

// signTree returns a signed checkpoint note: origin, size, root and more lines.
func signTree(origin string, size int64, root tlog.Hash, more []string, signers ...note.Signer) ([]byte, error) {
	var text strings.Builder
	fmt.Fprintf(&text, "%s\n%d\n%s\n", origin, size, root)
	for _, line := range more {
		text.WriteString(line + "\n")
	}
	return note.Sign(&note.Note{Text: text.String()}, signers...)
}

// treeNote is what a checkpoint or a batch head says.
type treeNote struct {
	origin string
	size   int64
	root   tlog.Hash
	more   []string
	// signer is the name of the known key whose signature was verified.
	signer string
}

var errNote = errors.New("not a signed tree head")

// openTree verifies a signed note by at least one of the known keys and takes
// it apart.
func openTree(msg []byte, known note.Verifiers) (treeNote, error) {
	n, err := note.Open(msg, known)
	if err != nil {
		return treeNote{}, err
	}
	t, err := treeOf(n.Text)
	t.signer = n.Sigs[0].Name
	return t, err
}

// parseTree takes a signed note apart whose signature is not checked.
func parseTree(msg []byte) (treeNote, error) {
	_, err := note.Open(msg, note.VerifierList())
	unverified, ok := errors.AsType[*note.UnverifiedNoteError](err)
	if !ok {
		return treeNote{}, errNote
	}
	return treeOf(unverified.Note.Text)
}

// treeOf reads the text of a tree head.
func treeOf(text string) (treeNote, error) {
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	const least = 3 // origin, size, root
	if len(lines) < least {
		return treeNote{}, errNote
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || size < 0 || strconv.FormatInt(size, 10) != lines[1] {
		return treeNote{}, errNote
	}
	root, err := base64.StdEncoding.Strict().DecodeString(lines[2])
	if err != nil || len(root) != tlog.HashSize {
		return treeNote{}, errNote
	}
	return treeNote{origin: lines[0], size: size, root: tlog.Hash(root), more: lines[least:]}, nil
}

// head is what a batch head says beyond the tree.
type head struct {
	batch int64
	tips  [sha256.Size]byte
	time  time.Time
}

// lines are the extension lines of a head's note.
func (h head) lines() []string {
	return []string{
		"batch " + strconv.FormatInt(h.batch, 10),
		"tips " + base64.StdEncoding.EncodeToString(h.tips[:]),
		"time " + FormatTime(h.time),
	}
}

// headOf reads the extension lines of a head; they must be exactly those that
// lines writes.
func headOf(n treeNote) (head, error) {
	var h head
	const lines = 3
	if len(n.more) != lines {
		return h, errNote
	}
	batch, err1 := strconv.ParseInt(strings.TrimPrefix(n.more[0], "batch "), 10, 64)
	tips, err2 := base64.StdEncoding.DecodeString(strings.TrimPrefix(n.more[1], "tips "))
	at, err3 := time.Parse(timeLayout, strings.TrimPrefix(n.more[2], "time "))
	if err := errors.Join(err1, err2, err3); err != nil || len(tips) != sha256.Size {
		return h, errNote
	}
	h = head{batch: batch, tips: [sha256.Size]byte(tips), time: at}
	for i, line := range h.lines() {
		if n.more[i] != line {
			return h, errNote
		}
	}
	return h, nil
}

// headTime returns the time that a batch head says, whose signature was verified
// elsewhere or does not matter.
func headTime(msg []byte) (time.Time, error) {
	for line := range strings.Lines(string(msg)) {
		if at, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "time "); ok {
			return time.Parse(timeLayout, at)
		}
	}
	return time.Time{}, errNote
}

// tipsDigest is SHA-256 over the canonical JSON of the ends of all providers'
// chains.
func tipsDigest(tips map[string]Tip) ([sha256.Size]byte, error) {
	if tips == nil {
		tips = map[string]Tip{}
	}
	text, err := Canonical(tips)
	return sha256.Sum256(text), err
}

// batchOrigin is the origin line of batch heads.
func batchOrigin(origin string) string { return origin + "/batch" }

// privateHash is Entry.Private: SHA-256 over the salt and the canonical private
// part, which names the salt too.
func privateHash(salt, canonical []byte) [sha256.Size]byte {
	return sha256.Sum256(bytes.Join([][]byte{salt, canonical}, nil))
}
