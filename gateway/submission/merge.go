package submission

import (
	"context"
	"encoding/hex"
	"slices"
	"strings"

	"github.com/concord-gateway/concord/gateway/event"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/identity"
	"github.com/concord-gateway/concord/gateway/keyring"
	"github.com/concord-gateway/concord/gateway/record"
)

// mergedKind is the kind of the events that say into which record another was
// merged: id "<dataset>/<provider>/<blind source id in hex>", one row.
const mergedKind = "merged"

// Merge is a merge as it arrives: the provider has found that several source ids name
// one record.
type Merge struct {
	Principal identity.Principal
	RequestID string
	// Client and Reason are for the private part of the log.
	Client, Reason string
	Dataset        string
	// Into is the source id of the record that stays, and Sources those of the records
	// that go.
	Into    string
	Sources []string
}

// Merge keeps one record and withdraws the others; rows that come under their source
// ids later are refused, with the advice to use the one that stays. What of their
// content is right, the provider sends as a correction of that. It is logged and
// recovered as a withdrawal is.
//
// Its errors are those of Withdraw, and NotFound for a record to merge into that the
// agency does not have.
func (s *Service) Merge(ctx context.Context, m Merge) (*Withdrawn, error) {
	const op = "submission.Merge"
	w := Withdrawal{
		Principal: m.Principal, RequestID: m.RequestID, Client: m.Client, Reason: m.Reason, Dataset: m.Dataset, Sources: m.Sources,
	}
	if err := w.check(); err != nil {
		return nil, err
	}
	if slices.Contains(m.Sources, m.Into) {
		return nil, fault.New(fault.Invalid, op, "A record is not merged into itself.").At("/into").WithCode("merge-itself")
	}
	if err := s.withdrawable(ctx, &w); err != nil {
		return nil, err
	}
	index, err := s.Keys.Hasher(ctx, keyring.IndexScope(m.Dataset))
	if err != nil {
		return nil, err
	}
	into := record.Key{Provider: m.Principal.Agency, Dataset: m.Dataset, Source: sourceRef(index, m.Principal.Agency, m.Into)}
	held, err := s.Records.Stamps(ctx, []record.Key{into})
	if err != nil {
		return nil, err
	}
	if len(held) == 0 {
		return nil, fault.New(fault.NotFound, op, "There is no record to merge into.").At("/into").WithCode("merge-into")
	}
	w.into = &into.Source
	return s.Withdraw(ctx, w)
}

// markMerged notes that records were merged into another. It is done before they are
// deleted, so that none comes back in between, and again when a cut-off merge is
// brought to its end.
func (s *Service) markMerged(ctx context.Context, keys []record.Key, into record.Ref) error {
	for _, k := range keys {
		body := []byte(`{"into":"` + hex.EncodeToString(into[:]) + `"}`)
		err := s.Events.Insert(ctx, event.Event{Kind: mergedKind, ID: mergedPrefix(k.Provider, k.Dataset) + hex.EncodeToString(k.Source[:]), Body: body})
		if err != nil && !fault.Is(err, fault.Conflict) { // merged before
			return err
		}
	}
	return nil
}

func mergedPrefix(provider, dataset string) string { return dataset + "/" + provider + "/" }

// mergedAway returns the records of a provider's dataset that were merged into others.
func (s *Service) mergedAway(ctx context.Context, provider, dataset string) (map[record.Ref]bool, error) {
	const page = 500
	prefix := mergedPrefix(provider, dataset)
	merged := map[record.Ref]bool{}
	after := prefix
	for {
		found, err := s.Events.List(ctx, mergedKind, after, page)
		if err != nil {
			return nil, err
		}
		for i := range found {
			source, ok := strings.CutPrefix(found[i].ID, prefix)
			if !ok {
				return merged, nil
			}
			raw, err := hex.DecodeString(source)
			if err != nil || len(raw) != len(record.Ref{}) {
				return nil, fault.Wrap(fault.Internal, "submission.Merge", "A merge cannot be read.", err)
			}
			merged[record.Ref(raw)] = true
			after = found[i].ID
		}
		if len(found) < page {
			return merged, nil
		}
	}
}
