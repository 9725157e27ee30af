package submission

import (
	"context"
	"encoding/hex"

	"github.com/concord-gateway/concord/gateway/agreement"
	"github.com/concord-gateway/concord/gateway/dataset"
	"github.com/concord-gateway/concord/gateway/intake"
	"github.com/concord-gateway/concord/gateway/keyring"
	"github.com/concord-gateway/concord/gateway/linkage"
	"github.com/concord-gateway/concord/gateway/quality"
	"github.com/concord-gateway/concord/gateway/record"
)

// preparer turns rows of one submission into records. It does not change and is
// safe for concurrent use.
type preparer struct {
	ds      *dataset.Dataset
	checker *intake.Checker
	// template carries what all records of the submission have in common.
	template record.Record
	index    keyring.Hasher
	digest   keyring.Hasher
	sealer   keyring.Sealer
}

// outcome is what became of one row before it is stored: a record, or errors.
type outcome struct {
	row      int
	sent     *rawRow
	rejected *intake.Rejected
	record   record.Record
	// content is what is sealed, of which canonical is the row.
	content, canonical []byte
	// sealed is the version for which the body was sealed ahead; 0 for none.
	sealed int64
}

func (s *Service) newPreparer(ctx context.Context, st *stream, ds *dataset.Dataset, terms *agreement.Terms) (*preparer, error) {
	month := keyring.Month(st.Time)
	index, err := s.Keys.Hasher(ctx, keyring.IndexScope(ds.Name))
	if err != nil {
		return nil, err
	}
	scope := keyring.RecordScope(terms.Agreement, month)
	digest, err := s.Keys.Hasher(ctx, scope)
	if err != nil {
		return nil, err
	}
	sealer, err := s.Keys.Sealer(ctx, scope)
	if err != nil {
		return nil, err
	}
	return &preparer{
		ds: ds, checker: intake.NewChecker(ds, terms, st.Time), index: index, digest: digest, sealer: sealer,
		template: record.Record{
			Key:       record.Key{Provider: st.Agency, Dataset: ds.Name},
			Agreement: terms.Agreement, Submission: st.id,
			Received: st.Time, Expires: st.Time.AddDate(0, 0, terms.RetentionDays),
			KeyMonth: month, Version: 1,
		},
	}, nil
}

// tally is an empty count of the fields that the agreement lists.
func (p *preparer) tally() *quality.Tally { return quality.New(p.checker.Listed()) }

// prepare checks one row against the dataset and the agreement. ahead seals its body
// as the first version, which most are.
func (p *preparer) prepare(row *rawRow, tally *quality.Tally, ahead bool) (out outcome, err error) {
	out.row, out.sent = row.n, row
	errs := row.problems
	var checked *intake.Checked
	if len(errs) == 0 {
		checked, errs = p.checker.Check(&intake.Row{N: row.n, Raw: row.raw, Cells: row.cells})
	}
	if len(errs) > 0 {
		out.rejected = row.reject(errs)
		return out, nil
	}
	tally.AddRow(checked, p.template.Received)
	valid := checked.Row
	r := p.template
	r.Source = sourceRef(p.index, r.Provider, valid.SourceID)
	r.Digest = contentDigest(p.digest, valid.Canonical)
	r.Indexes = linkage.Indexes(p.index, p.ds.Name, valid.Identifiers)
	r.Area = valid.Area
	if !p.ds.SpecialCategory {
		r.Indicators = hitIDs(valid.Indicators)
		if valid.EventDate != "" {
			r.EventMonth = valid.EventDate[:len("2006-01")]
		}
	}
	out.record, out.canonical = r, valid.Canonical
	out.content = record.EncodeContent(valid.Canonical, record.Marks{
		Completeness: checked.Completeness, Masked: checked.Masked, Dropped: checked.Dropped,
	})
	if ahead {
		out.record.Body, err = p.sealer.Seal(out.content, out.record.AssociatedData())
		out.sealed = r.Version
	}
	return out, err
}

// seal makes the body of a record whose version is set, unless it was sealed ahead
// for that version.
func (p *preparer) seal(o *outcome) (err error) {
	if o.sealed == o.record.Version {
		return nil
	}
	o.record.Body, err = p.sealer.Seal(o.content, o.record.AssociatedData())
	o.sealed = o.record.Version
	return err
}

func hitIDs(hits []dataset.Hit) []string {
	ids := make([]string, len(hits))
	for i, h := range hits {
		ids[i] = h.ID
	}
	return ids
}

// contentDigest is the keyed digest of a row's content.
func contentDigest(h keyring.Hasher, canonical []byte) record.Ref {
	return h.Hash("content", string(canonical))
}

// foldDigest takes the digest of one more row into that of a submission.
func foldDigest(h keyring.Hasher, so, row []byte) []byte {
	sum := h.Hash("receipt", string(so), string(row))
	return sum[:]
}

// receiptDigest is the digest of a submission as it is given out.
func receiptDigest(h keyring.Hasher, folded []byte) string {
	sum := h.Hash("receipt", string(folded))
	return hex.EncodeToString(sum[:])
}
