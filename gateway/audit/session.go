package audit

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/keyring"
)

const (
	// sessionLife is how long a session key signs heads at most.
	sessionLife = 24 * time.Hour
	// sessionMargin is how long before its end a session is replaced, so that
	// no batch in the making outlives its key.
	sessionMargin = time.Minute
	// sessionKind is Admin["kind"] of an entry that introduces a session key.
	sessionKind = "session"
)

// session is a session key as a verifier knows it.
type session struct {
	verifier note.Verifier
	expires  time.Time
}

// ownSession is the session that this process signs with. It belongs to the
// sequencer's goroutine.
type ownSession struct {
	session

	signer *noteSigner
	// intro are the entries that introduce the key, the last one, and the log
	// keys before it; introduced is set once they are durable.
	intro      []prepared
	introduced bool
	// keys are the versions of the log key after intro.
	keys []*noteSigner
}

// sessionMessage is what the log key signs to vouch for a session key. Its first
// line keeps it apart from every note: no origin looks like it.
func sessionMessage(origin, vkey, expires string) []byte {
	return []byte("concord session key v1\n" + origin + "\n" + vkey + "\n" + expires + "\n")
}

// newSession makes a session key and the entry that introduces it.
func newSession(ctx context.Context, origin string, keys keyring.Keyring, log *noteSigner, now time.Time) (*ownSession, error) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	id := make([]byte, 8)
	_, _ = rand.Read(id) // never fails (documented)
	name := batchOrigin(origin) + "/" + hex.EncodeToString(id)
	signer, err := newNoteSigner(name, key)
	if err != nil {
		return nil, err
	}
	expires := now.Add(sessionLife).UTC().Truncate(time.Microsecond)
	until := FormatTime(expires)
	countersignature, err := log.key.Sign(rand.Reader, sessionMessage(origin, signer.vkey, until), crypto.Hash(0))
	if err != nil {
		return nil, fault.Wrap(fault.Unavailable, "audit.newSession", "the log key cannot sign", err)
	}
	p := preparer{keys: keys, now: now}
	intro, err := p.entry(ctx, Request{
		ID:    name, // so that a search for the writer's name finds it
		Actor: Actor{Agency: origin, Subject: "log"},
		Time:  now,
	}, &Draft{Action: Admin, Admin: map[string]string{
		"kind": sessionKind, "vkey": signer.vkey, "expires": until,
		"countersignature": base64.StdEncoding.EncodeToString(countersignature),
	}})
	if err != nil {
		return nil, err
	}
	return &ownSession{session: session{signer.Verifier, expires}, signer: signer, intro: []prepared{intro}}, nil
}

var (
	errSessionForm    = errors.New("an introduction of a session key cannot be read")
	errSessionSigned  = errors.New("a session key is not countersigned by the log key")
	errSessionExpires = errors.New("a session key is meant to live too long")
)

// sessionOf returns the session that an entry introduces, and false for any
// other entry. An introduction that the log key has not countersigned is an
// error.
func sessionOf(origin string, e *Entry, log *keyLine) (session, bool, error) {
	if e.Action != Admin || e.Admin["kind"] != sessionKind {
		return session{}, false, nil
	}
	vkey, until := e.Admin["vkey"], e.Admin["expires"]
	verifier, err := note.NewVerifier(vkey)
	if err != nil || !strings.HasPrefix(verifier.Name(), batchOrigin(origin)+"/") || verifier.Name() != e.RequestID {
		return session{}, true, errSessionForm
	}
	signature, err := base64.StdEncoding.DecodeString(e.Admin["countersignature"])
	if err != nil {
		return session{}, true, errSessionForm
	}
	if !log.vouches(sessionMessage(origin, vkey, until), signature) {
		return session{}, true, errSessionSigned
	}
	expires, err1 := time.Parse(timeLayout, until)
	made, err2 := time.Parse(timeLayout, e.Time)
	if err := errors.Join(err1, err2); err != nil {
		return session{}, true, errSessionForm
	}
	if expires.Sub(made) > sessionLife {
		return session{}, true, errSessionExpires
	}
	return session{verifier, expires}, true, nil
}
