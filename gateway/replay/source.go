package replay

import (
	"bytes"
	"context"
	"encoding/json"
	"iter"

	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/keyring"
	"github.com/concord-gateway/concord/gateway/policy"
)

// Source is the log that is read, and the keys of its private parts.
type Source struct {
	Store audit.Store
	Keys  keyring.Keyring
	// From is the index of the entry to begin with.
	From int64
}

// Reason says why a request could not be decided again.
type Reason string

// The reasons, besides those that the log gives (audit.Unread).
const (
	// NoFacts is a request that was refused before the policy was asked.
	NoFacts = Reason(audit.NoFacts)
	// KeyDestroyed is a request whose private part is past its retention.
	KeyDestroyed = Reason(audit.KeyDestroyed)
	// Damaged is an entry that is not what was written.
	Damaged = Reason(audit.Damaged)
	// FactsUnreadable are facts that are no input of these rules, or that name
	// something that this program does not know.
	FactsUnreadable Reason = "facts-unreadable"
	// NoArchive is a revision that was never archived.
	NoArchive Reason = "no-archive"
	// ArchiveDamaged is a revision whose archive does not give that revision.
	ArchiveDamaged Reason = "archive-damaged"
	// Undecided is a question that the rules failed to decide now, perhaps because
	// time ran out.
	Undecided Reason = "undecided"
	// Unanswered is a question to which the rules have no whole answer. In a
	// replay it is a difference.
	Unanswered Reason = "unanswered"
)

// kindSubject is the kind of a request about a person, as the policy names it.
const kindSubject = "subject"

// asked is one request of the log with its facts decoded.
type asked struct {
	audit.Fact

	in policy.Input
	// lacks, where set, says why there is no input.
	lacks Reason
}

// requests yields the requests of the log and tells how far it is: progress gets
// the number of entries that are done, now and then and at the end.
func (s Source) requests(ctx context.Context, progress func(done, total int64)) iter.Seq2[*asked, error] {
	return func(yield func(*asked, error) bool) {
		total, err := s.size(ctx)
		if err != nil {
			yield(nil, err)
			return
		}
		if progress == nil {
			progress = func(int64, int64) {}
		}
		d := decoder{actors: map[string]policy.Actor{}, groups: map[string][]policy.Group{}}
		const often = 256
		n := 0
		for f, err := range audit.Facts(ctx, s.Store, s.Keys, s.From) {
			if err == nil && ctx.Err() != nil {
				err = fault.Wrap(fault.Unavailable, "replay", "reading was given up", ctx.Err())
			}
			if err != nil {
				yield(nil, err)
				return
			}
			if n++; n%often == 0 {
				progress(min(f.Index, total), total)
			}
			if !yield(d.decoded(f), nil) {
				return
			}
		}
		progress(total, total)
	}
}

func (s Source) size(ctx context.Context) (int64, error) {
	last, err := s.Store.LastBatch(ctx)
	if fault.Is(err, fault.NotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return last.Size, nil
}

// decoder decodes the facts of requests. Who asks, and about which datasets, is
// the same text over and over, and is decoded once.
type decoder struct {
	actors map[string]policy.Actor
	groups map[string][]policy.Group
}

// knownAtMost bounds how many texts of a sort are remembered.
const knownAtMost = 1 << 12

// facts are the members of policy.Input as they stand in the log.
type facts struct {
	Actor   json.RawMessage `json:"actor"`
	Request json.RawMessage `json:"request"`
	Usage   json.RawMessage `json:"usage"`
	Groups  json.RawMessage `json:"groups"`
}

// decoded decodes the facts of a request. A name that policy.Input does not have
// would change the question: such facts are not decided.
func (d *decoder) decoded(f audit.Fact) *asked {
	a := &asked{Fact: f, lacks: Reason(f.Unread)}
	if a.lacks != "" {
		return a
	}
	var text facts
	err := strict(f.Private.Facts, &text)
	if err == nil {
		a.in.Actor, err = remembered(d.actors, text.Actor)
	}
	if err == nil {
		a.in.Groups, err = remembered(d.groups, text.Groups)
	}
	if err == nil {
		err = strict(text.Request, &a.in.Request)
	}
	if err == nil {
		err = strict(text.Usage, &a.in.Usage)
	}
	if err != nil {
		a.lacks = FactsUnreadable
	}
	return a
}

// remembered decodes a text that may have been decoded before. What it returns
// is shared.
func remembered[T any](known map[string]T, text json.RawMessage) (T, error) {
	if v, ok := known[string(text)]; ok {
		return v, nil
	}
	var v T
	if err := strict(text, &v); err != nil {
		return v, err
	}
	if len(known) >= knownAtMost {
		clear(known)
	}
	known[string(text)] = v
	return v, nil
}

// strict decodes one JSON value and refuses names that it does not know.
func strict(text json.RawMessage, into any) error {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	return dec.Decode(into)
}
