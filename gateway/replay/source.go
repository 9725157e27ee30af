package replay

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"strings"

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
		d := decoder{
			actors: map[string]policy.Actor{}, groups: map[string][]policy.Group{}, usages: map[string]policy.Usage{},
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

// decoder decodes the facts of requests. Who asks, about which datasets and after
// how much use is the same text over and over, and is decoded once.
type decoder struct {
	actors map[string]policy.Actor
	groups map[string][]policy.Group
	usages map[string]policy.Usage
}

// knownAtMost bounds how many texts of a sort are remembered.
const knownAtMost = 1 << 12

// decoded decodes the facts of a request. A name that policy.Input does not have
// would change the question: such facts are not decided.
func (d *decoder) decoded(f audit.Fact) *asked {
	a := &asked{Fact: f, lacks: Reason(f.Unread)}
	if a.lacks != "" {
		return a
	}
	const all = 4 // members of policy.Input
	var (
		failed error
		n      int
	)
	err := audit.Members(f.Private.Facts, func(name, text string) {
		if err := d.member(&a.in, name, text); err != nil {
			failed = err
		}
		n++
	})
	if err != nil || failed != nil || n != all {
		a.lacks = FactsUnreadable
	}
	return a
}

// member decodes one member of the facts.
func (d *decoder) member(in *policy.Input, name, text string) (err error) {
	switch name {
	case "actor":
		in.Actor, err = remembered(d.actors, text)
	case "groups":
		in.Groups, err = remembered(d.groups, text)
	case "request":
		err = strict(text, &in.Request)
	case "usage":
		in.Usage, err = remembered(d.usages, text)
	default:
		err = errUnknownName
	}
	return err
}

var errUnknownName = errors.New("the facts have a name that is not known")

// remembered decodes a text that may have been decoded before. What it returns
// is shared.
func remembered[T any](known map[string]T, text string) (T, error) {
	if v, ok := known[text]; ok {
		return v, nil
	}
	var v T
	if err := strict(text, &v); err != nil {
		return v, err
	}
	if len(known) >= knownAtMost {
		clear(known)
	}
	known[strings.Clone(text)] = v
	return v, nil
}

// strict decodes one JSON value and refuses names that it does not know.
func strict(text string, into any) error {
	dec := json.NewDecoder(strings.NewReader(text))
	dec.DisallowUnknownFields()
	return dec.Decode(into)
}
