package quality_test

import (
	"os"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/concord-gateway/concord/gateway/event"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/quality"
	"github.com/concord-gateway/concord/gateway/store/sqlite"
)

func events(t *testing.T) event.Store {
	t.Helper()
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	db, err := sqlite.Open(t.Context(), dir, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db.Events()
}

// at makes the UUIDv7 of a time.
func at(t time.Time, tail byte) string {
	var id uuid.UUID
	ms := t.UnixMilli()
	for i := range 6 {
		id[i] = byte(ms >> (40 - 8*i))
	}
	id[6], id[8], id[15] = 0x70, 0x80, tail
	return id.String()
}

func save(t *testing.T, s event.Store, provider, dataset string, when time.Time, tail byte, rows int) string {
	t.Helper()
	tally := quality.New([]string{"/a"})
	for range rows {
		tally.AddRow(row("2026-11-22", "a"), when)
	}
	id := at(when, tail)
	for range 2 { // saving twice is saving once
		if err := quality.Save(t.Context(), s, &quality.Summary{Provider: provider, Dataset: dataset, Agreement: "ISA", Submission: id, Received: when, Tally: *tally}); err != nil {
			t.Fatal(err)
		}
	}
	return id
}

func TestHistory(t *testing.T) {
	t.Parallel()
	s := events(t)
	day := func(year int, m time.Month, d int) time.Time { return time.Date(year, m, d, 0, 0, 0, 0, time.UTC) }
	save(t, s, "telford-housing", "housing.tenancy", day(2026, 8, 31).Add(24*time.Hour-time.Millisecond), 1, 1)
	id := save(t, s, "telford-housing", "housing.tenancy", day(2026, 9, 1), 1, 2)
	for i := range 250 { // more than one page
		save(t, s, "telford-housing", "housing.tenancy", day(2026, 10, 15).Add(time.Duration(i)*time.Minute), byte(i), 1)
	}
	save(t, s, "telford-housing", "housing.tenancy", day(2026, 11, 30).Add(23*time.Hour), 1, 4)
	save(t, s, "telford-housing", "housing.tenancy", day(2026, 12, 1), 1, 8)
	save(t, s, "telford-housing", "housing.concern", day(2026, 10, 1), 1, 16)
	save(t, s, "zeta-housing", "housing.tenancy", day(2026, 10, 1), 1, 32)
	got, err := quality.History(t.Context(), s, "telford-housing", "housing.tenancy", "2026-09", "2026-11")
	if err != nil || len(got) != 3 {
		t.Fatalf("%+v, %v", got, err)
	}
	for i, want := range []struct {
		month             string
		submissions, rows int
		last              time.Time
	}{
		{"2026-09", 1, 2, day(2026, 9, 1)}, {"2026-10", 250, 250, day(2026, 10, 15).Add(249 * time.Minute)}, {"2026-11", 1, 4, day(2026, 11, 30).Add(23 * time.Hour)},
	} {
		m := got[i]
		if m.Month != want.month || m.Submissions != want.submissions || m.Tally.Valid != want.rows || !m.Last.Equal(want.last) {
			t.Errorf("%+v, want %+v", m, want)
		}
	}
	one, err := quality.Of(t.Context(), s, "telford-housing", "housing.tenancy", id)
	if err != nil || one.Tally.Valid != 2 {
		t.Errorf("%+v, %v", one, err)
	}
	if _, err := quality.Of(t.Context(), s, "zeta-housing", "housing.tenancy", id); !fault.Is(err, fault.NotFound) {
		t.Errorf("of another provider: %v", err)
	}
}

func TestHistoryRefuses(t *testing.T) {
	t.Parallel()
	s := events(t)
	if _, err := quality.History(t.Context(), s, "a", "b", "2026-13", "2026-12"); !fault.Is(err, fault.Invalid) {
		t.Errorf("month 13: %v", err)
	}
	for _, bad := range []quality.Summary{{}, {Provider: "a/b", Dataset: "c", Submission: at(received(), 1)}, {Provider: "a", Dataset: "c", Submission: "x"}} {
		if err := quality.Save(t.Context(), s, &bad); !fault.Is(err, fault.Invalid) {
			t.Errorf("%+v: %v", bad, err)
		}
	}
	if err := s.Insert(t.Context(), event.Event{Kind: quality.Kind, ID: "a/b/" + at(received(), 1), Body: []byte("x")}); err != nil {
		t.Fatal(err)
	}
	if _, err := quality.History(t.Context(), s, "a", "b", "2026-11", "2026-11"); !fault.Is(err, fault.Internal) {
		t.Errorf("a damaged summary: %v", err)
	}
}
