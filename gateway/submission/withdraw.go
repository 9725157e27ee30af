package submission

import (
	"context"
	"encoding/hex"
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/erasure"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/identity"
	"github.com/concord-gateway/concord/gateway/keyring"
	"github.com/concord-gateway/concord/gateway/record"
)

// withdrawalKind is the kind of the events of a withdrawal, a stream of two rows
// like that of a submission:
//
//	opened (0) ──> entry of the log ──> rows deleted ──> finished (1)
//
// One that ends at 0 when the gateway starts was cut off: RecoverWithdrawals does
// again what its entry says, if it has one.
const withdrawalKind = "withdrawal"

// MaxWithdrawn is the most source ids that one withdrawal may name.
const MaxWithdrawn = 10_000

// maxSource bounds a source id, in bytes: schemas allow 64 at present.
const maxSource = 256

// Withdrawal is a withdrawal as it arrives.
type Withdrawal struct {
	Principal identity.Principal
	RequestID string
	// Client is where the request came from, and Reason why it is made, both for
	// the private part of the log.
	Client, Reason string
	Dataset        string
	// Sources are the provider's own ids of the records. One given twice counts
	// once.
	Sources []string

	// into is the record that those withdrawn are merged into; nil where they are not.
	into *record.Ref
}

// Withdrawn is what became of a withdrawal.
type Withdrawn struct {
	ID string `json:"withdrawal_id"`
	// Withdrawn counts the records that were held and are gone, Absent the ids
	// that named none.
	Withdrawn int `json:"withdrawn"`
	Absent    int `json:"absent"`
	// Receipt is the signed promise that the withdrawal is in the log.
	Receipt    *WithdrawalReceipt `json:"receipt"`
	AuditIndex int64              `json:"audit_index"`
}

// WithdrawalReceipt is given to the submitter.
type WithdrawalReceipt struct {
	WithdrawalID string `json:"withdrawal_id"`
	// Digest is a keyed hash over what the entry names as erased.
	Digest string        `json:"digest"`
	Audit  audit.Receipt `json:"audit"`
}

// Withdraw removes records of the caller's own agency with all their versions. An
// agency may withdraw what it provided whether or not an agreement still stands.
//
// The entry of the log is durable before the first row goes. It answers NotFound
// for a dataset that the agency has no part in and no rows of, Invalid and
// TooLarge for a list that is empty or too long, and Unavailable when store, keys
// or log cannot answer: what was logged by then is done when the withdrawal is
// sent again, or when a gateway starts.
func (s *Service) Withdraw(ctx context.Context, w Withdrawal) (*Withdrawn, error) {
	const op = "submission.Withdraw"
	if err := w.check(); err != nil {
		return nil, err
	}
	if err := s.withdrawable(ctx, &w); err != nil {
		return nil, err
	}
	leave, err := s.enter(ctx, w.Principal.Agency)
	if err != nil {
		return nil, err
	}
	defer leave()
	id, err := uuid.NewV7()
	if err != nil {
		return nil, fault.Wrap(fault.Internal, op, "No withdrawal id could be made.", err)
	}
	index, err := s.Keys.Hasher(ctx, keyring.IndexScope(w.Dataset))
	if err != nil {
		return nil, err
	}
	// From here on it no longer matters whether the submitter is still there.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTimeout)
	defer cancel()
	return s.withdraw(ctx, &w, id.String(), index)
}

// check looks at the list. A message never repeats an id.
func (w *Withdrawal) check() error {
	const op = "submission.Withdraw"
	switch n := len(w.Sources); {
	case n == 0:
		return fault.New(fault.Invalid, op, "A withdrawal names at least one record.").At("/source_ids").WithCode("required")
	case n > MaxWithdrawn:
		return fault.New(fault.TooLarge, op, "A withdrawal names at most "+strconv.Itoa(MaxWithdrawn)+
			" records. Withdraw the rest in another.").WithCode("too-many-rows")
	}
	for i, source := range w.Sources {
		if source == "" || len(source) > maxSource {
			return fault.New(fault.Invalid, op, "A source id has 1 to "+strconv.Itoa(maxSource)+" bytes.").
				At("/source_ids/" + strconv.Itoa(i)).WithCode("source-id")
		}
	}
	return nil
}

// withdrawable refuses, as one that does not exist, a dataset that the agency may
// not know of. What it has rows of it knows, whatever became of the agreements.
func (s *Service) withdrawable(ctx context.Context, w *Withdrawal) error {
	rules := s.Rules.In(ctx)
	if _, ok := rules.Datasets.Get(w.Dataset); ok && rules.Agreements.Visible(w.Principal.Agency, w.Dataset) {
		return nil
	}
	n, err := s.Records.Count(ctx, record.Filter{Provider: w.Principal.Agency, Dataset: w.Dataset})
	if err != nil {
		return err
	}
	if n == 0 {
		return fault.New(fault.NotFound, "submission.Withdraw", "There is no such dataset.")
	}
	return nil
}

// withdraw finds what there is, logs that it goes, and deletes it.
func (s *Service) withdraw(ctx context.Context, w *Withdrawal, id string, index keyring.Hasher) (*Withdrawn, error) {
	keys := w.keys(index)
	stamps, err := s.Records.Stamps(ctx, keys)
	if err != nil {
		return nil, err
	}
	entry := erasure.Withdrawal{
		ID: id, Provider: w.Principal.Agency, Dataset: w.Dataset, Keys: map[string][]record.Key{},
		Absent: len(keys) - len(stamps), Reason: w.Reason, Client: w.Client, Merged: w.into != nil,
	}
	var held []record.Key
	for _, k := range keys {
		if st, ok := stamps[k]; ok {
			entry.Keys[st.Agreement] = append(entry.Keys[st.Agreement], k)
			held = append(held, k)
		}
	}
	now := s.Clock().UTC().Truncate(time.Microsecond)
	o := opened{
		Agency: w.Principal.Agency, Subject: w.Principal.Subject, Dataset: w.Dataset, RequestID: w.RequestID, Time: now,
	}
	if w.into != nil {
		o.Into = hex.EncodeToString(w.into[:])
	}
	if err := s.event(ctx, withdrawalKind, id, 0, o); err != nil {
		return nil, err
	}
	if err := s.noteGone(ctx, w.Principal.Agency, w.Dataset, keys); err != nil {
		return nil, err
	}
	receipt, err := s.Log.Append(ctx, audit.Request{ID: w.RequestID, Time: now, Actor: actorOf(w.Principal), Drafts: entry.Drafts()})
	if err != nil {
		return nil, err
	}
	if w.into != nil {
		if err := s.markMerged(ctx, keys, *w.into); err != nil {
			return nil, err
		}
	}
	gone, err := s.remove(ctx, held)
	if err != nil {
		return nil, err
	}
	res := &Withdrawn{
		ID: id, Withdrawn: gone, Absent: len(keys) - gone, AuditIndex: receipt.First,
		Receipt: &WithdrawalReceipt{WithdrawalID: id, Digest: erasedDigest(index, held), Audit: receipt},
	}
	return res, s.withdrawn(ctx, id, withdrawnEvent{Agency: o.Agency, Result: *res})
}

// remove deletes records in chunks, so that others can write in between, and
// returns how many there were.
func (s *Service) remove(ctx context.Context, keys []record.Key) (int, error) {
	var n int
	for chunk := range slices.Chunk(keys, chunkRows) {
		gone, err := s.Records.Withdraw(ctx, chunk)
		if err != nil {
			return n, err
		}
		n += len(gone)
	}
	return n, nil
}

// keys are the records that the withdrawal names, each once.
func (w *Withdrawal) keys(index keyring.Hasher) []record.Key {
	seen := make(map[string]bool, len(w.Sources))
	keys := make([]record.Key, 0, len(w.Sources))
	for _, source := range w.Sources {
		if seen[source] {
			continue
		}
		seen[source] = true
		keys = append(keys, record.Key{
			Provider: w.Principal.Agency, Dataset: w.Dataset, Source: sourceRef(index, w.Principal.Agency, source),
		})
	}
	return keys
}

// sourceRef is the blind source id of a provider's own id.
func sourceRef(index keyring.Hasher, provider, source string) record.Ref {
	return index.Hash("source", provider, source)
}

// erasedDigest folds the keys that were withdrawn into one, whatever their order.
func erasedDigest(h keyring.Hasher, keys []record.Key) string {
	parts := make([]string, 0, len(keys)+1)
	for _, k := range keys {
		parts = append(parts, string(k.Source[:]))
	}
	slices.Sort(parts)
	sum := h.Hash(append(parts, "withdrawal")...)
	return hex.EncodeToString(sum[:])
}
