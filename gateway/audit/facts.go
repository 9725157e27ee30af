package audit

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"iter"
	"strconv"
	"time"

	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/keyring"
)

// Unread says why the facts of an entry cannot be had.
type Unread string

// The reasons. An entry whose facts were read has none.
const (
	// NoFacts is a request that was refused before the policy was asked.
	NoFacts Unread = "no-facts"
	// KeyDestroyed is an entry whose private part is past its retention.
	KeyDestroyed Unread = "key-destroyed"
	// Damaged is an entry that is not what was hashed into the log, or whose
	// private part is not the one that it names.
	Damaged Unread = "damaged"
)

// Fact is one request that the policy decided, as the log has it: the request's
// own entry with its private part opened, and the entries of the providers that
// stand behind it.
type Fact struct {
	// Index is that of the request's own entry.
	Index int64
	// Unread, where set, says why Private is empty.
	Unread Unread
	Action Action
	// Agency is that of the actor.
	Agency string
	Area   string
	// Code is why the request was refused, where the entry says it.
	Code string
	// Answered says that the entry commits to an answer.
	Answered       bool
	PolicyRevision string
	RequestID      string
	// Time is as in Entry.
	Time      string
	Private   Private
	Providers []ProviderFact

	// id and private are what opening the private part needs.
	id, private string
}

// ProviderFact is what one provider's entry says was released and withheld, as
// the canonical JSON that stands in the entry, so that nobody need decode what
// they have seen before.
type ProviderFact struct {
	Index    int64
	Action   Action
	Provider string
	Released string
	Withheld string
}

// Facts yields, in the order of the log, every request from entry index from on
// that the policy decided or that was refused before it was asked. It reads the
// store alone: the log need not be open, and may be growing. It holds one batch
// at a time.
//
// Every entry is held against its leaf and every private part against its entry,
// as in OpenPrivate; what does not fit is yielded as Damaged. An error ends the
// sequence: a batch that is missing or cannot be read (Internal), or a store or
// keyring that does not answer (Unavailable). The tree above the leaves is for
// Verify.
func Facts(ctx context.Context, store Store, keys keyring.Keyring, from int64) iter.Seq2[Fact, error] {
	return func(yield func(Fact, error) bool) {
		r := factReader{ctx: ctx, keys: keys, sealers: map[string]keyring.Sealer{}}
		n, end, err := factRange(ctx, store, from)
		if err != nil {
			yield(Fact{}, err)
			return
		}
		for ; n <= end; n++ {
			b, err := store.Batch(ctx, n)
			if err == nil && (len(b.Leaves) != len(b.Entries) || len(b.Private) != len(b.Entries)) {
				err = errors.New("counts do not fit")
			}
			if err != nil {
				yield(Fact{}, unreadable(n, err))
				return
			}
			if !r.batch(b, from, yield) {
				return
			}
		}
	}
}

// unreadable keeps a fault that says to try again, and makes of any other one
// that says that the log is damaged: every batch up to the last must be there.
func unreadable(n int64, err error) error {
	if fault.Is(err, fault.Unavailable) {
		return err
	}
	return fault.Wrap(fault.Internal, "audit.Facts", "batch "+strconv.FormatInt(n, 10)+" of the log cannot be read", err)
}

// factRange returns the first batch to read, and the last that there is.
func factRange(ctx context.Context, store Store, from int64) (first, last int64, err error) {
	newest, err := store.LastBatch(ctx)
	if isNotFound(err) {
		return 0, -1, nil
	}
	if err != nil {
		return 0, 0, err
	}
	if from <= 0 {
		return 0, newest.N, nil
	}
	b, err := store.BatchOf(ctx, from)
	if isNotFound(err) {
		return 0, -1, nil
	}
	if err != nil {
		return 0, 0, err
	}
	return b.N, newest.N, nil
}

// factReader reads batches; one sequence owns it.
type factReader struct {
	ctx     context.Context //nolint:containedctx // of the one sequence that owns the reader
	keys    keyring.Keyring
	sealers map[string]keyring.Sealer // by month; nil for one that was destroyed
	// next and of are the entry that is being read.
	next Fact
	of   ProviderFact
}

// batch yields the requests of one batch; the entries of one request are never
// in two. It returns false when reading has ended.
func (r *factReader) batch(b *Batch, from int64, yield func(Fact, error) bool) bool {
	var f *Fact
	flush := func() bool {
		done := f
		f = nil
		return done == nil || yield(*done, nil)
	}
	for i := max(0, int(from-b.First)); i < len(b.Entries); i++ {
		index := b.First + int64(i)
		next, of := &r.next, &r.of
		*next, *of = Fact{}, ProviderFact{}
		ok := readFact(b.Entries[i], b.Leaves[i], next, of)
		switch {
		case !ok:
			if !flush() || !yield(Fact{Index: index, Unread: Damaged}, nil) {
				return false
			}
		case of.Provider != "" && f != nil && f.RequestID == next.RequestID:
			of.Index = index
			f.Providers = append(f.Providers, *of)
		case of.Provider == "" && next.decides():
			if !flush() {
				return false
			}
			next.Index = index
			if err := r.open(next, b.Private[i]); err != nil {
				yield(Fact{}, err)
				return false
			}
			request := *next
			f = &request
		default:
			if !flush() {
				return false
			}
		}
	}
	return flush()
}

// decides reports whether the entry is a request's own, for data of others.
func (f *Fact) decides() bool { return f.Action == Consult || f.Action == Combine || f.Action == Deny }

// readFact reads an entry; of has a provider only where the entry is one of a
// provider. It returns false for what is not the entry of the leaf. It is several
// times faster than decoding the entry.
func readFact(entry, leaf []byte, f *Fact, of *ProviderFact) bool {
	if sum := sha256.Sum256(entry); !bytes.Equal(sum[:], leaf) {
		return false
	}
	err := members(string(entry), func(key, value string, _ int) bool {
		f.member(key, value)
		switch key {
		case "provider":
			of.Provider = inside(value)
		case "released":
			of.Released = value
		case "withheld":
			of.Withheld = value
		}
		return true
	})
	of.Action = f.Action
	return err == nil
}

// member takes what a fact needs of the open part of an entry.
func (f *Fact) member(key, value string) {
	switch key {
	case "action":
		f.Action = Action(inside(value))
	case "actor":
		// Here and below the object was read as part of the entry: no error is left.
		_ = members(value, func(key, value string, _ int) bool {
			if key == "agency" {
				f.Agency = inside(value)
			}
			return true
		})
	case "admin":
		_ = members(value, func(key, value string, _ int) bool {
			if key == "code" {
				f.Code = inside(value)
			}
			return true
		})
	case "area":
		f.Area = inside(value)
	case "id":
		f.id = inside(value)
	case "policy_revision":
		f.PolicyRevision = inside(value)
	case "private":
		f.private = inside(value)
	case "request_id":
		f.RequestID = inside(value)
	case "response_sha256":
		f.Answered = true
	case "time":
		f.Time = inside(value)
	}
}

// inside returns what a canonical JSON string means, and "" for any other value.
// It keeps the entry in memory, as the parts that are passed on do anyway.
func inside(value string) string {
	if len(value) < 2 || value[0] != '"' {
		return ""
	}
	return unquote(value[1 : len(value)-1])
}

// open opens the private part of a request's own entry.
func (r *factReader) open(f *Fact, sealed []byte) error {
	at, err := time.Parse(timeLayout, f.Time)
	if err != nil {
		f.Unread = Damaged
		return nil //nolint:nilerr // the fact says it
	}
	sealer, err := r.sealer(at)
	if err != nil {
		return err
	}
	var damage error
	if sealer != nil {
		f.Private, damage = openPrivate(sealer, sealed, f.id, f.private)
	}
	switch {
	case sealer == nil:
		f.Unread = KeyDestroyed
	case damage != nil:
		f.Unread = Damaged
	case len(f.Private.Facts) == 0:
		f.Unread = NoFacts
	}
	return nil
}

// sealer returns the sealer of a month, or nil when its key was destroyed.
func (r *factReader) sealer(at time.Time) (keyring.Sealer, error) {
	scope := keyring.LogScope(at)
	if s, ok := r.sealers[scope]; ok {
		return s, nil
	}
	s, err := r.keys.Sealer(r.ctx, scope)
	if err != nil && !isNotFound(err) {
		return nil, err
	}
	if err != nil {
		s = nil
	}
	r.sealers[scope] = s
	return s, nil
}
