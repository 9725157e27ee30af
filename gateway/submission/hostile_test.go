package submission_test

import (
	"context"
	"errors"
	"io"
	"testing"

	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/intake"
	"github.com/concord-gateway/concord/gateway/submission"
)

// TestInvariant07EveryWriteFails lets each write of a submission fail in turn,
// before it was done and after: the submitter hears of it, no stored row stays
// unlogged once the gateway has started again, and sending the rows again
// brings every one of them to where it belongs, once.
func TestInvariant07EveryWriteFails(t *testing.T) {
	t.Parallel()
	const rows = 30 // two chunks
	w := newSmallWorld(t, small())
	w.weak.arm(-1, false)
	if _, err := w.upload(tenancies(t, rows, "current")); err != nil {
		t.Fatal(err)
	}
	writes := w.weak.passed()
	if writes < 5 {
		t.Fatalf("only %d writes: opening, two chunks, log, closing", writes)
	}
	for at := range writes {
		for _, after := range []bool{false, true} {
			everyWriteFails(t, rows, at, after)
		}
	}
}

func everyWriteFails(t *testing.T, rows, at int, after bool) {
	t.Helper()
	w := newSmallWorld(t, small())
	w.weak.arm(at, after)
	res, err := w.upload(tenancies(t, rows, "current"))
	w.weak.arm(-1, false)
	if err == nil {
		t.Fatalf("write %d, after %v: the failure was passed over: %+v", at, after, res)
	}
	if !fault.Is(err, fault.Unavailable) || res != nil {
		t.Errorf("write %d, after %v: %v with %+v", at, after, err, res)
	}
	if _, err := w.serve.Recover(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := w.records(); n > 0 && len(w.collected()) == 0 {
		t.Errorf("write %d, after %v: %d records that no entry speaks of", at, after, n)
	}
	if n, err := w.serve.Recover(t.Context()); n != 0 || err != nil {
		t.Errorf("write %d, after %v: recovered %d once more, %v", at, after, n, err)
	}
	before := w.records()
	res, err = w.upload(tenancies(t, rows, "current"))
	if err != nil {
		t.Fatal(err)
	}
	if res.Accepted+res.Unchanged != rows || int64(res.Unchanged) != before || res.Corrected+res.Rejected > 0 || w.records() != int64(rows) {
		t.Errorf("write %d, after %v: sent again: %+v with %d records before", at, after, res, before)
	}
}

// brokenBody breaks off after some of its bytes.
type brokenBody struct {
	io.Reader

	err error
}

func (b brokenBody) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if errors.Is(err, io.EOF) {
		err = b.err
	}
	return n, err
}

// TestBrokenBody stores nothing of a body that does not come to its end, in
// either format, and keeps the kind of the failure.
func TestBrokenBody(t *testing.T) {
	t.Parallel()
	tooLarge := fault.New(fault.TooLarge, "test", "The body is too large.")
	for _, c := range []struct {
		name, prefix string
		format       intake.Format
		err          error
		want         fault.Kind
	}{
		{"NDJSON, connection lost", "", intake.NDJSON, io.ErrUnexpectedEOF, fault.Invalid},
		{"NDJSON, too large", "", intake.NDJSON, tooLarge, fault.TooLarge},
		{"JSON, connection lost", "[", intake.JSONArray, io.ErrUnexpectedEOF, fault.Invalid},
		{"JSON, too large", "[", intake.JSONArray, tooLarge, fault.TooLarge},
		{"JSON, cut off", "[", intake.JSONArray, io.EOF, fault.Invalid},
	} {
		w := newWorld(t)
		_, err := w.upload("", func(up *submission.Upload) {
			up.Format = c.format
			body := tenancies(t, 1, "current")
			up.Body = brokenBody{io.MultiReader(reader(c.prefix), reader(body)), c.err}
		})
		if !fault.Is(err, c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
		if n := w.records(); n != 0 || len(w.collected()) > 0 {
			t.Errorf("%s: %d records stored", c.name, n)
		}
	}
}

// TestSubmitterGone brings a submission to its end though nobody waits for the
// answer any more: what is stored is logged.
func TestSubmitterGone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx, cancel := context.WithCancel(t.Context())
	up := submission.Upload{
		Principal: housing(), RequestID: "01a20202-f6b6-76df-9487-b2a7582ee4fe", Dataset: "housing.tenancy", Agreement: "ISA-TH-WMP-001",
		Format: intake.NDJSON, Body: endsWith(tenancies(t, 600, "current"), cancel),
	}
	res, err := w.serve.Submit(ctx, up)
	if err != nil {
		if w.records() != 0 {
			t.Errorf("given up with %d records: %v", w.records(), err)
		}
		return
	}
	if w.records() != 600 || w.collected()[res.ID] != submission.Complete {
		t.Errorf("%d records, %v", w.records(), w.collected())
	}
}
