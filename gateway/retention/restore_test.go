package retention_test

import (
	"context"
	"crypto"
	"crypto/rand"
	"path/filepath"
	"testing"
	"time"

	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/backup"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/record"
	"github.com/concord-gateway/concord/gateway/retention"
	"github.com/concord-gateway/concord/gateway/store/sqlite"
)

func (w *world) now() time.Time { return w.clock }

// backup publishes and makes a copy in a new file.
func (w *world) backup(t *testing.T, logOnly bool) (path string) {
	t.Helper()
	if _, err := w.log.Append(t.Context(), audit.Request{
		ID: "backup", Time: w.clock, Actor: audit.Actor{Agency: origin, Subject: "test", Roles: []string{}}, Drafts: []audit.Draft{{Action: audit.Admin, Admin: map[string]string{"kind": "test"}}},
	}); err != nil {
		t.Fatal(err)
	}
	if err := w.log.Publish(t.Context()); err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(t.TempDir(), "copy")
	_, err := backup.WriteFile(t.Context(), path, backup.Copy{
		Stores: backup.Stores{Log: w.db.Log(), Events: w.db.Events(), Records: w.db.Records()},
		Origin: origin, Keys: w.log.VKeys(), Clock: w.now, LogOnly: logOnly,
		Sign: func(ctx context.Context, version int, message []byte) ([]byte, error) {
			signer, err := w.keys.Signer(ctx, audit.SignerName(version))
			if err != nil {
				return nil, err
			}
			return signer.Sign(rand.Reader, message, crypto.Hash(0))
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// restored is the world as it goes on from a backup, with the same keys.
func (w *world) restored(t *testing.T, file, log string) (*world, backup.Restored) {
	t.Helper()
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "data"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	res, err := backup.Restore{
		Open: func(context.Context) (backup.Stores, error) {
			return backup.Stores{Log: db.Log(), Events: db.Events(), Records: db.Records()}, nil
		},
		Keys: w.log.VKeys(), Own: w.log.VKeys(), Keyring: w.keys, Clock: w.now,
	}.Run(t.Context(), file, log)
	if err != nil {
		t.Fatal(err)
	}
	into := &world{tester: t, db: db, keys: w.keys, clock: w.clock, weak: &weakness{at: -1}}
	into.log, err = audit.Open(t.Context(), audit.Config{Store: db.Log(), Keys: w.keys, Origin: origin, Clock: into.now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = into.log.Close(context.WithoutCancel(t.Context())) })
	into.sweep = into.sweeper()
	return into, res
}

// TestRestore restores a backup from before records expired: with the log of after,
// none of them comes back, what the backup holds of them does not open, and the gateway
// goes on from there.
func TestRestore(t *testing.T) {
	t.Parallel()
	w := newTestWorld(t)
	expires := w.put(1, 1, "ISA-1", 20)
	w.put(2, 1, "ISA-2", 20)
	kept := w.put(3, 1, "ISA-2", 400)
	file := w.backup(t, false)
	w.day(90)
	if r := w.mustSweep(); r.Versions != 2 || r.Keys != 1 {
		t.Fatalf("%+v", r)
	}
	into, res := w.restored(t, file, w.backup(t, true))
	if res.Erased != 2 || res.Records != 1 {
		t.Errorf("%+v", res)
	}
	into.wantStored("3 1")
	if _, err := record.Open(t.Context(), into.keys, &expires); !fault.Is(err, fault.NotFound) {
		t.Errorf("what the backup holds opens: %v", err)
	}
	if got, err := record.Open(t.Context(), into.keys, &kept); err != nil || string(got) != "Canary" {
		t.Errorf("%q, %v", got, err)
	}
	if r := into.mustSweep(); r.Versions != 0 || r.Keys != 0 {
		t.Errorf("nothing is over in what was restored: %+v", r)
	}
	into.verify()
}

// TestRestoreOfTheSameDay restores without an entry that says that records expired,
// since they expired while nothing ran: the first sweep logs and erases them.
func TestRestoreOfTheSameDay(t *testing.T) {
	t.Parallel()
	w := newTestWorld(t)
	w.put(1, 1, "ISA-1", 20)
	file := w.backup(t, false)
	w.day(90)
	into, res := w.restored(t, file, file)
	if res.Erased != 0 {
		t.Errorf("%+v", res)
	}
	into.wantStored("1 1")
	if r := into.mustSweep(); r.Versions != 1 || r.Keys != 1 {
		t.Errorf("%+v", r)
	}
	into.wantStored()
	into.verify()
}

// TestRestoreDestroyed restores records under a key that the log says is destroyed, as
// when they were put there behind the gateway's back: the key is what counts.
func TestRestoreDestroyed(t *testing.T) {
	t.Parallel()
	w := newTestWorld(t)
	w.put(1, 1, "ISA-1", 400)
	file := w.backup(t, false)
	w.mustSweep()
	if _, err := w.db.Records().Withdraw(t.Context(), []record.Key{{Provider: "homes", Dataset: "housing.tenancy", Source: record.Ref{1}}}); err != nil {
		t.Fatal(err)
	}
	w.day(90)
	if r := w.mustSweep(); r != (retention.Report{Keys: 1}) {
		t.Fatalf("%+v", r)
	}
	into, res := w.restored(t, file, w.backup(t, true))
	if res.Erased != 1 || res.Records != 0 {
		t.Errorf("%+v", res)
	}
	into.wantStored()
	into.verify()
}
