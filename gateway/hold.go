package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"time"

	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/event"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/keyring"
	"github.com/concord-gateway/concord/gateway/keyring/register"
	"github.com/concord-gateway/concord/gateway/record"
)

// KeysHeld says what keys were held against: a whole store.
type KeysHeld struct {
	// Entries are those of the log, which was verified by its key. The private part of
	// each opened, or its key was destroyed.
	Entries int64
	// Named are the keys that the store's own rows name: of the months of the log and of
	// the records, of datasets, editions, links and so on.
	Named int
	// Registered are the keys that the store's register has. A store from before there
	// was a register has none.
	Registered int
}

// holdLog holds keys against the log of a store (audit.Hold), and returns its verifier
// keys. A log without entries is NotFound; keys that are another's are Unavailable.
func holdLog(ctx context.Context, log audit.Store, origin string, keys keyring.Keyring) ([]string, error) {
	vkeys, err := audit.Hold(ctx, audit.Config{Store: log, Keys: keys, Origin: origin})
	if err != nil && !fault.Is(err, fault.NotFound) {
		return nil, fault.Wrap(fault.Unavailable, "gateway.Keys", "The keys cannot be shown to be those of this log.", err)
	}
	return vkeys, err
}

// holdStore holds keys against a whole store, from which nothing may be missing: the log
// verifies by their log key, what is sealed in it opens, and so does a record of each
// agreement and month; every key that the store's rows name is there or destroyed; and the
// register agrees. Of keys that hash, a store without a register shows only that they were
// used, not which they were. Nothing is made or written.
func holdStore(ctx context.Context, db Store, origin string, keys keyring.Keyring) (held KeysHeld, err error) {
	h := holding{keys: keys, named: map[string]bool{}}
	if held.Entries, err = h.log(ctx, db.Log(), origin); err != nil {
		return held, err
	}
	if err := h.records(ctx, db.Records()); err != nil {
		return held, err
	}
	if err := db.Events().Walk(ctx, h.row); err != nil {
		return held, err
	}
	if err := h.ask(ctx); err != nil {
		return held, err
	}
	held.Named = len(h.named)
	held.Registered, err = register.Verify(ctx, keys, db.Events())
	return held, err
}

// holding gathers the keys that a store names, by the ids of register.
type holding struct {
	keys  keyring.Keyring
	named map[string]bool
}

func (h *holding) seals(scope string)  { h.named["seal/"+scope] = true }
func (h *holding) hashes(scope string) { h.named["hash/"+scope] = true }

// log verifies the log, and opens what is sealed in it on the way.
func (h *holding) log(ctx context.Context, log audit.Store, origin string) (int64, error) {
	const op = "gateway.Keys"
	vkeys, err := holdLog(ctx, log, origin, h.keys)
	if fault.Is(err, fault.NotFound) {
		return 0, fault.Wrap(fault.Invalid, op, "The log of the store has no entries: nothing tells whose keys these are.", err)
	}
	if err != nil {
		return 0, err
	}
	source := &openingSource{Source: audit.StoreSource(log), holding: h}
	report, err := audit.Verify(ctx, source, audit.VerifyOptions{Keys: vkeys[:1]})
	switch {
	case source.err != nil:
		return 0, source.err
	case err != nil:
		return 0, err
	case !report.OK:
		return 0, fault.Wrap(fault.Unavailable, op, "The log does not verify.", errors.New(report.Problems[0].Message))
	}
	return report.Entries, nil
}

// openingSource opens every private part of the batches that pass.
type openingSource struct {
	audit.Source

	holding *holding
	// err is why one did not open. It is for when the sequence has ended.
	err error
}

func (s *openingSource) Batches(ctx context.Context) iter.Seq2[*audit.Batch, error] {
	return func(yield func(*audit.Batch, error) bool) {
		for b, err := range s.Source.Batches(ctx) {
			if err == nil {
				s.err = s.holding.batch(ctx, b)
			}
			if s.err != nil || !yield(b, err) {
				return
			}
		}
	}
}

func (h *holding) batch(ctx context.Context, b *audit.Batch) error {
	for i := range b.Entries {
		index := b.First + int64(i)
		e, private, err := b.Open(ctx, h.keys, index)
		if err != nil && !fault.Is(err, fault.NotFound) { // NotFound: the month's key was destroyed
			return fault.Wrap(fault.Unavailable, "gateway.Keys", "What is sealed in the log cannot be opened.", fmt.Errorf("entry %d: %w", index, err))
		}
		if len(private.SubjectRefs) == 0 {
			continue
		}
		at, err := time.Parse(time.RFC3339Nano, e.Time)
		if err != nil {
			return fault.Wrap(fault.Unavailable, "gateway.Keys", "The log cannot be read.", err)
		}
		h.hashes(keyring.RefScope(at))
	}
	return nil
}

// records opens one record of each agreement and month, and notes the keys of all.
func (h *holding) records(ctx context.Context, records record.Store) error {
	opened := map[string]bool{}
	err := records.Scan(ctx, record.Filter{}, func(r *record.Record) error {
		h.hashes(keyring.IndexScope(r.Dataset))
		scope := keyring.RecordScope(r.Agreement, r.KeyMonth)
		if opened[scope] {
			return nil
		}
		opened[scope] = true
		if _, err := record.Open(ctx, h.keys, r); err != nil && !fault.Is(err, fault.NotFound) {
			return fault.Wrap(fault.Unavailable, "gateway.Keys", "A record cannot be opened.", fmt.Errorf("seal/%s: %w", scope, err))
		}
		return nil
	})
	if err != nil {
		return err
	}
	months, err := records.Months(ctx)
	for _, m := range months {
		h.seals(keyring.RecordScope(m.Agreement, m.KeyMonth))
		h.hashes(keyring.RecordScope(m.Agreement, m.KeyMonth))
	}
	return err
}

// row notes the keys without which an event could not have come about.
func (h *holding) row(e *event.Event) error {
	var body struct {
		Dataset   string `json:"dataset"`
		Agreement string `json:"agreement"`
		Month     string `json:"month"`
	}
	switch e.Kind {
	case "case-link", "case-link-entry":
		h.seals(keyring.LinkScope)
		h.hashes(keyring.LinkScope)
	case "edition", "edition-series":
		h.seals(keyring.EditionScope)
	case "revocation":
		h.seals(keyring.RevocationScope)
	case "rejected-key":
		h.seals(keyring.RejectedScope(e.ID))
	case "withdrawal", "idempotency":
		if err := json.Unmarshal(e.Body, &body); err != nil {
			return fault.Wrap(fault.Unavailable, "gateway.Keys", "A row of the store cannot be read.", err)
		}
	}
	if e.Kind == "withdrawal" && body.Dataset != "" {
		h.hashes(keyring.IndexScope(body.Dataset))
	}
	if e.Kind == "idempotency" {
		h.hashes(keyring.RecordScope(body.Agreement, body.Month))
	}
	return nil
}

// ask asks for every key that is named.
func (h *holding) ask(ctx context.Context) error {
	for _, id := range slices.Sorted(maps.Keys(h.named)) {
		if err := register.Ask(ctx, h.keys, id); err != nil && !fault.Is(err, fault.NotFound) {
			return fault.Wrap(fault.Unavailable, "gateway.Keys", "The store was used with a key that cannot be had.", fmt.Errorf("%s: %w", id, err))
		}
	}
	return nil
}
