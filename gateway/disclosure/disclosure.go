// Package disclosure gives people the parts of the log that are theirs to see.
//
// An information governance lead sees the open part of every entry; a partner
// sees every entry that concerns its own data, denials and emergencies
// included (invariant 8), and none of another partner's. Neither sees the
// sealed part: who it was about, the case and the justification.
package disclosure

import (
	"context"
	"io"
	"strconv"

	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/fault"
)

// PageSize is the most items on a page.
const PageSize = 100

// Service reads the log for people. It is safe for concurrent use.
type Service struct {
	log   *audit.Log
	store audit.Store
}

// New returns the service over a log and its store.
func New(log *audit.Log, store audit.Store) *Service {
	return &Service{log: log, store: store}
}

// Item is one entry with its index. The canonical JSON of Entry hashes to the
// leaf of the Merkle tree.
type Item = audit.Indexed

// Page is one page of entries, newest first. Next is the cursor of the page
// after it, or empty.
type Page struct {
	Items []Item `json:"items"`
	Next  string `json:"next"`
}

// Entries searches the log.
func (s *Service) Entries(ctx context.Context, q audit.Query) (*Page, error) {
	found, err := s.log.Search(ctx, q)
	if err != nil {
		return nil, err
	}
	page := &Page{Items: found}
	if last := len(found) - 1; len(found) == q.Limit && found[last].Index > 0 {
		page.Next = strconv.FormatInt(found[last].Index, 10)
	}
	return page, nil
}

// Entry returns one entry, or a fault of kind NotFound.
func (s *Service) Entry(ctx context.Context, index int64) (*Item, error) {
	e, _, err := s.log.Entry(ctx, index)
	if err != nil {
		return nil, err
	}
	return &Item{Index: index, Entry: e}, nil
}

// Register is one page of a provider's register of uses.
type Register struct {
	Page

	// Opening proves the end of the provider's chain; nil while nothing is
	// published.
	Opening *audit.Opening `json:"opening"`
}

// Of lists every entry about the data of one provider, newest first, with the
// opening of the newest published heads entry.
func (s *Service) Of(ctx context.Context, provider string, before int64) (*Register, error) {
	if provider == "" {
		return nil, fault.New(fault.Internal, "disclosure.Of", "no provider")
	}
	// The opening first: what it covers is in the list that is read after it.
	opening, err := s.log.Opening(ctx, provider)
	if err != nil && !fault.Is(err, fault.Conflict) {
		return nil, err
	}
	register := new(Register)
	if err == nil {
		register.Opening = &opening
	}
	page, err := s.Entries(ctx, audit.Query{Provider: provider, Before: before, Limit: PageSize})
	if err != nil {
		return nil, err
	}
	register.Page = *page
	return register, nil
}

// Export writes the whole log as newline-delimited JSON that audit.ReadExport
// reads, without the sealed parts.
func (s *Service) Export(ctx context.Context, w io.Writer) error {
	return audit.WriteExport(ctx, w, s.store)
}
