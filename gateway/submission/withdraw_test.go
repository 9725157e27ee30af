package submission_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/keyring"
	"github.com/concord-gateway/concord/gateway/record"
	"github.com/concord-gateway/concord/gateway/submission"
)

func (w *world) withdraw(sources ...string) (*submission.Withdrawn, error) {
	return w.serve.Withdraw(w.t.Context(), submission.Withdrawal{
		Principal: housing(), RequestID: "01a20202-f6b6-76df-9487-b2a7582ee4ff", Client: "192.0.2.1:4711",
		Dataset: "housing.tenancy", Sources: sources, Reason: "recorded in error",
	})
}

// sources are the ids of the first n tenancies.
func sources(n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprintf("T-%d", i)
	}
	return all
}

// fill stores n tenancies as a submission that is long forgotten has left them, which
// is quicker than submitting them.
func (w *world) fill(n int) {
	w.t.Helper()
	h, err := w.keys.Hasher(w.t.Context(), keyring.IndexScope("housing.tenancy"))
	if err != nil {
		w.t.Fatal(err)
	}
	all := make([]record.Record, n)
	for i, source := range sources(n) {
		all[i] = record.Record{
			Key:     record.Key{Provider: "telford-housing", Dataset: "housing.tenancy", Source: h.Hash("source", "telford-housing", source)},
			Version: 1, Agreement: "ISA-TH-WMP-001", KeyMonth: "2026-10", Received: now().AddDate(0, -1, 0), Body: []byte("sealed"),
		}
	}
	if _, err := w.db.Records().Insert(w.t.Context(), all); err != nil {
		w.t.Fatal(err)
	}
}

// erasures returns the erase entries, oldest first, and how many records each
// names in its sealed part.
func (w *world) erasures() (entries []audit.Indexed, named []int) {
	w.t.Helper()
	found, err := w.log.Search(w.t.Context(), audit.Query{Action: audit.Erase, Limit: 1000})
	if err != nil {
		w.t.Fatal(err)
	}
	slices.Reverse(found)
	for _, i := range found {
		p, err := w.log.OpenPrivate(w.t.Context(), i.Index)
		if err != nil {
			w.t.Fatal(err)
		}
		if p.Justification != "recorded in error" || p.Client == "" {
			w.t.Errorf("%+v", p)
		}
		named = append(named, len(p.Erased))
	}
	return found, named
}

func TestWithdraw(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if _, err := w.upload(tenancies(t, 20, "current")); err != nil {
		t.Fatal(err)
	}
	res, err := w.withdraw("T-3", "T-4", "no such", "T-3", "nor such", "T-19")
	if err != nil {
		t.Fatal(err)
	}
	if res.Withdrawn != 3 || res.Absent != 2 || w.records() != 17 || res.Receipt.WithdrawalID != res.ID {
		t.Errorf("%+v with %d records", res, w.records())
	}
	entries, named := w.erasures()
	if len(entries) != 1 || named[0] != 3 || entries[0].Index != res.AuditIndex {
		t.Fatalf("%+v names %v", entries, named)
	}
	e := entries[0].Entry
	if e.Provider != "telford-housing" || e.Admin["dataset"] != "housing.tenancy" || e.Admin["agreement"] != "ISA-TH-WMP-001" ||
		e.Admin["records"] != "3" || e.Admin["absent"] != "2" || e.Admin["withdrawal"] != res.ID {
		t.Errorf("%+v", e)
	}
	again, err := w.withdraw("T-3", "T-4")
	if err != nil || again.Withdrawn != 0 || again.Absent != 2 || w.records() != 17 {
		t.Errorf("once more: %+v, %v", again, err)
	}
	back, err := w.upload(tenancies(t, 20, "current"))
	if err != nil || back.Accepted != 3 || back.Unchanged != 17 || w.records() != 20 {
		t.Errorf("sent again: %+v, %v", back, err)
	}
	if n, err := w.serve.RecoverWithdrawals(t.Context()); n != 0 || err != nil || w.records() != 20 {
		t.Errorf("recovered %d, %v: %d records", n, err, w.records())
	}
}

// TestWithdrawMany names more records than one entry holds.
func TestWithdrawMany(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const many = 5001
	w.fill(many)
	res, err := w.withdraw(sources(many)...)
	if err != nil {
		t.Fatal(err)
	}
	if res.Withdrawn != many || res.Receipt.Audit.Count != 2 || w.records() != 0 {
		t.Errorf("%d withdrawn by %d entries, %d records left", res.Withdrawn, res.Receipt.Audit.Count, w.records())
	}
	if _, named := w.erasures(); !slices.Equal(named, []int{5000, 1}) {
		t.Errorf("the entries name %v", named)
	}
}

func TestWithdrawRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, c := range []struct {
		name    string
		change  func(*submission.Withdrawal)
		want    fault.Kind
		pointer string
	}{
		{"nothing", func(o *submission.Withdrawal) { o.Sources = nil }, fault.Invalid, "/source_ids"},
		{"an empty id", func(o *submission.Withdrawal) { o.Sources = []string{"a", ""} }, fault.Invalid, "/source_ids/1"},
		{"a long id", func(o *submission.Withdrawal) { o.Sources = []string{fmt.Sprintf("%257d", 1)} }, fault.Invalid, "/source_ids/0"},
		{"too many", func(o *submission.Withdrawal) { o.Sources = sources(submission.MaxWithdrawn + 1) }, fault.TooLarge, ""},
		{"another sector's dataset", func(o *submission.Withdrawal) { o.Dataset = "health.substance_referral" }, fault.NotFound, ""},
		{"no dataset", func(o *submission.Withdrawal) { o.Dataset = "no.dataset" }, fault.NotFound, ""},
	} {
		o := submission.Withdrawal{Principal: housing(), RequestID: "r", Dataset: "housing.tenancy", Sources: []string{"T-1"}, Reason: "x"}
		c.change(&o)
		_, err := w.serve.Withdraw(t.Context(), o)
		var f *fault.Error
		if !errors.As(err, &f) || f.Kind != c.want || f.Pointer != c.pointer {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	if entries, _ := w.erasures(); len(entries) > 0 {
		t.Errorf("logged: %+v", entries)
	}
}

// TestInvariant07EveryWriteOfAWithdrawalFails lets each write fail in turn, before
// it was done and after. The submitter hears of it; no record goes that no entry
// speaks of; what an entry speaks of is gone once the gateway has started again,
// but for what was submitted again meanwhile, which stays.
func TestInvariant07EveryWriteOfAWithdrawalFails(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ gone, at int }{
		{20, 0}, {20, 1}, {20, 2}, {20, 3}, // opening, log, the one chunk, closing
		{513, 3}, // the second chunk
	} {
		for _, after := range []bool{false, true} {
			for _, resubmit := range []bool{false, true} {
				t.Run(fmt.Sprintf("write %d of %d rows, after %v, sent again %v", c.at, c.gone, after, resubmit), func(t *testing.T) {
					withdrawalFails(t, c.gone, c.at, after, resubmit)
				})
			}
		}
	}
}

func withdrawalFails(t *testing.T, gone, at int, after, resubmit bool) {
	t.Helper()
	const again = 8
	rows := gone + 10
	w := newWorld(t)
	w.fill(rows)
	w.weak.arm(at, after)
	res, err := w.withdraw(sources(gone)...)
	w.weak.arm(-1, false)
	if !fault.Is(err, fault.Unavailable) {
		t.Fatalf("the failure was passed over: %+v, %v", res, err)
	}
	entries, _ := w.erasures()
	if len(entries) == 0 && w.records() != int64(rows) {
		t.Errorf("%d of %d records are left, and no entry speaks of the others", w.records(), rows)
	}
	want := int64(rows)
	if len(entries) > 0 {
		want = int64(rows - gone)
	}
	if resubmit { // what is sent again stays, whether it was gone already or not
		if _, err := w.upload(tenancies(t, again, "current")); err != nil {
			t.Fatal(err)
		}
		if len(entries) > 0 {
			want += again
		}
	}
	for range 2 {
		if _, err := w.serve.RecoverWithdrawals(t.Context()); err != nil {
			t.Fatal(err)
		}
		if w.records() != want {
			t.Errorf("%d records after the start, want %d", w.records(), want)
		}
	}
	if _, err := w.withdraw(sources(gone)...); err != nil || w.records() != int64(rows-gone) {
		t.Errorf("sent again: %v with %d records", err, w.records())
	}
}

// TestWithdrawerGone brings a withdrawal to its end though nobody waits for the
// answer any more.
func TestWithdrawerGone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if _, err := w.upload(tenancies(t, 5, "current")); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := w.serve.Withdraw(ctx, submission.Withdrawal{
		Principal: housing(), RequestID: "r", Client: "c", Dataset: "housing.tenancy", Sources: sources(5), Reason: "recorded in error",
	})
	entries, _ := w.erasures()
	if left := w.records(); (len(entries) > 0) != (left == 0) || err == nil && left > 0 {
		t.Errorf("%v: %d entries, %d records left", err, len(entries), left)
	}
}
