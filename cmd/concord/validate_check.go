package main

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"slices"
	"strconv"
	"time"

	"github.com/concord-gateway/concord/gateway/agreement"
	"github.com/concord-gateway/concord/gateway/dataset"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/intake"
)

// check goes through a file as the gateway does. Of a row it keeps numbers alone, so
// that memory stays flat: sixteen bytes for each source id.
type check struct {
	Read     int64 `json:"read"`
	Good     int64 `json:"good"`
	Repeated int64 `json:"repeated"`
	Rejected int64 `json:"rejected"`
	// Unreadable says why the file cannot be read beyond the rows that were read.
	Unreadable string `json:"unreadable,omitempty"`
	ErrorFile  string `json:"error_file,omitempty"`

	found   breaches
	ds      *dataset.Dataset
	reader  *intake.Reader
	checker *intake.Checker
	seed    maphash.Seed
	// seen has, for a hash of each source id, the row that had it first and a hash of
	// its content.
	seen map[uint64]sighting
}

type sighting struct{ row, content uint32 }

func newCheck(body io.Reader, src intake.Source, terms *agreement.Terms, now time.Time) (*check, error) {
	reader, err := intake.NewReader(body, src)
	if err != nil {
		return nil, err
	}
	return &check{
		found: breaches{}, ds: src.Dataset, reader: reader, checker: intake.NewChecker(src.Dataset, terms, now),
		seed: maphash.MakeSeed(), seen: map[uint64]sighting{},
	}, nil
}

// run checks every row, and writes those that are wrong to w, unless it is nil.
func (k *check) run(ctx context.Context, w io.Writer) error {
	var out *intake.ErrorFile
	if w != nil {
		out = intake.NewErrorFile(w, k.ds, k.reader.Header())
	}
	for ctx.Err() == nil {
		row, err := k.reader.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if f, ok := errors.AsType[*fault.Error](err); ok && f.Kind == fault.Invalid {
			k.Unreadable = f.Message
			break
		}
		if err != nil {
			return err
		}
		if err := k.row(row, out); err != nil {
			return err
		}
	}
	if ctx.Err() != nil {
		return errors.New("stopped")
	}
	if out != nil {
		return out.Flush()
	}
	return nil
}

// row checks one row.
func (k *check) row(row *intake.Row, out *intake.ErrorFile) error {
	k.Read++
	checked, errs := k.checker.Check(row)
	if len(errs) == 0 {
		errs = k.again(row.N, checked)
	}
	if len(errs) == 0 {
		k.Good++
		return nil
	}
	k.Rejected++
	errs = slices.Clone(errs)
	for i := range errs {
		if errs[i].Column == "" {
			errs[i].Column = k.reader.ColumnOf(errs[i].Pointer)
		}
	}
	k.found.add(errs)
	if out == nil {
		return nil
	}
	rejected := intake.Rejected{Errors: errs, Cells: row.Cells}
	if row.Cells == nil {
		rejected.Raw = string(row.Raw)
	}
	if err := out.Write(rejected); err != nil {
		return fmt.Errorf("the error file cannot be written: %w", err)
	}
	return nil
}

// again looks for an earlier row with the same source id. With the same content it is
// the same record, with other content nobody can know which one is right.
func (k *check) again(n int, checked *intake.Checked) []intake.RowError {
	id, content := maphash.String(k.seed, checked.Row.SourceID), uint32(maphash.Bytes(k.seed, checked.Row.Canonical))
	first, ok := k.seen[id]
	switch {
	case !ok:
		k.seen[id] = sighting{uint32(n), content}
		return nil
	case first.content == content:
		k.Repeated++
		return nil
	}
	return []intake.RowError{{
		Row: n, Pointer: k.ds.SourceID, Code: "duplicate-source-id",
		Message: "Row " + strconv.FormatUint(uint64(first.row), 10) + " of this submission has the same source id and other content.",
		Remedy:  "Send each record once; send a correction in a submission of its own.",
	}}
}
