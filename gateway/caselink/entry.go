package caselink

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"slices"
	"time"

	"github.com/concord-gateway/concord/gateway/event"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/keyring"
)

// entryKind is that of the streams that hold one link each.
const entryKind = "case-link-entry"

// Entry is a link as supervisors see it: not of whom it is.
type Entry struct {
	ID      string    `json:"id"`
	State   string    `json:"state"`
	CaseRef string    `json:"case_ref"`
	Analyst Analyst   `json:"analyst"`
	By      string    `json:"by"`
	At      time.Time `json:"at"`
	// Expires is when it ends by itself; zero is never.
	Expires time.Time `json:"expires,omitzero"`
	// Ended is when somebody ended it, EndedBy who; zero is not.
	Ended   time.Time `json:"ended,omitzero"`
	EndedBy string    `json:"ended_by,omitempty"`
	// Reference is that of the case system that it was imported from.
	Reference string `json:"reference,omitempty"`
	// Streams are the keyed hashes under which it is in force.
	Streams []string `json:"streams"`
}

// InForce reports whether the link counts at the given time.
func (e *Entry) InForce(at time.Time) bool {
	return e.Ended.IsZero() && (e.Expires.IsZero() || at.Before(e.Expires))
}

// same reports whether an entry is of the same link between the same three. Who
// imports it and when may differ.
func (e *Entry) same(other *Entry) bool {
	return e.State == other.State && e.Reference == other.Reference && e.Analyst == other.Analyst &&
		e.CaseRef == other.CaseRef && slices.Equal(e.Streams, other.Streams)
}

// enter writes the first row of a link's entry.
func (r *Register) enter(ctx context.Context, sealer keyring.Sealer, l *Link, streams []string) error {
	const op = "caselink.Add"
	e := &Entry{
		ID: l.ID, State: l.State, CaseRef: l.CaseRef, Analyst: l.Analyst, By: l.By, At: l.At, Expires: l.Expires(),
		Reference: l.Reference, Streams: streams,
	}
	err := r.write(ctx, sealer, 0, e)
	if !fault.Is(err, fault.Conflict) {
		return err
	}
	kept, _, err := r.read(ctx, sealer, l.ID)
	switch {
	case err != nil:
		return err
	case !kept.same(e):
		return fault.New(fault.Conflict, op, "There is another link under this reference.").WithCode("reference-taken")
	case !kept.Ended.IsZero():
		return errEnded(op)
	}
	return nil
}

func errEnded(op string) error {
	return fault.New(fault.Conflict, op, "The link has ended.").WithCode("link-ended")
}

func (r *Register) write(ctx context.Context, sealer keyring.Sealer, n int64, e *Entry) error {
	body, err := json.Marshal(e)
	if err != nil {
		return fault.Wrap(fault.Internal, "caselink", "The link could not be kept.", err)
	}
	sealed, err := sealer.Seal(body, place(entryKind, e.ID, n))
	if err != nil {
		return err
	}
	return r.events.Insert(ctx, event.Event{Kind: entryKind, ID: e.ID, N: n, Body: sealed})
}

// read returns an entry and the number of its last row.
func (r *Register) read(ctx context.Context, sealer keyring.Sealer, id string) (*Entry, int64, error) {
	last, err := r.events.Last(ctx, entryKind, id)
	if err != nil {
		return nil, 0, err
	}
	e, ok, err := openEntry(sealer, &last)
	if err != nil {
		return nil, 0, err
	}
	if !ok { // not the register's
		return nil, 0, notFound("caselink.read")
	}
	return e, last.N, nil
}

func notFound(op string) error { return fault.New(fault.NotFound, op, "There is no such link.") }

func openEntry(sealer keyring.Sealer, row *event.Event) (e *Entry, ok bool, err error) {
	body, err := sealer.Open(row.Body, place(entryKind, row.ID, row.N))
	if fault.Is(err, fault.Internal) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	e = new(Entry)
	return e, json.Unmarshal(body, e) == nil && e.ID == row.ID, nil
}

// Find returns the entry of a link of an agency. One of another agency answers
// NotFound, like one that does not exist.
func (r *Register) Find(ctx context.Context, agency, id string) (*Entry, error) {
	sealer, err := r.keys.Sealer(ctx, keyring.LinkScope)
	if err != nil {
		return nil, err
	}
	e, _, err := r.read(ctx, sealer, id)
	if fault.Is(err, fault.NotFound) || err == nil && e.Analyst.Agency != agency {
		return nil, notFound("caselink.Find")
	}
	return e, err
}

// End ends a link of an agency: from then on it is none. One that has been ended
// answers Conflict.
func (r *Register) End(ctx context.Context, agency, id, by string, at time.Time) error {
	const op = "caselink.End"
	sealer, err := r.keys.Sealer(ctx, keyring.LinkScope)
	if err != nil {
		return err
	}
	e, n, err := r.read(ctx, sealer, id)
	switch {
	case fault.Is(err, fault.NotFound) || err == nil && e.Analyst.Agency != agency:
		return notFound(op)
	case err != nil:
		return err
	case !e.Ended.IsZero():
		return errEnded(op)
	}
	body, err := json.Marshal(row{Link: id, State: ended, By: by, At: at})
	if err != nil {
		return fault.Wrap(fault.Internal, op, "The link could not be ended.", err)
	}
	for _, stream := range e.Streams {
		if err := r.add(ctx, sealer, stream, body); err != nil {
			return err
		}
	}
	e.Ended, e.EndedBy = at, by
	if err := r.write(ctx, sealer, n+1, e); fault.Is(err, fault.Conflict) { // somebody ended it at that moment
		return errEnded(op)
	} else if err != nil {
		return err
	}
	return nil
}

// scanned is how many entries one page looks at, whatever it finds among them.
const scanned = 2000

// List returns entries of an agency that want accepts, in the order of their ids, after
// the id given: at most limit. next is where to go on, or empty.
func (r *Register) List(ctx context.Context, agency, after string, limit int, want func(*Entry) bool) (found []Entry, next string, err error) {
	sealer, err := r.keys.Sealer(ctx, keyring.LinkScope)
	if err != nil {
		return nil, "", err
	}
	found = []Entry{}
	rows, err := r.events.List(ctx, entryKind, after, scanned)
	if err != nil {
		return nil, "", err
	}
	for i := range rows {
		if len(found) == limit {
			return found, rows[i-1].ID, nil
		}
		e, ok, err := openEntry(sealer, &rows[i])
		if err != nil {
			return nil, "", err
		}
		if ok && e.Analyst.Agency == agency && want(e) {
			found = append(found, *e)
		}
	}
	if len(rows) == scanned {
		next = rows[scanned-1].ID
	}
	return found, next, nil
}

// ImportID is the id of the link that a case system of an agency calls by a
// reference: the same each time, so that importing it again makes no second one. It is
// a UUID of version 8 (RFC 9562 section 5.8), out of a keyed hash.
func (r *Register) ImportID(ctx context.Context, agency, reference string) (string, error) {
	h, err := r.keys.Hasher(ctx, keyring.LinkScope)
	if err != nil {
		return "", err
	}
	sum := h.Hash("import", agency, reference)
	sum[6] = sum[6]&0x0f | 0x80
	sum[8] = sum[8]&0x3f | 0x80
	text := hex.EncodeToString(sum[:16])
	return text[:8] + "-" + text[8:12] + "-" + text[12:16] + "-" + text[16:20] + "-" + text[20:], nil
}
