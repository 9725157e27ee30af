package backup_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/backup"
	"github.com/concord-gateway/concord/gateway/event"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/record"
)

// otherKey is a key of the same log that has nothing to do with it.
func otherKey(t *testing.T) string {
	t.Helper()
	public, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	key, err := audit.VKey(origin, public)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// wantFault fails unless err is a fault of the kind whose message has the words.
func wantFault(t *testing.T, what string, err error, kind fault.Kind, words string) {
	t.Helper()
	if !fault.Is(err, kind) || !strings.Contains(err.Error(), words) {
		t.Errorf("%s: %v, want %s with %q", what, err, kind, words)
	}
}

func TestRestoreRefuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.submit("T-1")
	early := w.backup(logOnly)
	w.submit("T-2")
	file, other := w.backup(), newWorld(t)
	other.submit("T-1")
	w.withdraw("T-1")
	log := w.backup(logOnly)
	fork := w.fork(file)
	for _, c := range []struct {
		name, file, log string
		change          func(*backup.Restore)
		words           string
	}{
		{"without a log", file, "", nil, "needs the newest copy of the log"},
		{"an older log", file, early, nil, "older than the backup"},
		{"a forked log", file, fork, nil, "not a continuation"},
		{"another log", file, other.backup(logOnly), nil, "does not verify"},
		{"another backup", other.backup(), log, nil, "does not verify"},
		{"a copy of the log for a backup", log, log, nil, "a copy of the log alone"},
		{"another key", file, log, func(r *backup.Restore) { r.Keys = []string{otherKey(t)} }, "does not verify"},
		{"another keyring", file, log, func(r *backup.Restore) { r.Own = []string{otherKey(t)} }, "keyring is not the one"},
		{"a keyring that opens nothing", file, log, func(r *backup.Restore) { r.Keyring = other.keys }, "cannot be read"},
		{"no witness", file, log, func(r *backup.Restore) { r.Witnesses, r.Quorum = []string{witnessKey}, 1 }, "witnesses"},
		{"no file", file + "x", log, nil, "cannot be read"},
	} {
		into := newStores(t)
		_, err := w.restore(into, c.file, c.log, func(r *backup.Restore) {
			if c.change != nil {
				c.change(r)
			}
		})
		wantFault(t, c.name, err, fault.Invalid, c.words)
		wantEmpty(t, into)
	}
}

// fork returns a log that was the same until the backup in file was half made: the
// gateway was put back to it and went on differently.
func (w *world) fork(file string) (path string) {
	w.t.Helper()
	f := *w
	f.stores = newStores(w.t)
	if _, err := w.restore(f.stores, file, file); err != nil {
		w.t.Fatal(err)
	}
	first := newStores(w.t) // all but the last batch
	for b, err := range audit.StoreSource(f.stores.Log).Batches(w.t.Context()) {
		if err != nil {
			w.t.Fatal(err)
		}
		if last, err := f.stores.Log.LastBatch(w.t.Context()); err == nil && b.N < last.N {
			if err := first.Log.InsertBatch(w.t.Context(), b); err != nil {
				w.t.Fatal(err)
			}
		}
	}
	f.stores = first
	f.open(first)
	f.submit("F-1", "F-2")
	f.submit("F-3")
	return f.backup(logOnly)
}

func TestRestoreIntoWhatIsNotEmpty(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.submit("T-1")
	file := w.backup()
	for name, fill := range map[string]func(backup.Stores) error{
		"a log": func(s backup.Stores) error {
			b, err := w.stores.Log.Batch(t.Context(), 0)
			return errors.Join(err, s.Log.InsertBatch(t.Context(), b))
		},
		"a checkpoint": func(s backup.Stores) error { return s.Log.InsertCheckpoint(t.Context(), 3, []byte("note")) },
		"events":       func(s backup.Stores) error { return s.Events.Insert(t.Context(), event.Event{Kind: "k", ID: "i"}) },
		"records": func(s backup.Stores) error {
			_, err := s.Records.Insert(t.Context(), []record.Record{{Key: record.Key{Provider: "p", Dataset: "d"}, Version: 1}})
			return err
		},
	} {
		into := newStores(t)
		if err := fill(into); err != nil {
			t.Fatal(err)
		}
		_, err := w.restore(into, file, file)
		wantFault(t, name, err, fault.Conflict, "it has "+name)
	}
}

// dying are stores that fail for good at one write: before it was done, or after.
type dying struct {
	n, at int
	after bool
}

func (d *dying) write(do func() error) error {
	d.n++
	failed := fault.New(fault.Unavailable, "test", "The process ended.")
	switch {
	case d.n < d.at:
		return do()
	case d.n == d.at && d.after:
		return errors.Join(do(), failed)
	}
	return failed
}

type dyingLog struct {
	audit.Store

	*dying
}

func (d dyingLog) InsertBatch(ctx context.Context, b *audit.Batch) error {
	return d.write(func() error { return d.Store.InsertBatch(ctx, b) })
}

func (d dyingLog) InsertCheckpoint(ctx context.Context, size int64, note []byte) error {
	return d.write(func() error { return d.Store.InsertCheckpoint(ctx, size, note) })
}

type dyingEvents struct {
	event.Store

	*dying
}

func (d dyingEvents) Insert(ctx context.Context, e event.Event) error {
	return d.write(func() error { return d.Store.Insert(ctx, e) })
}

type dyingRecords struct {
	record.Store

	*dying
}

func (d dyingRecords) Insert(ctx context.Context, all []record.Record) (taken []int, err error) {
	err = d.write(func() error {
		taken, err = d.Store.Insert(ctx, all)
		return err
	})
	return taken, err
}

// TestRestoreKilled ends a restore at every write in turn, before it was done and
// after: what is left is empty, or refused by everything, until the last write has
// been done.
func TestRestoreKilled(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.submit("T-1", "T-2")
	file := w.backup()
	w.withdraw("T-1")
	log := w.backup(logOnly)
	for at := 1; ; at++ {
		for _, after := range []bool{false, true} {
			into, d := newStores(t), &dying{at: at, after: after}
			_, err := w.restore(backup.Stores{
				Log: dyingLog{into.Log, d}, Events: dyingEvents{into.Events, d}, Records: dyingRecords{into.Records, d},
			}, file, log)
			switch {
			case err == nil && d.n < at: // there are no more writes
				if at < 10 {
					t.Fatalf("only %d writes", d.n)
				}
				return
			case !fault.Is(err, fault.Unavailable):
				t.Fatalf("write %d: %v", at, err)
			case at == 1 && !after:
				wantEmpty(t, into)
				continue
			}
			w.wantRefused(into, file, log, fmt.Sprintf("write %d, after %v", at, after))
		}
	}
}

// wantRefused fails unless a store is taken for one that is being restored, or is
// whole.
func (w *world) wantRefused(into backup.Stores, file, log, what string) {
	w.t.Helper()
	if err := backup.Refuse(w.t.Context(), into.Events); err == nil {
		if got := w.holds(into, "T-1", "T-2"); len(got) != 1 || got[0] != "T-2" {
			w.t.Errorf("%s: accepted with %v", what, got)
		}
		return
	}
	wantFault(w.t, what, backup.Refuse(w.t.Context(), into.Events), fault.Conflict, "not finished")
	_, err := w.restore(into, file, log)
	wantFault(w.t, what+": restored once more", err, fault.Conflict, "not finished")
	_, err = backup.Write(w.t.Context(), &bytes.Buffer{}, w.source(func(c *backup.Copy) { c.Stores = into }))
	wantFault(w.t, what+": backed up", err, fault.Conflict, "not finished")
}

// witnessKey is the key of a witness that nobody runs.
const witnessKey = "witness.example/w1+d055d463+BIgRtWj+fE5kKsPsYoVAfgICM9YQXXsKfH1Dv6l+OnYC"
