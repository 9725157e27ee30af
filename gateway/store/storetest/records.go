package storetest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/record"
)

// Records holds a store against the port record.Store.
func Records(t *testing.T, open func(t *testing.T) record.Store) {
	t.Helper()
	for _, c := range []struct {
		name string
		test func(*testing.T, record.Store)
	}{
		{"FieldsAsTheyWere", recordsRoundTrip},
		{"TimesInMicroseconds", recordsTimes},
		{"NamesAreExact", recordsExact},
		{"Empty", recordsEmpty},
		{"Invalid", recordsInvalid},
		{"Taken", recordsTaken},
		{"TakenInOneCall", recordsTakenInOneCall},
		{"OneWinner", recordsOneWinner},
		{"Stamps", recordsStamps},
		{"HighestVersionInForce", recordsInForce},
		{"FindOnceInOrder", recordsFind},
		{"FindWholeIndexes", recordsFindWhole},
		{"FindManyIndexes", recordsFindMany},
		{"ScanInOrder", recordsScan},
		{"ScanStops", recordsScanStops},
		{"ScanLetsOthersWork", recordsScanShares},
		{"Withdraw", recordsWithdraw},
		{"WithdrawThenSubmit", recordsWithdrawThenSubmit},
		{"Months", recordsMonths},
		{"Due", recordsDue},
		{"DueStops", recordsDueStops},
		{"Prune", recordsPrune},
		{"PruneLooksForItself", recordsPruneInForce},
		{"PruneLeavesOthers", recordsPruneOthers},
		{"PruneAll", recordsPruneAll},
		{"Model", recordsModel},
		{"Cancelled", recordsCancelled},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, open(t)) })
	}
}

// rec is a record of provider "p" and dataset "d".
func rec(source string, version int64, indexes ...record.Ref) record.Record {
	return record.Record{
		Key:     record.Key{Provider: "p", Dataset: "d", Source: ref("source", source)},
		Version: version, Agreement: "ISA-1", Submission: "sub-1", Digest: ref("digest", source, version),
		Indexes: indexes, Area: "E06000020", EventMonth: "2026-10", Indicators: []string{"cuckooing", "asb"},
		Received: time.Date(2026, 11, 3, 9, 30, 15, 123456000, time.UTC),
		Expires:  time.Date(2027, 11, 3, 9, 30, 15, 0, time.UTC),
		KeyMonth: "2026-11", Body: fmt.Append(nil, "ciphertext of ", source, version),
	}
}

func in(r record.Record, provider, dataset string) record.Record {
	r.Provider, r.Dataset = provider, dataset
	return r
}

func insert(t *testing.T, s record.Store, records ...record.Record) {
	t.Helper()
	taken, err := s.Insert(t.Context(), records)
	must(t, err)
	if len(taken) != 0 {
		t.Fatalf("positions %v are taken, want none", taken)
	}
}

// scan returns all that a filter matches.
func scan(t *testing.T, s record.Store, f record.Filter) (all []record.Record) {
	t.Helper()
	must(t, s.Scan(t.Context(), f, func(r *record.Record) error {
		all = append(all, *r)
		return nil
	}))
	return all
}

func find(t *testing.T, s record.Store, indexes ...record.Ref) []record.Record {
	t.Helper()
	found, err := s.Find(t.Context(), "p", "d", indexes)
	must(t, err)
	return found
}

// wantRecords compares lists; a list of nothing equals no list.
func wantRecords(t *testing.T, got []record.Record, want ...record.Record) {
	t.Helper()
	if diff := cmp.Diff(want, got, same()); diff != "" {
		t.Errorf("records (-want +got):\n%s", diff)
	}
}

func wantCount(t *testing.T, s record.Store, f record.Filter, want int64) {
	t.Helper()
	got, err := s.Count(t.Context(), f)
	must(t, err)
	if got != want {
		t.Errorf("count of %+v is %d, want %d", f, got, want)
	}
}

func recordsRoundTrip(t *testing.T, s record.Store) {
	full := rec("full", 1, ref("i", 2), ref("i", 1), ref("i", 3))
	full.Indicators = []string{"z", "a", `quote"comma,`, "\u00e4"}
	full.Body = append(make([]byte, 1<<20), 0, 0xff, '\'')
	bare := record.Record{Key: record.Key{Provider: "p", Dataset: "d"}, Version: 1}
	empty := rec("empty", 1)
	empty.Indexes, empty.Indicators, empty.Body = []record.Ref{}, []string{}, []byte{}
	twice := rec("twice", 1, ref("i", 4), ref("i", 4))
	insert(t, s, full, bare, empty, twice)
	got := make(map[record.Key]record.Record)
	for _, r := range scan(t, s, record.Filter{}) {
		got[r.Key] = r
	}
	for _, want := range []record.Record{full, bare, empty, twice} {
		wantRecords(t, []record.Record{got[want.Key]}, want)
	}
	wantRecords(t, find(t, s, ref("i", 3)), full)
	wantRecords(t, find(t, s, ref("i", 4)), twice)
}

// recordsTimes has instants that coarser or zoned clocks would not give back.
func recordsTimes(t *testing.T, s record.Store) {
	for i, at := range []time.Time{
		{},
		time.Unix(0, 0).UTC(),
		time.Date(2026, 3, 29, 1, 59, 59, 999999000, time.UTC),
		time.Date(1969, 12, 31, 23, 59, 59, 1000, time.UTC),
		time.Date(2400, 2, 29, 0, 0, 0, 1000, time.UTC),
	} {
		r := rec("t", int64(i+1))
		r.Received, r.Expires = at, at.Add(time.Microsecond)
		local := r
		local.Received = at.In(time.FixedZone("", 3600)) // the same instant
		insert(t, s, local)
		got := scan(t, s, record.Filter{})
		wantRecords(t, got, r)
		if got[0].Received.Location() != time.UTC || got[0].Expires.Location() != time.UTC {
			t.Errorf("times are not in UTC: %v, %v", got[0].Received, got[0].Expires)
		}
	}
}

// recordsExact has names that a store might fold together: by case, by Unicode
// normal form, by a trailing space or a byte that ends strings elsewhere.
func recordsExact(t *testing.T, s record.Store) {
	idx := ref("i", 1)
	var all []record.Record
	for _, name := range []string{"name", "Name", "n\u00e4me", "na\u0308me", "name ", "name\x00", "%", "\U0001f512"} {
		all = append(all, in(rec("s", 1, idx), name, "d"), in(rec("s", 1, idx), "p", name))
	}
	for i := range all {
		all[i].Area = all[i].Provider + all[i].Dataset
	}
	insert(t, s, all...)
	for _, want := range all {
		got, err := s.Find(t.Context(), want.Provider, want.Dataset, []record.Ref{idx})
		must(t, err)
		wantRecords(t, got, want)
		wantCount(t, s, record.Filter{Provider: want.Provider, Dataset: want.Dataset}, 1)
	}
}

func recordsEmpty(t *testing.T, s record.Store) {
	insert(t, s)
	wantRecords(t, find(t, s, ref("i", 1)))
	wantRecords(t, scan(t, s, record.Filter{}))
	wantCount(t, s, record.Filter{}, 0)
	insert(t, s, rec("s", 1, ref("i", 1)))
	wantRecords(t, find(t, s))
	stamps, err := s.Stamps(t.Context(), nil)
	must(t, err)
	had, err := s.Withdraw(t.Context(), nil)
	must(t, err)
	if len(stamps) != 0 || len(had) != 0 {
		t.Errorf("no keys have the stamps %v and withdraw %v", stamps, had)
	}
	wantCount(t, s, record.Filter{}, 1)
}

func recordsInvalid(t *testing.T, s record.Store) {
	for name, bad := range map[string]record.Record{
		"provider": in(rec("s", 1), "", "d"), "dataset": in(rec("s", 1), "p", ""), "version": rec("s", 0),
	} {
		_, err := s.Insert(t.Context(), []record.Record{rec("good", 1), bad})
		t.Run(name, func(t *testing.T) { wantKind(t, err, fault.Invalid) })
	}
	wantCount(t, s, record.Filter{}, 0)
}

func recordsCancelled(t *testing.T, s record.Store) {
	ctx := cancelled(t)
	r := rec("s", 1)
	for name, call := range map[string]func(context.Context) error{
		"Stamps": func(ctx context.Context) error { _, err := s.Stamps(ctx, []record.Key{r.Key}); return err },
		"Insert": func(ctx context.Context) error { _, err := s.Insert(ctx, []record.Record{r}); return err },
		"Find":   func(ctx context.Context) error { _, err := s.Find(ctx, "p", "d", []record.Ref{ref(1)}); return err },
		"Scan":   func(ctx context.Context) error { return s.Scan(ctx, record.Filter{}, nil) },
		"Months": func(ctx context.Context) error { _, err := s.Months(ctx); return err },
		"Due":    func(ctx context.Context) error { return s.Due(ctx, record.Month{}, over(), nil) },
		"Prune": func(ctx context.Context) error {
			_, err := s.Prune(ctx, over(), []record.Due{dueOf(r, true)})
			return err
		},
		"Withdraw": func(ctx context.Context) error { _, err := s.Withdraw(ctx, []record.Key{r.Key}); return err },
		"Count":    func(ctx context.Context) error { _, err := s.Count(ctx, record.Filter{}); return err },
	} {
		t.Run(name, func(t *testing.T) { wantKind(t, call(ctx), fault.Unavailable) })
	}
}
