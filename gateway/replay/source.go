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
			if !yield(decoded(f), nil) {
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

// decoded decodes the facts of a request. A name that policy.Input does not have
// would change the question: such facts are not decided.
func decoded(f audit.Fact) *asked {
	a := &asked{Fact: f, lacks: Reason(f.Unread)}
	if a.lacks != "" {
		return a
	}
	dec := json.NewDecoder(bytes.NewReader(f.Private.Facts))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&a.in); err != nil {
		a.lacks = FactsUnreadable
	}
	return a
}
