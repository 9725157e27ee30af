package client

import (
	"context"
	"encoding/json"
	"iter"
	"net/url"
	"slices"

	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/fault"
)

// registerPage is a page of GET /v1/disclosures, whose entries are kept as they
// came.
type registerPage struct {
	Items []struct {
		Index int64           `json:"index"`
		Entry json.RawMessage `json:"entry"`
	} `json:"items"`
	Next    string         `json:"next"`
	Opening *audit.Opening `json:"opening"`
}

// Register fetches a partner's whole register: the opening of the newest
// published heads entry and every use, oldest first, each with its proof from the
// public tiles as far as it is published. It answers NotFound while no checkpoint
// is published.
func (c *Client) Register(ctx context.Context) (*audit.Opening, iter.Seq2[audit.Evidence, error], error) {
	const op = "client.Register"
	var opening *audit.Opening
	var uses []audit.Evidence
	for cursor, first := "", true; first || cursor != ""; first = false {
		query := url.Values{}
		if cursor != "" {
			query.Set("cursor", cursor)
		}
		var page registerPage
		if err := c.json(ctx, "/v1/disclosures", query, &page); err != nil {
			return nil, nil, err
		}
		if first {
			opening = page.Opening
		}
		for _, item := range page.Items {
			uses = append(uses, audit.Evidence{Index: item.Index, Entry: item.Entry})
		}
		cursor = page.Next
	}
	if opening == nil {
		return nil, nil, fault.New(fault.NotFound, op, "no checkpoint has been published yet: try again in a moment")
	}
	slices.Reverse(uses)
	size, root, err := audit.TreeOf([]byte(opening.Checkpoint))
	if err != nil {
		return nil, nil, err
	}
	prover := c.Prover(ctx, size, root)
	return opening, func(yield func(audit.Evidence, error) bool) {
		for _, use := range uses {
			var err error
			if use.Index < size {
				use.Proof, err = prover.Prove(use.Index)
			}
			if !yield(use, err) || err != nil {
				return
			}
		}
	}, nil
}

// Evidence fetches one entry with its proof.
func (c *Client) Evidence(ctx context.Context, index string) (audit.Evidence, error) {
	var item struct {
		Index int64           `json:"index"`
		Entry json.RawMessage `json:"entry"`
	}
	path := "/v1/audit/entries/" + url.PathEscape(index)
	if err := c.json(ctx, path, url.Values{"log_purpose": {"data-integrity"}}, &item); err != nil {
		return audit.Evidence{}, err
	}
	var proof audit.InclusionProof
	if err := c.json(ctx, path+"/proof", nil, &proof); err != nil {
		return audit.Evidence{}, err
	}
	return audit.Evidence{Index: item.Index, Entry: item.Entry, Proof: proof.Hashes, Checkpoint: proof.Checkpoint}, nil
}
