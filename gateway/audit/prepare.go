package audit

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"time"

	"github.com/google/uuid"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/keyring"
)

const (
	// maxEntry is the largest entry, and the largest sealed private part, in
	// bytes.
	maxEntry = 1 << 20
	// maxBatchEntries and maxBatchBytes bound a batch. One entry and
	// sessionBytes of it are kept for the entry that introduces a session.
	maxBatchEntries = 512
	maxBatchBytes   = 4 << 20
	sessionBytes    = 4 << 10
	// chainBytes is more than the chain members add to an entry.
	chainBytes = 160
)

// prepared is an entry that lacks its place in the log: everything that costs
// time is done in the goroutine of the caller.
type prepared struct {
	// text is the canonical entry without the provider's chain members, which
	// belong at offset splice.
	text     []byte
	splice   int
	provider string
	// leaf is the leaf data of an entry without a provider, which needs no
	// splicing.
	leaf tlog.Hash
	// private is the sealed private part.
	private []byte
	// about is set for a request about a subject, which counts towards limits.
	about bool
}

func (p *prepared) bytes() int { return len(p.text) + chainBytes + len(p.private) }

// place returns the canonical entry and its leaf data, with the provider's
// chain continued in tips. The members provider_prev and provider_seq follow
// "provider" in canonical order, whatever else the entry holds.
func (p *prepared) place(tips map[string]Tip) ([]byte, tlog.Hash) {
	if p.provider == "" {
		return p.text, p.leaf
	}
	tip := tips[p.provider]
	out := make([]byte, 0, len(p.text)+chainBytes)
	out = append(out, p.text[:p.splice]...)
	if tip.Seq > 0 {
		out = append(out, `,"provider_prev":"`...)
		out = append(out, tip.Hash...)
		out = append(out, '"')
	}
	out = append(out, `,"provider_seq":`...)
	out = strconv.AppendInt(out, tip.Seq+1, 10)
	out = append(out, p.text[p.splice:]...)
	leaf := sha256.Sum256(out)
	tips[p.provider] = Tip{Seq: tip.Seq + 1, Hash: hex.EncodeToString(leaf[:])}
	return out, leaf
}

// preparer makes entries out of drafts.
type preparer struct {
	keys keyring.Keyring
	now  time.Time
}

// entries prepares the drafts of one request and answers TooLarge when they do
// not fit into one batch.
func (p preparer) entries(ctx context.Context, r Request, drafts []Draft) ([]prepared, error) {
	const op = "audit.Append"
	if len(drafts) >= maxBatchEntries {
		return nil, fault.New(fault.TooLarge, op, "one request makes more log entries than a batch holds")
	}
	total := 0
	entries := make([]prepared, len(drafts))
	for i := range drafts {
		if d := &drafts[i]; d.Action == Heads || d.Action == Admin && (d.Admin["kind"] == sessionKind || d.Admin["kind"] == keyKind) {
			return nil, fault.New(fault.Invalid, op, "only the log itself introduces keys and writes heads entries")
		}
		e, err := p.entry(ctx, r, &drafts[i])
		if err != nil {
			return nil, err
		}
		entries[i] = e
		total += e.bytes()
	}
	if total > maxBatchBytes-sessionBytes {
		return nil, fault.New(fault.TooLarge, op, "the log entries of one request are larger than a batch")
	}
	return entries, nil
}

// entry prepares one entry.
func (p preparer) entry(ctx context.Context, r Request, d *Draft) (prepared, error) {
	const op = "audit.Append"
	at := r.Time
	if at.IsZero() {
		at = p.now
	}
	base, sealed, err := p.private(ctx, at, d.Private)
	if err != nil {
		return prepared{}, err
	}
	open := openEntry(r, d, base)
	text, splice, err := entryText(&open)
	if err != nil {
		return prepared{}, err
	}
	if len(text)+chainBytes > maxEntry || len(sealed) > maxEntry {
		return prepared{}, fault.New(fault.TooLarge, op, "a log entry is larger than 1 MiB")
	}
	e := prepared{text: text, provider: d.Provider, private: sealed, about: d.Action == Consult && d.Area == ""}
	if d.Provider == "" {
		e.leaf = sha256.Sum256(text)
	} else {
		e.splice = splice
	}
	return e, nil
}

// heads prepares a heads entry as far as it can be before the sequencer.
func (p preparer) heads(ctx context.Context, r Request) (*headsDraft, error) {
	base, sealed, err := p.private(ctx, r.Time, Private{})
	return &headsDraft{entry: openEntry(r, &Draft{Action: Heads}, base), private: sealed}, err
}

// private seals a private part and returns what is in the open entry besides
// what it says: id, time, nonce and the hash of the private part.
func (p preparer) private(ctx context.Context, at time.Time, private Private) (Entry, []byte, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return Entry{}, nil, fault.Wrap(fault.Unavailable, "audit.Append", "no random numbers", err)
	}
	random := make([]byte, 48)
	_, _ = rand.Read(random) // never fails (documented)
	salt, nonce := random[:32], random[32:]
	private.Salt = hex.EncodeToString(salt)
	// The hash is over the salt and the text, which names the salt too.
	salted, err := privateText(append(make([]byte, 0, 1<<10), salt...), &private)
	if err != nil {
		return Entry{}, nil, err
	}
	hash, plain := sha256.Sum256(salted), salted[len(salt):]
	sealed, err := p.seal(ctx, at, id.String(), plain)
	return Entry{
		ID: id.String(), Nonce: hex.EncodeToString(nonce), Private: hex.EncodeToString(hash[:]), Time: FormatTime(at),
	}, sealed, err
}

// seal seals a private part under the log key of its month, bound to its entry.
func (p preparer) seal(ctx context.Context, at time.Time, id string, plain []byte) ([]byte, error) {
	sealer, err := p.keys.Sealer(ctx, keyring.LogScope(at))
	if err != nil {
		return nil, fault.Wrap(fault.Unavailable, "audit.Append", "the log key of the month cannot be had", err)
	}
	return sealer.Seal(plain, []byte(id))
}

// openEntry fills e with what request and draft say. Lists that must be there
// are empty rather than null.
func openEntry(r Request, d *Draft, e Entry) Entry {
	e.Action, e.Admin, e.Area, e.Emergency = d.Action, d.Admin, d.Area, d.Emergency
	e.Actor = r.Actor
	if e.Actor.Roles == nil {
		e.Actor.Roles = []string{}
	}
	e.PolicyRevision, e.Provider, e.Purpose = d.PolicyRevision, d.Provider, d.Purpose
	e.Recipients, e.RequestID = d.Recipients, r.ID
	e.ResponseSHA256, e.SectionsSHA256 = d.ResponseSHA256, d.SectionsSHA256
	for _, released := range d.Released {
		if released.Fields == nil {
			released.Fields = map[string]string{}
		}
		e.Released = append(e.Released, released)
	}
	for _, withheld := range d.Withheld {
		if withheld.Fields == nil {
			withheld.Fields = []string{}
		}
		e.Withheld = append(e.Withheld, withheld)
	}
	e.V = 1
	return e
}
