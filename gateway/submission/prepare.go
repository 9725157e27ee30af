package submission

import (
	"context"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"github.com/concord-gateway/concord/gateway/agreement"
	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/dataset"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/keyring"
	"github.com/concord-gateway/concord/gateway/linkage"
	"github.com/concord-gateway/concord/gateway/record"
)

// preparer turns rows of one submission into records.
type preparer struct {
	ds    *dataset.Dataset
	terms *agreement.Terms
	// template carries what all records of the submission have in common.
	template record.Record
	today    string
	index    keyring.Hasher
	digest   keyring.Hasher
}

// prepared is a valid row on its way into the store.
type prepared struct {
	row       int
	record    record.Record
	canonical []byte
}

func (s *Service) newPreparer(ctx context.Context, up Upload, ds *dataset.Dataset, terms *agreement.Terms, id string, now time.Time) (*preparer, error) {
	month := keyring.Month(now)
	index, err := s.Keys.Hasher(ctx, keyring.IndexScope(ds.Name))
	if err != nil {
		return nil, err
	}
	digest, err := s.Keys.Hasher(ctx, keyring.RecordScope(terms.Agreement, month))
	if err != nil {
		return nil, err
	}
	return &preparer{
		ds: ds, terms: terms, index: index, digest: digest,
		today: now.Format(time.DateOnly),
		template: record.Record{
			Key:       record.Key{Provider: up.Principal.Agency, Dataset: ds.Name},
			Agreement: terms.Agreement, Submission: id,
			Received: now, Expires: now.AddDate(0, 0, terms.RetentionDays),
			KeyMonth: month,
		},
	}, nil
}

// prepare checks one row against the dataset and the agreement.
func (p *preparer) prepare(n int, raw []byte) (*prepared, []RowError) {
	row, problems := p.ds.Validate(raw)
	if len(problems) > 0 {
		return nil, rowErrors(n, problems)
	}
	row, errs := p.agreed(n, row)
	if len(errs) > 0 {
		return nil, errs
	}
	errs = p.plausible(n, row)
	if len(errs) > 0 {
		return nil, errs
	}
	r := p.template
	r.Source = sourceRef(p.index, r.Provider, row.SourceID)
	r.Digest = contentDigest(p.digest, row.Canonical)
	r.Indexes = linkage.Indexes(p.index, p.ds.Name, row.Identifiers)
	r.Area = row.Area
	if !p.ds.SpecialCategory {
		r.Indicators = hitIDs(row.Indicators)
		if row.EventDate != "" {
			r.EventMonth = row.EventDate[:len("2006-01")]
		}
	}
	return &prepared{row: n, record: r, canonical: row.Canonical}, nil
}

// dropUnlisted is what an agreement says that has unlisted fields dropped. All
// else refuses the row.
const dropUnlisted = "drop"

// agreed applies the agreement's field list: a field that it does not name is
// refused or dropped, as the agreement says. After a drop the row is made anew
// from what is left, so that no identifier, indicator or date is kept that was
// read from a dropped field.
func (p *preparer) agreed(n int, row *dataset.Row) (*dataset.Row, []RowError) {
	var errs []RowError
	var dropped bool
	for key := range row.Value {
		pointer := "/" + escape(key)
		if p.lists(pointer) {
			continue
		}
		if p.terms.Unlisted == dropUnlisted {
			delete(row.Value, key)
			dropped = true
			continue
		}
		errs = append(errs, RowError{
			Row: n, Pointer: pointer, Code: "field-not-agreed",
			Message: "The agreement does not list this field.",
			Remedy:  "Leave the field out, or agree it first.",
		})
	}
	if len(errs) > 0 {
		slices.SortFunc(errs, func(a, b RowError) int { return strings.Compare(a.Pointer, b.Pointer) })
		return nil, errs
	}
	if !dropped {
		return row, nil
	}
	canonical, err := audit.Canonical(row.Value)
	if err == nil {
		row, err = p.ds.Decode(canonical)
	}
	if err != nil {
		return nil, []RowError{{
			Row: n, Code: "not-canonical", Message: "The row cannot be put into canonical form.",
			Remedy: "Report this to the operator with the request id.",
		}}
	}
	return row, nil
}

// lists reports whether the agreement names the top-level field, or anything
// inside it.
func (p *preparer) lists(pointer string) bool {
	if p.terms.Fields[pointer] {
		return true
	}
	for f := range p.terms.Fields {
		if strings.HasPrefix(f, pointer+"/") {
			return true
		}
	}
	return false
}

// plausible checks what needs the clock or the agreement's area.
func (p *preparer) plausible(n int, row *dataset.Row) []RowError {
	var errs []RowError
	if row.EventDate > p.today {
		errs = append(errs, RowError{
			Row: n, Pointer: p.ds.EventDate, Code: "date-in-future",
			Message: "The date of the event is in the future.", Remedy: "Check the date.",
		})
	}
	if row.Area != "" && len(p.terms.Areas) > 0 && !slices.Contains(p.terms.Areas, row.Area) {
		errs = append(errs, RowError{
			Row: n, Pointer: p.ds.Area, Code: "area-not-agreed",
			Message: "The agreement does not cover this local authority.",
			Remedy:  "Send only rows of the areas that the agreement lists.",
		})
	}
	return errs
}

func rowErrors(n int, problems []dataset.Problem) []RowError {
	errs := make([]RowError, len(problems))
	for i, p := range problems {
		errs[i] = RowError{Row: n, Pointer: p.Pointer, Code: p.Code, Message: p.Message, Remedy: p.Remedy}
	}
	return errs
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

// receiptDigest folds the digests of all stored rows into one.
func receiptDigest(h keyring.Hasher, digests []record.Ref) string {
	parts := make([]string, 0, len(digests)+1)
	parts = append(parts, "receipt")
	for _, d := range digests {
		parts = append(parts, string(d[:]))
	}
	sum := h.Hash(parts...)
	return hex.EncodeToString(sum[:])
}

// escape writes a key as one reference token of a JSON pointer (RFC 6901 s.3).
func escape(key string) string {
	return strings.NewReplacer("~", "~0", "/", "~1").Replace(key)
}

// notFound hides whether a submission exists from anybody but its own agency.
func notFound(op string) error {
	return fault.New(fault.NotFound, op, "There is no such submission.")
}
