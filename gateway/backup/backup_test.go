package backup_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/backup"
	"github.com/concord-gateway/concord/gateway/event"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/record"
	"github.com/concord-gateway/concord/gateway/submission"
)

// TestRoundTrip restores what was there, byte for byte, and goes on from it.
func TestRoundTrip(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.submit("T-1", "T-2", "T-3")
	w.withdraw("T-2")
	file := w.backup()
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	into, res := w.mustRestore(file, file)
	wantSame(t, w.stores, into)
	if res.Newer != 0 || res.Records != 2 || res.Erasures != 0 || len(res.Resubmit) != 0 {
		t.Errorf("%+v", res)
	}
	w.open(into)
	if res := w.submit("T-1", "T-2", "T-3"); res.Unchanged != 2 || res.Accepted != 1 {
		t.Errorf("sent again: %+v", res)
	}
	w.publish()
	w.stores = into
	again, _ := w.mustRestore(w.backup(), w.backup(logOnly)) // a backup of what was restored
	wantSame(t, into, again)
}

// TestBetweenEngines restores what one engine holds into each: the same, but for what
// was erased since.
func TestBetweenEngines(t *testing.T) {
	t.Parallel()
	for from, open := range engines() {
		for to, openTo := range engines() {
			t.Run(from+" to "+to, func(t *testing.T) {
				t.Parallel()
				w, into := newWorldOn(t, open(t)), openTo(t)
				w.submit("T-1", "T-2", "T-3")
				file := w.backup()
				w.withdraw("T-2")
				if _, err := w.restore(into, file, w.backup(logOnly)); err != nil {
					t.Fatal(err)
				}
				wantSame(t, w.stores, into)
			})
		}
	}
}

// TestErasedStaysErased is the point of it all: what was withdrawn since the backup
// does not come back, and nothing else stays away.
func TestErasedStaysErased(t *testing.T) {
	t.Parallel()
	all := []string{"T-1", "T-2", "T-3", "T-4", "T-5"}
	w := newWorld(t)
	w.submit(all...)
	w.withdraw("T-1") // before the backup
	w.withdraw("T-2")
	w.submit("T-2") // and sent again
	file := w.backup()
	w.withdraw("T-3")
	w.withdraw("T-4")
	again := w.submit("T-4") // after the backup, which has the row that was withdrawn
	into, res := w.mustRestore(file, w.backup(logOnly))
	if got := w.holds(into, all...); !slices.Equal(got, []string{"T-2", "T-5"}) {
		t.Errorf("restored %v", got)
	}
	if res.Erasures != 2 || res.Erased != 2 || res.Newer == 0 {
		t.Errorf("%+v", res)
	}
	if len(res.Resubmit) != 1 || res.Resubmit[0].ID != again.ID || res.Resubmit[0].Provider != "telford-housing" {
		t.Errorf("to be sent again: %+v", res.Resubmit)
	}
	// A whole, newer backup serves as the log as well.
	if into, _ = w.mustRestore(file, w.backup()); len(w.holds(into, all...)) != 2 {
		t.Error("with a whole backup for a log")
	}
}

// hooked are records that a test gets between: when a scan begins, and before a
// deletion.
type hooked struct {
	record.Store

	scan     func()
	withdraw error
}

func (h hooked) Scan(ctx context.Context, f record.Filter, yield func(*record.Record) error) error {
	h.scan()
	return h.Store.Scan(ctx, f, yield)
}

func (h hooked) Withdraw(ctx context.Context, keys []record.Key) ([]record.Key, error) {
	if h.withdraw != nil {
		return nil, h.withdraw
	}
	return h.Store.Withdraw(ctx, keys)
}

// TestWithdrawnDuringTheBackup withdraws after the log was copied and before the
// records are: one row is gone, one was sent again and is in the backup, to stay.
func TestWithdrawnDuringTheBackup(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.submit("T-1", "T-2", "T-3")
	file := w.backup(func(c *backup.Copy) {
		c.Records = hooked{Store: c.Records, scan: func() {
			w.withdraw("T-1", "T-2")
			w.submit("T-2")
		}}
	})
	into, res := w.mustRestore(file, w.backup(logOnly))
	if got := w.holds(into, "T-1", "T-2", "T-3"); !slices.Equal(got, []string{"T-2", "T-3"}) || res.Erased != 0 || res.Erasures != 1 {
		t.Errorf("restored %v: %+v", got, res)
	}
}

// TestWithdrawalCutOffBeforeTheBackup backs up rows that a withdrawal has logged
// and not deleted: the gateway deletes them when it starts on the restored store.
func TestWithdrawalCutOffBeforeTheBackup(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.submit("T-1", "T-2")
	broken := w.stores
	broken.Records = hooked{Store: broken.Records, withdraw: fault.New(fault.Unavailable, "test", "It failed.")}
	_, err := w.service(broken).Withdraw(t.Context(), submission.Withdrawal{
		Principal: housing(), RequestID: "r", Dataset: "housing.tenancy", Sources: []string{"T-1"}, Reason: "in error",
	})
	if !fault.Is(err, fault.Unavailable) {
		t.Fatal(err)
	}
	file := w.backup()
	into, _ := w.mustRestore(file, file)
	w.open(into)
	if n, err := w.serve.RecoverWithdrawals(t.Context()); n != 1 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	if got := w.holds(into, "T-1", "T-2"); !slices.Equal(got, []string{"T-2"}) {
		t.Errorf("after the start: %v", got)
	}
	// What it was at the end, the newer log brings along: the withdrawal is finished
	// by then, and its entry stands before the backup.
	into, res := w.mustRestore(file, w.backupOf(into))
	if got := w.holds(into, "T-1", "T-2"); !slices.Equal(got, []string{"T-2"}) || res.Erasures != 0 || res.Erased != 1 {
		t.Errorf("with the newer log: %v, %+v", got, res)
	}
}

// backupOf makes a copy of the log of other stores.
func (w *world) backupOf(s backup.Stores) (path string) {
	return w.backup(logOnly, func(c *backup.Copy) { c.Stores = s })
}

// TestWhileWritersWrite makes backups while eight submitters submit and withdraw.
// Every one, restored with the last log, has what was answered for before it was
// begun and never withdrawn, and nothing that is not in the gateway at the end.
func TestWhileWritersWrite(t *testing.T) {
	t.Parallel()
	const writers, rounds, copies = 8, 4, 3
	w := newWorld(t)
	w.submit("first")
	var submitted sync.Map // source id -> true, once answered for
	progress := make(chan struct{}, 1000)
	var stop atomic.Bool
	var group sync.WaitGroup
	for writer := range writers {
		group.Go(func() {
			for i := 0; i < rounds || !stop.Load() && i < 20*rounds; i++ {
				kept, gone := fmt.Sprintf("K-%d-%d", writer, i), fmt.Sprintf("G-%d-%d", writer, i)
				w.submit(kept, gone)
				submitted.Store(kept, true)
				w.withdraw(gone)
				progress <- struct{}{}
			}
		})
	}
	var files []string
	var before [][]string
	for range copies {
		for range writers {
			<-progress
		}
		var known []string
		submitted.Range(func(k, _ any) bool {
			known = append(known, k.(string))
			return true
		})
		files, before = append(files, w.backup()), append(before, known)
	}
	stop.Store(true)
	group.Wait()
	log := w.backup(logOnly)
	live := map[record.Key]bool{}
	for _, r := range contentOf(t, w.stores).Records {
		live[r.Key] = true
	}
	for i, file := range files {
		into, res := w.mustRestore(file, log)
		if got := w.holds(into, before[i]...); len(got) != len(before[i]) {
			t.Errorf("backup %d: %d of %d records", i, len(got), len(before[i]))
		}
		for _, r := range contentOf(t, into).Records {
			if !live[r.Key] {
				t.Errorf("backup %d: a record came back", i)
			}
			if _, err := record.Open(t.Context(), w.keys, &r); err != nil {
				t.Errorf("backup %d: %v", i, err)
			}
		}
		t.Logf("backup %d: %d entries and %d newer, %d records, %d erased again", i, res.Backup.Size, res.Newer, res.Records, res.Erased)
	}
}

// TestWriteFileRefuses leaves nothing behind where it cannot make a copy.
func TestWriteFileRefuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	dir := t.TempDir()
	path := filepath.Join(dir, "copy")
	if _, err := backup.WriteFile(t.Context(), path, w.source()); !fault.Is(err, fault.Conflict) {
		t.Errorf("before anything is published: %v", err)
	}
	w.submit("T-1")
	w.publish()
	lost := errors.New("lost")
	for name, change := range map[string]func(*backup.Copy){
		"no log key":      func(c *backup.Copy) { c.Sign = func(context.Context, int, []byte) ([]byte, error) { return nil, lost } },
		"no events":       func(c *backup.Copy) { c.Events = broken{c.Events} },
		"another key":     func(c *backup.Copy) { c.Keys = []string{otherKey(t)} },
		"a damaged batch": func(c *backup.Copy) { c.Log = flipped{c.Log} },
	} {
		if _, err := backup.WriteFile(t.Context(), path, w.source(change)); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if left, err := os.ReadDir(dir); len(left) > 0 || err != nil {
		t.Errorf("left behind: %v, %v", left, err)
	}
	if err := os.WriteFile(path, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := backup.WriteFile(t.Context(), path, w.source()); !fault.Is(err, fault.Conflict) || string(read(t, path)) != "mine" {
		t.Errorf("over another file: %v", err)
	}
}

// broken are events that cannot be walked through.
type broken struct{ event.Store }

func (broken) Walk(context.Context, func(*event.Event) error) error {
	return fault.New(fault.Unavailable, "test", "It failed.")
}

// flipped is a log with one bit changed.
type flipped struct{ audit.Store }

func (f flipped) Batch(ctx context.Context, n int64) (*audit.Batch, error) {
	b, err := f.Store.Batch(ctx, n)
	if err == nil && n == 1 {
		b.Entries[0][20] ^= 1
	}
	return b, err
}
