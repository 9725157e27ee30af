package submission

import (
	"context"
	"encoding/json"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/concord-gateway/concord/gateway/dataset"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/identity"
	"github.com/concord-gateway/concord/gateway/intake"
)

// rejectedRows keeps the rows that were refused, sealed, for the error file. The
// first piece is the header of the file; each other holds rows in their order. Where
// a job that is taken up again finds pieces, they hold rows of the chunk that it is at:
// those are not kept twice.
type rejectedRows struct {
	kept   *series
	clock  func() time.Time
	header []string
	n      int64
}

// rejectedBytes is about how many bytes of rows one piece holds.
const rejectedBytes = 512 << 10

func (k *rejectedRows) add(ctx context.Context, rows []*intake.Rejected) error {
	if k == nil || len(rows) == 0 { // a dry run keeps nothing
		return nil
	}
	if k.n == 0 {
		if err := k.put(ctx, k.header); err != nil && !fault.Is(err, fault.Conflict) {
			return err
		}
		k.n = 1
	}
	for len(rows) > 0 {
		n, bytes := 0, 0
		for n < len(rows) && bytes < rejectedBytes {
			bytes += sizeOf(rows[n])
			n++
		}
		err := k.put(ctx, rows[:n])
		switch {
		case fault.Is(err, fault.Conflict):
			if rows, err = k.without(ctx, rows); err != nil {
				return err
			}
			continue
		case err != nil:
			return err
		}
		k.n++
		rows = rows[n:]
	}
	return nil
}

// sizeOf is about how long a row is in a piece.
func sizeOf(r *intake.Rejected) int {
	n := len(r.Raw)
	for _, cell := range r.Cells {
		n += len(cell) + 3
	}
	for i := range r.Errors {
		e := &r.Errors[i]
		n += 100 + len(e.Pointer) + len(e.Column) + len(e.Code) + len(e.Message) + len(e.Remedy)
	}
	return n
}

// without passes over the pieces that are there and returns the rows that are in
// none of them.
func (k *rejectedRows) without(ctx context.Context, rows []*intake.Rejected) ([]*intake.Rejected, error) {
	there := map[int]bool{}
	for {
		kept, err := readRejected(ctx, k.kept, k.n)
		if fault.Is(err, fault.NotFound) {
			break
		}
		if err != nil {
			return nil, err
		}
		for i := range kept {
			if len(kept[i].Errors) > 0 {
				there[kept[i].Errors[0].Row] = true
			}
		}
		k.n++
	}
	var left []*intake.Rejected
	for _, r := range rows {
		if !there[r.Errors[0].Row] {
			left = append(left, r)
		}
	}
	return left, nil
}

func (k *rejectedRows) put(ctx context.Context, content any) error {
	raw, err := json.Marshal(content)
	if err != nil {
		return fault.Wrap(fault.Internal, "submission", "A refused row cannot be kept.", err)
	}
	return k.kept.put(ctx, k.n, raw, k.clock())
}

// ErrorPage is a part of the errors of a submission.
type ErrorPage struct {
	Items []RowError `json:"items"`
	// Next is the cursor of the next part, or empty after the last.
	Next string `json:"next"`
}

// Errors returns errors of a submission of the caller's agency, after a cursor, about
// limit of them: those of one row are not divided. They are kept for seven days; then,
// and for a submission without any, the page is empty.
func (s *Service) Errors(ctx context.Context, p identity.Principal, id, after string, limit int) (*ErrorPage, error) {
	_, kept, err := s.rejectedOf(ctx, "submission.Errors", p, id)
	if err != nil {
		return nil, err
	}
	at, skip, err := readCursor(after)
	if err != nil {
		return nil, err
	}
	page := &ErrorPage{Items: []RowError{}}
	for ; ; at, skip = at+1, 0 {
		rows, err := readRejected(ctx, kept, at)
		if fault.Is(err, fault.NotFound) {
			return page, nil
		}
		if err != nil {
			return nil, err
		}
		for i := skip; i < len(rows); i++ {
			if len(page.Items) >= limit {
				page.Next = strconv.FormatInt(at, 10) + "." + strconv.Itoa(i)
				return page, nil
			}
			page.Items = append(page.Items, rows[i].Errors...)
		}
	}
}

// ErrorFile writes the error file of a submission of the caller's agency: the rows
// that were refused, as they were sent, each with what is wrong with it.
func (s *Service) ErrorFile(ctx context.Context, p identity.Principal, id string) (write func(io.Writer) error, err error) {
	const op = "submission.ErrorFile"
	st, kept, err := s.rejectedOf(ctx, op, p, id)
	if err != nil {
		return nil, err
	}
	ds, ok := s.Rules.In(ctx).Datasets.Get(st.Dataset)
	if !ok {
		ds = &dataset.Dataset{Name: st.Dataset}
	}
	var header []string
	raw, err := kept.get(ctx, 0)
	switch {
	case fault.Is(err, fault.NotFound): // nothing was refused, or it is too long ago
	case err != nil:
		return nil, err
	default:
		if err := json.Unmarshal(raw, &header); err != nil {
			return nil, fault.Wrap(fault.Internal, op, "The refused rows cannot be read.", err)
		}
	}
	return func(w io.Writer) error {
		file := intake.NewErrorFile(w, ds, header)
		for at := int64(1); ; at++ {
			rows, err := readRejected(ctx, kept, at)
			if fault.Is(err, fault.NotFound) {
				return file.Flush()
			}
			if err != nil {
				return err
			}
			for i := range rows {
				if err := file.Write(rows[i]); err != nil {
					return err
				}
			}
		}
	}, nil
}

func (s *Service) rejectedOf(ctx context.Context, op string, p identity.Principal, id string) (*stream, *series, error) {
	st, err := s.ownStream(ctx, op, p, id)
	if err != nil {
		return nil, nil, err
	}
	kept, err := s.pieces.series(ctx, kindRejected, id, st.Time)
	if fault.Is(err, fault.NotFound) { // the key of that month is destroyed
		return nil, nil, fault.New(fault.NotFound, op, "The errors are not kept any more.").WithCode("errors-expired")
	}
	return st, kept, err
}

func readRejected(ctx context.Context, kept *series, n int64) ([]intake.Rejected, error) {
	raw, err := kept.get(ctx, n)
	if err != nil {
		return nil, err
	}
	var rows []intake.Rejected
	if err := json.Unmarshal(raw, &rows); err != nil {
		return nil, fault.Wrap(fault.Internal, "submission.Errors", "The refused rows cannot be read.", err)
	}
	return rows, nil
}

// readCursor reads "piece.row"; empty is the beginning.
func readCursor(text string) (piece int64, row int, err error) {
	if text == "" {
		return 1, 0, nil
	}
	p, r, _ := strings.Cut(text, ".")
	piece, err1 := strconv.ParseInt(p, 10, 64)
	row, err2 := strconv.Atoi(r)
	if err1 != nil || err2 != nil || piece < 1 || row < 0 {
		return 0, 0, fault.New(fault.Invalid, "submission.Errors", "The cursor is not one that was given out.").WithCode("query-parameter")
	}
	return piece, row, nil
}
