package erasure_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/erasure"
	"github.com/concord-gateway/concord/gateway/event"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/record"
	"github.com/concord-gateway/concord/gateway/store/sqlite"
)

// counted counts what is inserted.
type counted struct {
	event.Store

	n *int
}

func (c counted) Insert(ctx context.Context, e event.Event) error {
	*c.n++
	return c.Store.Insert(ctx, e)
}

func openMonths(t *testing.T) (m, other *erasure.Months, inserts *int) {
	t.Helper()
	db, err := sqlite.Open(t.Context(), t.TempDir()+"/data", sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	inserts = new(int)
	events := counted{db.Events(), inserts}
	return erasure.NewMonths(events), erasure.NewMonths(events), inserts
}

// TestMonths enters keys, more than a page of them, from two gateways, and notes that
// some are gone.
func TestMonths(t *testing.T) {
	t.Parallel()
	m, other, inserts := openMonths(t)
	var want, wantGone []record.Month
	for i := range 520 {
		k := record.Month{Agreement: fmt.Sprintf("ISA/%03d", i), KeyMonth: "2026-11"}
		if err := m.Begin(t.Context(), k.Agreement, k.KeyMonth); err != nil {
			t.Fatal(err)
		}
		if i%7 != 0 {
			want = append(want, k)
			continue
		}
		wantGone = append(wantGone, k)
		for range 2 {
			if err := other.Destroyed(t.Context(), k); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := m.BeginRejected(t.Context(), "2026-11"); err != nil {
		t.Fatal(err)
	}
	want = slices.Insert(want, 0, record.Month{KeyMonth: "2026-11"})
	live, destroyed, err := other.All(t.Context())
	if err != nil || cmp.Diff(want, live) != "" || cmp.Diff(wantGone, destroyed) != "" {
		t.Errorf("%v %s %s", err, cmp.Diff(want, live), cmp.Diff(wantGone, destroyed))
	}
	before := *inserts
	for range 3 {
		for _, begin := range []func() error{
			func() error { return m.Begin(t.Context(), "ISA/001", "2026-11") },
			func() error { return m.BeginRejected(t.Context(), "2026-11") },
			func() error { return other.Begin(t.Context(), "ISA/001", "2026-11") },
		} {
			if err := begin(); err != nil {
				t.Error(err)
			}
		}
	}
	if *inserts != before+1 {
		t.Errorf("%d rows were inserted, want that of the other gateway alone", *inserts-before)
	}
	for _, err := range []error{m.Begin(t.Context(), "", "2026-11"), m.Begin(t.Context(), "ISA", ""), m.BeginRejected(t.Context(), "")} {
		if !fault.Is(err, fault.Invalid) {
			t.Errorf("entered: %v", err)
		}
	}
}

// TestBeginFails says so when the key could not be entered, and tries again.
func TestBeginFails(t *testing.T) {
	t.Parallel()
	m, _, _ := openMonths(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := m.Begin(ctx, "ISA", "2026-11"); !fault.Is(err, fault.Unavailable) {
		t.Errorf("%v", err)
	}
	if live, _, err := m.All(t.Context()); err != nil || len(live) > 0 {
		t.Errorf("%v, %v", live, err)
	}
	if err := m.Begin(t.Context(), "ISA", "2026-11"); err != nil {
		t.Error(err)
	}
	if live, _, err := m.All(t.Context()); err != nil || len(live) != 1 {
		t.Errorf("%v, %v", live, err)
	}
}

// TestRetentionReadBack reads what the end of retention writes, without its sealed
// parts, and says what it covers.
func TestRetentionReadBack(t *testing.T) {
	t.Parallel()
	month := record.Month{Agreement: "ISA-1", KeyMonth: "2026-01"}
	expiry := erasure.Expiry{Provider: "homes", Dataset: "housing.tenancy", Month: month, Records: 3, Versions: 4}
	read := func(d audit.Draft) erasure.Erasure {
		e := audit.Entry{Action: d.Action, Admin: d.Admin, Provider: d.Provider, Time: audit.FormatTime(noon())}
		if !erasure.Open(&e) || len(d.Private.Erased) > 0 {
			t.Errorf("%+v", d)
		}
		got, err := erasure.Of(7, &e, nil)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	expired, destroyed := read(expiry.Draft()), read(erasure.DestroyedDraft(month))
	if diff := cmp.Diff(erasure.Erasure{
		Index: 7, Time: noon(), Kind: erasure.Expired, Month: month, Provider: "homes", Dataset: "housing.tenancy",
	}, expired); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(erasure.Erasure{Index: 7, Time: noon(), Kind: erasure.Destroyed, Month: month}, destroyed); diff != "" {
		t.Error(diff)
	}
	for name, c := range map[string]struct {
		change             func(*record.Record)
		expired, destroyed bool
	}{
		"over":            {func(*record.Record) {}, true, true},
		"not over":        {func(r *record.Record) { r.Expires = noon().Add(1000) }, false, true},
		"another month":   {func(r *record.Record) { r.KeyMonth = "2026-02" }, false, false},
		"other agreement": {func(r *record.Record) { r.Agreement = "ISA-10" }, false, false},
		"other provider":  {func(r *record.Record) { r.Provider = "health" }, false, true},
		"other dataset":   {func(r *record.Record) { r.Dataset = "housing.concern" }, false, true},
	} {
		r := record.Record{Key: key(1), Agreement: "ISA-1", KeyMonth: "2026-01", Expires: noon()}
		c.change(&r)
		if expired.Covers(&r) != c.expired || destroyed.Covers(&r) != c.destroyed || (&erasure.Erasure{Month: month}).Covers(&r) {
			t.Errorf("%s: %v %v", name, expired.Covers(&r), destroyed.Covers(&r))
		}
	}
	for name, change := range map[string]func(*audit.Entry){
		"no agreement": func(e *audit.Entry) { e.Admin["agreement"] = "" },
		"no month":     func(e *audit.Entry) { delete(e.Admin, "month") },
		"no dataset":   func(e *audit.Entry) { delete(e.Admin, "dataset") },
		"no provider":  func(e *audit.Entry) { e.Provider = "" },
		"no time":      func(e *audit.Entry) { e.Time = "" },
	} {
		d := expiry.Draft()
		e := audit.Entry{Action: d.Action, Admin: d.Admin, Provider: d.Provider, Time: audit.FormatTime(noon())}
		change(&e)
		if _, err := erasure.Of(7, &e, nil); !fault.Is(err, fault.Internal) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
