package audit

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/keyring"
)

// Indexed is an entry with its place in the log.
type Indexed struct {
	Index int64 `json:"index"`
	Entry Entry `json:"entry"`
}

// batchOf returns the batch that holds an entry, or NotFound.
func batchOf(ctx context.Context, store Store, op string, index int64) (*Batch, error) {
	if index < 0 {
		return nil, fault.New(fault.NotFound, op, "the log has no such entry")
	}
	b, err := store.BatchOf(ctx, index)
	if err != nil {
		return nil, err
	}
	if at := index - b.First; at < 0 || at >= int64(len(b.Entries)) || len(b.Leaves) != len(b.Entries) {
		return nil, fault.New(fault.Internal, op, fmt.Sprintf("batch %d is damaged", b.N))
	}
	return b, nil
}

// entry decodes an entry of b, after checking that it is what was hashed.
func (b *Batch) entry(index int64) (Entry, []byte, error) {
	const op = "audit.Entry"
	raw := b.Entries[index-b.First]
	sum := sha256.Sum256(raw)
	if string(sum[:]) != string(b.Leaves[index-b.First]) {
		return Entry{}, nil, fault.New(fault.Internal, op, fmt.Sprintf("entry %d is not what was hashed into the log", index))
	}
	var e Entry
	if err := json.Unmarshal(raw, &e); err != nil {
		return Entry{}, nil, fault.Wrap(fault.Internal, op, fmt.Sprintf("entry %d is not an entry", index), err)
	}
	return e, raw, nil
}

// Entry returns one entry, decoded and in its exact bytes. It answers NotFound
// when the log has no such entry, and Internal when the entry is not what was
// hashed into the log.
func (l *Log) Entry(ctx context.Context, index int64) (Entry, []byte, error) {
	b, err := batchOf(ctx, l.cfg.Store, "audit.Entry", index)
	if err != nil {
		return Entry{}, nil, err
	}
	return b.entry(index)
}

// Search returns the entries that match q, newest first. The rows that it finds
// them by are derived from the log (Store.Reindex); the entries themselves are
// checked like those of Entry.
func (l *Log) Search(ctx context.Context, q Query) ([]Indexed, error) {
	return Search(ctx, l.cfg.Store, q)
}

// Search is like Log.Search, on a store whose log nobody has open here.
func Search(ctx context.Context, store Store, q Query) ([]Indexed, error) {
	found, err := store.Search(ctx, q)
	if err != nil {
		return nil, err
	}
	entries := make([]Indexed, 0, len(found))
	var b *Batch
	for _, index := range found {
		if b == nil || index < b.First {
			if b, err = batchOf(ctx, store, "audit.Search", index); err != nil {
				return nil, err
			}
		}
		e, _, err := b.entry(index)
		if err != nil {
			return nil, err
		}
		entries = append(entries, Indexed{Index: index, Entry: e})
	}
	return entries, nil
}

// OpenPrivate opens the private part of an entry. It answers NotFound when there
// is no such entry or the log key of its month was destroyed, and Internal when
// the private part is not the one that the entry committed to.
func (l *Log) OpenPrivate(ctx context.Context, index int64) (Private, error) {
	b, err := batchOf(ctx, l.cfg.Store, "audit.OpenPrivate", index)
	if err != nil {
		return Private{}, err
	}
	_, p, err := b.Open(ctx, l.cfg.Keys, index)
	return p, err
}

// Open returns an entry of b, checked like that of Log.Entry, with its private
// part opened, as Log.OpenPrivate does. The log need not be open.
func (b *Batch) Open(ctx context.Context, keys keyring.Keyring, index int64) (Entry, Private, error) {
	const op = "audit.OpenPrivate"
	if at := index - b.First; at < 0 || at >= int64(len(b.Entries)) || len(b.Leaves) != len(b.Entries) {
		return Entry{}, Private{}, fault.New(fault.NotFound, op, fmt.Sprintf("batch %d has no such entry", b.N))
	}
	e, _, err := b.entry(index)
	if err != nil {
		return Entry{}, Private{}, err
	}
	at, err := time.Parse(timeLayout, e.Time)
	if err != nil || index-b.First >= int64(len(b.Private)) {
		return Entry{}, Private{}, fault.New(fault.Internal, op, "the entry has no time or no private part")
	}
	sealer, err := keys.Sealer(ctx, keyring.LogScope(at))
	if err != nil {
		return Entry{}, Private{}, err
	}
	p, err := openPrivate(sealer, b.Private[index-b.First], e.ID, e.Private)
	return e, p, err
}

// openPrivate opens a private part and checks that it is the one of which the
// entry called id holds the hash.
func openPrivate(sealer keyring.Sealer, sealed []byte, id, hash string) (Private, error) {
	const op = "audit.OpenPrivate"
	plain, err := sealer.Open(sealed, []byte(id))
	if err != nil {
		return Private{}, err
	}
	p, err := readPrivate(plain)
	if err != nil {
		return Private{}, fault.Wrap(fault.Internal, op, "the private part cannot be read", err)
	}
	salt, err := hex.DecodeString(p.Salt)
	if sum := privateHash(salt, plain); err != nil || hex.EncodeToString(sum[:]) != hash {
		return Private{}, fault.New(fault.Internal, op, "the private part is not the one that the entry names")
	}
	return p, nil
}

// readPrivate reads a private part, which was written as canonical JSON. It is
// several times faster than decoding it.
func readPrivate(plain []byte) (Private, error) {
	var p Private
	err := members(string(plain), func(key, value string, _ int) bool {
		switch key {
		case "case_ref":
			p.CaseRef = inside(value)
		case "client":
			p.Client = inside(value)
		case "decision":
			p.Decision = inside(value)
		case "erased":
			p.Erased = readErased(value)
		case "facts":
			p.Facts = json.RawMessage(value)
		case "incident":
			p.Incident = inside(value)
		case "justification":
			p.Justification = inside(value)
		case "salt":
			p.Salt = inside(value)
		case "subject_refs":
			// The array was read as part of the whole: no error is left.
			_ = elements(value, func(ref string) { p.SubjectRefs = append(p.SubjectRefs, inside(ref)) })
		}
		return true
	})
	return p, err
}

// readErased reads the records that an erase entry names. The array was read as
// part of the whole: no error is left.
func readErased(value string) []Erased {
	var all []Erased
	_ = elements(value, func(object string) {
		var e Erased
		_ = members(object, func(key, value string, _ int) bool {
			switch key {
			case "dataset":
				e.Dataset = inside(value)
			case "source":
				e.Source = inside(value)
			}
			return true
		})
		all = append(all, e)
	})
	return all
}
