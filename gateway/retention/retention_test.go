package retention_test

import (
	"encoding/hex"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/concord-gateway/concord/gateway/erasure"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/keyring"
	"github.com/concord-gateway/concord/gateway/record"
	"github.com/concord-gateway/concord/gateway/retention"
	"github.com/concord-gateway/concord/gateway/spool"
)

func newTestWorld(t *testing.T) *world {
	t.Helper()
	w := newWorld(t, t.TempDir())
	t.Cleanup(w.close)
	return w
}

func (w *world) wantStored(want ...string) {
	w.Helper()
	if diff := cmp.Diff(want, w.stored()); diff != "" && len(want)+len(w.stored()) > 0 {
		w.Errorf("stored (-want +got):\n%s", diff)
	}
}

// TestExpiry erases what is over, to the microsecond, and nothing else.
func TestExpiry(t *testing.T) {
	t.Parallel()
	w := newTestWorld(t)
	w.put(1, 1, "ISA-1", 10)
	w.put(2, 1, "ISA-1", 90) // replaced before it is over
	w.put(3, 1, "ISA-2", 400)
	w.day(5)
	w.put(2, 2, "ISA-1", 90)
	w.put(3, 2, "ISA-1", 100) // of shorter retention than what it replaces
	w.put(4, 1, "ISA-1", 5)
	if r := w.mustSweep(); r != (retention.Report{}) {
		t.Errorf("nothing is over: %+v", r)
	}
	w.day(5)
	w.clock = w.clock.Add(-time.Microsecond)
	w.mustSweep()
	w.wantStored("1 1", "2 1", "2 2", "3 1", "3 2", "4 1")
	w.clock = w.clock.Add(time.Microsecond)
	if r := w.mustSweep(); r.Versions != 2 {
		t.Errorf("%+v", r)
	}
	w.wantStored("2 1", "2 2", "3 1", "3 2")
	w.day(80)
	w.mustSweep()
	w.wantStored("2 2", "3 1", "3 2")
	w.day(15)
	if r := w.mustSweep(); r.Versions != 3 {
		t.Errorf("%+v", r)
	}
	w.wantStored()
	w.verify()
}

// TestAltered changes rows behind the gateway's back: what does not open as it is stays,
// is counted and is not logged as expired, and keeps its key; what else is over goes.
func TestAltered(t *testing.T) {
	t.Parallel()
	w := newTestWorld(t)
	w.put(1, 1, "ISA-1", 10)
	early := w.put(2, 1, "ISA-1", 400)
	if _, err := w.db.Records().Withdraw(t.Context(), []record.Key{early.Key}); err != nil {
		t.Fatal(err)
	}
	early.Expires = w.clock // an administrator makes it look as if it were over
	if _, err := w.db.Records().Insert(t.Context(), []record.Record{early}); err != nil {
		t.Fatal(err)
	}
	w.day(100)
	r := w.mustSweep()
	if want := (retention.Report{Versions: 1, Altered: 1, Held: 1, Oldest: "2026-11"}); r != want {
		t.Errorf("%+v, want %+v", r, want)
	}
	w.wantStored("2 1")
	if n := w.logged(); n != 1 {
		t.Errorf("%d versions are logged as expired", n)
	}
}

// TestKeysCannotBeHad erases nothing that it cannot open.
func TestKeysCannotBeHad(t *testing.T) {
	t.Parallel()
	w := newTestWorld(t)
	w.put(1, 1, "ISA-1", 10)
	w.day(100)
	if err := w.keys.Close(); err != nil {
		t.Fatal(err)
	}
	if r, err := w.sweep.Sweep(t.Context()); !fault.Is(err, fault.Unavailable) || r.Versions > 0 {
		t.Errorf("%+v, %v", r, err)
	}
	w.wantStored("1 1")
}

// TestEntriesNameNothing holds every byte of the entries, open and sealed, against what
// went.
func TestEntriesNameNothing(t *testing.T) {
	t.Parallel()
	w := newTestWorld(t)
	gone := w.put(0xab, 1, "ISA-1", 1)
	w.put(0xab, 2, "ISA-1", 1)
	w.put(0xcd, 1, "ISA-1", 1)
	w.day(1)
	w.mustSweep()
	entries, private := w.erased()
	if len(entries) != 1 {
		t.Fatalf("%d entries", len(entries))
	}
	e := entries[0].Entry
	want := map[string]string{
		"reason": "retention", "dataset": "housing.tenancy", "agreement": "ISA-1", "month": "2026-11", "records": "2", "versions": "1",
	}
	if diff := cmp.Diff(want, e.Admin); diff != "" || e.Provider != "homes" || e.Actor.Agency != origin || e.Actor.Subject != "retention" {
		t.Errorf("%+v (-want +got):\n%s", e, diff)
	}
	raw, err := json.Marshal([]any{e, private})
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{hex.EncodeToString(gone.Source[:]), "Canary", gone.Submission} {
		if strings.Contains(string(raw), secret) {
			t.Errorf("the entry names what went: %s", raw)
		}
	}
	if len(private[0].Erased) > 0 || private[0].Justification != "" {
		t.Errorf("%+v", private[0])
	}
}

// TestKeyIsDestroyed destroys the key of a month when nothing is left under it and a
// whole month has passed since, not before, and says so.
func TestKeyIsDestroyed(t *testing.T) {
	t.Parallel()
	w := newTestWorld(t)
	body := w.put(1, 1, "ISA-1", 30)
	w.put(2, 1, "ISA/2", 60)
	w.mustSweep()
	w.day(30)
	w.mustSweep()
	w.wantStored("2 1")
	w.clock = time.Date(2026, 12, 31, 23, 59, 59, 999999000, time.UTC)
	w.mustSweep()
	if w.destroyed("ISA-1", "2026-11") {
		t.Error("destroyed though a submission may still be sealing")
	}
	w.clock = w.clock.Add(time.Microsecond)
	r := w.mustSweep()
	if want := (retention.Report{Keys: 1, Held: 1, Oldest: "2026-11"}); r != want {
		t.Errorf("%+v, want %+v", r, want)
	}
	if !w.destroyed("ISA-1", "2026-11") || w.destroyed("ISA/2", "2026-11") {
		t.Error("the wrong key was destroyed")
	}
	if _, err := record.Open(t.Context(), w.keys, &body); !fault.Is(err, fault.NotFound) {
		t.Errorf("a copy of the row opens: %v", err)
	}
	entries, _ := w.erased()
	last := entries[len(entries)-1]
	got, err := erasure.Of(last.Index, &last.Entry, nil)
	if err != nil || got.Kind != erasure.Destroyed || got.Month != (record.Month{Agreement: "ISA-1", KeyMonth: "2026-11"}) || !got.Covers(&body) {
		t.Errorf("%+v, %v", got, err)
	}
	if r := w.mustSweep(); r.Keys != 0 || r.Held != 1 {
		t.Errorf("once more: %+v", r)
	}
	w.verify()
}

// TestKeyOfWhatWasWithdrawn destroys the key of a month of which everything was
// withdrawn early, also one that nobody has entered but the records themselves.
func TestKeyOfWhatWasWithdrawn(t *testing.T) {
	t.Parallel()
	w := newTestWorld(t)
	gone := w.put(1, 1, "ISA-1", 700)
	w.mustSweep()
	if _, err := w.db.Records().Withdraw(t.Context(), []record.Key{gone.Key}); err != nil {
		t.Fatal(err)
	}
	w.day(20)
	w.mustSweep()
	if w.destroyed("ISA-1", "2026-11") {
		t.Error("destroyed in the month after")
	}
	w.day(20)
	w.mustSweep()
	if !w.destroyed("ISA-1", "2026-11") {
		t.Error("the key is there")
	}
}

// TestDestroyedElsewhere has another gateway, and an old copy of the keys: a key that is
// noted as destroyed is forgotten, and destroyed again.
func TestDestroyedElsewhere(t *testing.T) {
	t.Parallel()
	w := newTestWorld(t)
	months := erasure.NewMonths(w.db.Events())
	for _, err := range []error{
		months.Begin(t.Context(), "ISA-1", "2026-01"), months.Begin(t.Context(), "ISA-1", "2026-01"),
		months.Destroyed(t.Context(), record.Month{Agreement: "ISA-1", KeyMonth: "2026-01"}),
		months.Destroyed(t.Context(), record.Month{Agreement: "ISA-1", KeyMonth: "2026-01"}),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if w.destroyed("ISA-1", "2026-01") {
		t.Fatal("the key is not there to begin with")
	}
	if r := w.mustSweep(); r.Keys != 0 || !w.destroyed("ISA-1", "2026-01") {
		t.Errorf("%+v", r)
	}
}

// TestSpool removes pieces that are over, and the key of rejected rows once they must be.
func TestSpool(t *testing.T) {
	t.Parallel()
	w := newTestWorld(t)
	if err := erasure.NewMonths(w.db.Events()).BeginRejected(t.Context(), "2026-11"); err != nil {
		t.Fatal(err)
	}
	for n := range int64(3) {
		p := spool.Piece{Kind: "rejected", ID: "a", N: n, Expires: w.clock.AddDate(0, 0, 7+int(n)), Body: []byte("sealed")}
		if err := w.db.Spool().Insert(t.Context(), p); err != nil {
			t.Fatal(err)
		}
	}
	w.day(8)
	if r := w.mustSweep(); r.Pieces != 2 {
		t.Errorf("%+v", r)
	}
	rejected := func() error {
		_, err := w.keys.Sealer(t.Context(), keyring.RejectedScope("2026-11"))
		return err
	}
	w.clock = time.Date(2026, 12, 8, 23, 59, 0, 0, time.UTC)
	if r := w.mustSweep(); r.Pieces != 1 || r.Keys != 0 || rejected() != nil {
		t.Errorf("%+v, %v", r, rejected())
	}
	w.clock = w.clock.Add(time.Minute)
	if r := w.mustSweep(); r.Keys != 1 || !fault.Is(rejected(), fault.NotFound) {
		t.Errorf("%+v, %v", r, rejected())
	}
	if entries, _ := w.erased(); len(entries) > 0 {
		t.Errorf("logged: %+v", entries)
	}
}
