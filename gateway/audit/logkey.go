package audit

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"golang.org/x/mod/sumdb/note"

	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/keyring"
)

// The log key has versions. A new one is brought in by an admin entry that the
// old one countersigns and the new one accepts; from that entry on only the new
// one vouches for session keys and signs checkpoints that count. Checkpoints
// carry the signature of the version before as well, so that witnesses and
// monitors have time to take the new key over; Verify is not content with it.

// keyKind is Admin["kind"] of an entry that brings in a log key.
const keyKind = "log-key"

// keyRequest is Entry.RequestID of such an entry, under which it is found.
func keyRequest(origin string) string { return origin + "/log-key" }

// SignerName is the name under which the keyring holds a version of the log
// key, from 1.
func SignerName(version int) string {
	if version <= 1 {
		return "log"
	}
	return "log/" + strconv.Itoa(version)
}

// keyMessage is what both keys sign to hand the log over. Its first line keeps it
// apart from every note and every session key.
func keyMessage(origin, version, vkey string) []byte {
	return []byte("concord log key v1\n" + origin + "\n" + version + "\n" + vkey + "\n")
}

// loadKey has the keyring's signer of one version of the log key.
func loadKey(ctx context.Context, keys keyring.Keyring, origin string, version int) (*noteSigner, error) {
	const op = "audit.Open"
	key, err := keys.Signer(ctx, SignerName(version))
	if err != nil {
		return nil, fault.Wrap(fault.Unavailable, op, "the log key cannot be had", err)
	}
	signer, err := newNoteSigner(origin, key)
	if err != nil {
		return nil, fault.Wrap(fault.Unavailable, op, "the log key cannot sign checkpoints", err)
	}
	return signer, nil
}

// loadKeys has the signers of versions 1 to version.
func loadKeys(ctx context.Context, keys keyring.Keyring, origin string, version int) ([]*noteSigner, error) {
	signers := make([]*noteSigner, 0, version)
	for v := 1; v <= version; v++ {
		signer, err := loadKey(ctx, keys, origin, v)
		if err != nil {
			return nil, err
		}
		signers = append(signers, signer)
	}
	return signers, nil
}

// keyRotation returns the entry that hands the log over from the last of old to
// the next version.
func keyRotation(ctx context.Context, p preparer, origin string, old []*noteSigner, next *noteSigner) (prepared, error) {
	version := strconv.Itoa(len(old) + 1)
	message := keyMessage(origin, version, next.vkey)
	signatures := make([]string, 0, 2) //nolint:mnd // the old key's and the new key's
	for _, signer := range []*noteSigner{old[len(old)-1], next} {
		signature, err := signer.key.Sign(rand.Reader, message, crypto.Hash(0))
		if err != nil {
			return prepared{}, fault.Wrap(fault.Unavailable, "audit.keyRotation", "the log key cannot sign", err)
		}
		signatures = append(signatures, base64.StdEncoding.EncodeToString(signature))
	}
	return p.entry(ctx, Request{
		ID: keyRequest(origin), Actor: Actor{Agency: origin, Subject: "log"}, Time: p.now,
	}, &Draft{Action: Admin, Admin: map[string]string{
		"kind": keyKind, "vkey": next.vkey, "version": version,
		"countersignature": signatures[0], "acceptance": signatures[1],
	}})
}

// epoch is the time of one log key: the entries from an index on.
type epoch struct {
	from     int64
	verifier note.Verifier
	key      ed25519.PublicKey
}

// newEpoch reads a verifier key.
func newEpoch(from int64, vkey string) (epoch, error) {
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		return epoch{}, err
	}
	return epoch{from: from, verifier: verifier, key: publicKey(vkey)}, nil
}

// keyLine is the succession of log keys, as far as it was followed.
type keyLine struct {
	// trusted may begin the line.
	trusted []epoch
	// epochs are the keys so far, oldest first.
	epochs []epoch
}

// vouches reports whether the log key in force signed message. The first key
// that is asked for and trusted begins the line.
func (l *keyLine) vouches(message, signature []byte) bool {
	if n := len(l.epochs); n > 0 {
		return ed25519.Verify(l.epochs[n-1].key, message, signature)
	}
	for _, e := range l.trusted {
		if ed25519.Verify(e.key, message, signature) {
			l.epochs = append(l.epochs, epoch{verifier: e.verifier, key: e.key})
			return true
		}
	}
	return false
}

var (
	errKeyForm   = errors.New("a new log key cannot be read")
	errKeySigned = errors.New("a new log key is not signed by the old one and itself")
)

// succeed takes in the log key that entry index brings in, if it does.
func (l *keyLine) succeed(origin string, index int64, e *Entry) error {
	if e.Action != Admin || e.Admin["kind"] != keyKind {
		return nil
	}
	vkey := e.Admin["vkey"]
	next, err := newEpoch(index, vkey)
	if err != nil || next.verifier.Name() != origin || e.RequestID != keyRequest(origin) {
		return errKeyForm
	}
	countersignature, err1 := base64.StdEncoding.DecodeString(e.Admin["countersignature"])
	acceptance, err2 := base64.StdEncoding.DecodeString(e.Admin["acceptance"])
	if err := errors.Join(err1, err2); err != nil {
		return errKeyForm
	}
	message := keyMessage(origin, e.Admin["version"], vkey)
	if !l.vouches(message, countersignature) || !ed25519.Verify(next.key, message, acceptance) {
		return errKeySigned
	}
	l.epochs = append(l.epochs, next)
	return nil
}

// at returns the key that signs checkpoints of a size: the one that was in force
// after so many entries.
func (l *keyLine) at(size int64) (note.Verifiers, bool) {
	for i, e := range slices.Backward(l.epochs) {
		if i == 0 || e.from < size {
			return note.VerifierList(e.verifier), true
		}
	}
	return nil, false
}

// all are the trusted keys and those that followed, each once.
func (l *keyLine) all() note.Verifiers {
	var verifiers []note.Verifier
	for _, e := range append(slices.Clip(l.epochs), l.trusted...) {
		known := slices.ContainsFunc(verifiers, func(v note.Verifier) bool { return v.KeyHash() == e.verifier.KeyHash() })
		if !known {
			verifiers = append(verifiers, e.verifier)
		}
	}
	return note.VerifierList(verifiers...)
}

// missing returns a trusted key that never came into force, if there is one: a
// log that ends before its newest key began was cut off, or is another.
func (l *keyLine) missing() (string, bool) {
	for _, t := range l.trusted {
		found := false
		for _, e := range l.epochs {
			found = found || e.key.Equal(t.key)
		}
		if !found {
			return fmt.Sprintf("%s+%08x", t.verifier.Name(), t.verifier.KeyHash()), true
		}
	}
	return "", false
}

// current returns the log key in force.
func (l *Log) current() *noteSigner {
	keys := *l.keys.Load()
	return keys[len(keys)-1]
}

// signers are those that sign checkpoints: the log key in force, and the one
// before it.
func (l *Log) signers() []note.Signer {
	keys := *l.keys.Load()
	signers := []note.Signer{keys[len(keys)-1]}
	if len(keys) > 1 {
		signers = append(signers, keys[len(keys)-2])
	}
	return signers
}

// known are the verifiers of every version of the log key.
func (l *Log) known() note.Verifiers {
	var verifiers []note.Verifier
	for _, k := range *l.keys.Load() {
		verifiers = append(verifiers, k.Verifier)
	}
	return note.VerifierList(verifiers...)
}

// VKeys returns the verifier keys of every version of the log key, oldest first.
func (l *Log) VKeys() []string {
	var vkeys []string
	for _, k := range *l.keys.Load() {
		vkeys = append(vkeys, k.vkey)
	}
	return vkeys
}

// trusted are the versions of the log key that this process holds.
func (l *Log) trusted() []epoch {
	var trusted []epoch
	for _, k := range *l.keys.Load() {
		trusted = append(trusted, epoch{verifier: k.Verifier, key: publicKey(k.vkey)})
	}
	return trusted
}

// findKeys loads the log keys up to the version that the log has come to. None is made
// for a log that has entries: a keyring that lacks its key is another's, or was lost.
func (s *sequencer) findKeys(ctx context.Context) error {
	const op = "audit.Open"
	version, keys := 1, s.l.cfg.Keys
	switch _, err := s.l.cfg.Store.LastBatch(ctx); {
	case err == nil:
		keys = keys.Existing()
	case !isNotFound(err):
		return fault.Wrap(fault.Unavailable, op, "the log store does not answer", err)
	}
	found, err := s.l.cfg.Store.Search(ctx, Query{RequestID: keyRequest(s.l.cfg.Origin), Action: Admin, Limit: 1})
	if err != nil {
		return fault.Wrap(fault.Unavailable, op, "the log store does not answer", err)
	}
	vkey := ""
	if len(found) > 0 {
		b, err := batchOf(ctx, s.l.cfg.Store, op, found[0])
		if err != nil {
			return err
		}
		e, _, err := b.entry(found[0])
		if err != nil {
			return err
		}
		vkey = e.Admin["vkey"]
		if version, err = strconv.Atoi(e.Admin["version"]); err != nil {
			return fault.Wrap(fault.Unavailable, op, "the newest log key cannot be read", err)
		}
	}
	return s.adopt(ctx, keys, version, vkey)
}

// adopt loads the log keys up to a version. Where vkey is given, the last must be
// that.
func (s *sequencer) adopt(ctx context.Context, ring keyring.Keyring, version int, vkey string) error {
	keys, err := loadKeys(ctx, ring, s.l.cfg.Origin, version)
	if err != nil {
		return err
	}
	if last := keys[len(keys)-1]; vkey != "" && last.vkey != vkey {
		return fault.New(fault.Unavailable, "audit.Open", "the keyring holds another log key than the log was handed over to")
	}
	s.l.keys.Store(&keys)
	return nil
}

// followKeys adopts the log keys that another gateway's batch brings in. A
// session of this process that was not introduced yet is made anew under them.
func (s *sequencer) followKeys(ctx context.Context, b *Batch) error {
	for i, entry := range b.Entries {
		c, err := ColumnsOf(entry)
		if err != nil || c.Action != Admin || c.RequestID != keyRequest(s.l.cfg.Origin) {
			continue
		}
		e, _, err := b.entry(b.First + int64(i))
		if err != nil {
			return err
		}
		version, err := strconv.Atoi(e.Admin["version"])
		if err != nil {
			return err
		}
		if err := s.adopt(ctx, s.l.cfg.Keys.Existing(), version, e.Admin["vkey"]); err != nil {
			return err
		}
		if s.own != nil && !s.own.introduced {
			s.own = nil
		}
	}
	return nil
}
