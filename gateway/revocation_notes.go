package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"strconv"
	"strings"
	"time"

	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/identity/revocation"
)

// The kinds of the entries about revocations (Entry.Admin["kind"]).
const (
	kindRevoked = "revocation"
	kindLifted  = "revocation-lifted"
)

// revocationActor, of the agency that is the log's own origin, is who writes them, and
// nothing else.
const revocationActor = "operator"

// revocationPrefix begins the ids that join the entries about a row; requests of callers
// have UUIDs.
const revocationPrefix = "revocation/"

func revocationRequest(n int64) string { return revocationPrefix + strconv.FormatInt(n, 10) }

// revocationNotes finds in the log what noteRevocation wrote, whether or not the log is
// open here. It implements revocation.Log.
type revocationNotes struct {
	store  audit.Store
	origin string
}

func (g *Gateway) notesIn(db Store) revocationNotes {
	return revocationNotes{db.Log(), g.cfg.Log.Origin}
}

// Noted implements revocation.Log. It finds an entry by the number of its row: one
// look-up by an index.
func (l revocationNotes) Noted(ctx context.Context, n int64) (revocation.Note, error) {
	found, err := l.search(ctx, audit.Query{RequestID: revocationRequest(n), Limit: 1})
	if err != nil {
		return revocation.Note{}, err
	}
	at, note, err := noteOf(&found[0].Entry)
	if err == nil && at != n {
		err = unreadableNote(errAnotherRow)
	}
	return note, err
}

// Newest implements revocation.Log. It goes by who writes them: gateways that meet may
// have noted rows in another order than theirs, but not by much.
func (l revocationNotes) Newest(ctx context.Context) (int64, error) {
	const last = 100
	found, err := l.search(ctx, audit.Query{Action: audit.Admin, Agency: l.origin, Actor: revocationActor, Limit: last})
	newest := int64(-1)
	for i := range found {
		if !strings.HasPrefix(found[i].Entry.RequestID, revocationPrefix) {
			continue // something else that an operator asked for
		}
		n, _, err := noteOf(&found[i].Entry)
		if err != nil {
			return newest, err
		}
		newest = max(newest, n)
	}
	return newest, err
}

// search answers NotFound where nothing is found. What is found and is not what was
// hashed into the log is no note.
func (l revocationNotes) search(ctx context.Context, q audit.Query) ([]audit.Indexed, error) {
	found, err := audit.Search(ctx, l.store, q)
	switch {
	case err != nil && !fault.Is(err, fault.Unavailable) && ctx.Err() == nil:
		return nil, unreadableNote(err)
	case err == nil && len(found) == 0:
		return nil, fault.New(fault.NotFound, "gateway.Noted", "The log has no such revocation.")
	}
	return found, err
}

// noteOf reads an entry about a row, whose number it returns.
func noteOf(e *audit.Entry) (n int64, note revocation.Note, err error) {
	d := e.Admin
	at, err := time.Parse(time.RFC3339Nano, d["since"])
	if err != nil {
		return 0, note, unreadableNote(err)
	}
	n, err = strconv.ParseInt(d["row"], 10, 64)
	if err != nil || n < 0 || e.RequestID != revocationRequest(n) || d["kind"] != kindRevoked && d["kind"] != kindLifted {
		return 0, note, unreadableNote(errAnotherRow)
	}
	return n, revocation.Note{Digest: d["list"], Row: revocation.Row{
		Agency: d["agency"], Subject: d["subject"], Issuer: d["issuer"], TokenID: d["token_id"], Certificate: d["certificate"],
		Lift: d["kind"] == kindLifted, At: at,
	}}, nil
}

var (
	errAnotherRow = errors.New("it is about another row, or about nothing that a list has")
	errTwoNotes   = errors.New("there are two of one row, which say two things")
)

// unreadableNote keeps no gateway from starting, and everybody from being let in.
func unreadableNote(cause error) error {
	return fault.Wrap(fault.Unavailable, "gateway.Noted", "An entry of the log about a revocation cannot be read: verify the log.", cause).
		WithCode(revocation.Altered)
}

// verifiedNotes verifies the whole log, and returns what it says of the rows of the list,
// from the first one on: taken from the very bytes that were verified.
func verifiedNotes(ctx context.Context, store audit.Store, opt audit.VerifyOptions) ([]revocation.Note, error) {
	const op = "gateway.RestoreRevocations"
	source := &notesSource{Source: audit.StoreSource(store), notes: map[int64]revocation.Note{}}
	report, err := audit.Verify(ctx, source, opt)
	switch {
	case err != nil:
		return nil, err
	case !report.OK:
		return nil, fault.New(fault.Conflict, op, "The log does not verify, from entry "+strconv.FormatInt(*report.FirstBad, 10)+
			" on: nothing was put back. See what concord audit verify says of it.").WithCode("log-altered")
	case source.err != nil:
		return nil, source.err
	}
	notes := make([]revocation.Note, len(source.notes))
	for n, note := range source.notes {
		if n >= int64(len(notes)) {
			return nil, fault.New(fault.Conflict, op, "The log has notes of rows, and none of a row before them: nothing was put back.")
		}
		notes[n] = note
	}
	return notes, nil
}

// notesSource is a log that keeps the notes of what it hands on.
type notesSource struct {
	audit.Source

	notes map[int64]revocation.Note
	err   error
}

// Batches implements audit.Source.
func (s *notesSource) Batches(ctx context.Context) iter.Seq2[*audit.Batch, error] {
	return func(yield func(*audit.Batch, error) bool) {
		for b, err := range s.Source.Batches(ctx) {
			if err == nil {
				s.keep(b)
			}
			if !yield(b, err) {
				return
			}
		}
	}
}

// keep keeps the notes of a batch. A row that gateways noted twice is the same in both;
// one of an earlier release had no digest.
func (s *notesSource) keep(b *audit.Batch) {
	for _, raw := range b.Entries {
		c, err := audit.ColumnsOf(raw)
		if err != nil || c.Action != audit.Admin || !strings.HasPrefix(c.RequestID, revocationPrefix) {
			continue // what is no entry, who verifies finds
		}
		var e audit.Entry
		if err := json.Unmarshal(raw, &e); err != nil {
			continue
		}
		n, note, err := noteOf(&e)
		before, twice := s.notes[n]
		switch {
		case err != nil:
			s.err = err
		case twice && !before.Same(&note):
			s.err = unreadableNote(errTwoNotes)
		case !twice || before.Digest == "":
			s.notes[n] = note
		}
	}
}
