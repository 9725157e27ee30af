package register_test

import (
	"context"
	"crypto"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/concord-gateway/concord/gateway/event"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/keyring"
	"github.com/concord-gateway/concord/gateway/keyring/keyringtest"
	"github.com/concord-gateway/concord/gateway/keyring/local"
	"github.com/concord-gateway/concord/gateway/keyring/register"
	"github.com/concord-gateway/concord/gateway/store/sqlite"
)

func newEvents(t *testing.T) event.Store {
	t.Helper()
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "data"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db.Events()
}

// open opens the keys of a folder with the register of a store, as a process does.
func open(t *testing.T, dir string, events event.Store) *register.Ring {
	t.Helper()
	keys, err := local.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	r := register.New(keys, events)
	t.Cleanup(func() { _ = r.Close() })
	return r
}

func TestConformance(t *testing.T) {
	keyringtest.Run(t, func(t *testing.T) keyringtest.Open {
		dir, events := filepath.Join(t.TempDir(), "keys"), newEvents(t)
		return func() keyring.Keyring { return open(t, dir, events) }
	})
}

const scope = keyring.EditionScope

// uses are the three ways to ask for a key.
var uses = map[string]func(context.Context, keyring.Keyring) error{
	"seal": func(ctx context.Context, k keyring.Keyring) error { _, err := k.Sealer(ctx, scope); return err },
	"hash": func(ctx context.Context, k keyring.Keyring) error { _, err := k.Hasher(ctx, scope); return err },
	"sign": func(ctx context.Context, k keyring.Keyring) error { _, err := k.Signer(ctx, scope); return err },
}

func wantReason(t *testing.T, what string, err error, words string) {
	t.Helper()
	if !fault.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), words) {
		t.Errorf("%s: %v, want Unavailable with %q", what, err, words)
	}
}

// files counts what is in a folder of keys.
func files(t *testing.T, dir string) int {
	t.Helper()
	all, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	return len(all)
}

// TestLostAndExchanged takes every trace of a key away, and puts another's in its place:
// neither is taken, none is made, and other keys are as they were.
func TestLostAndExchanged(t *testing.T) {
	for use, ask := range uses {
		events, dir := newEvents(t), filepath.Join(t.TempDir(), "keys")
		if err := ask(t.Context(), open(t, dir, events)); err != nil {
			t.Fatal(err)
		}
		empty := filepath.Join(t.TempDir(), "keys")
		lost := open(t, empty, events)
		before := files(t, empty)
		for range 2 {
			wantReason(t, use+", lost", ask(t.Context(), lost), use+"/"+scope+": the store was used with a key that the keyring does not have")
			wantReason(t, use+", lost, for reading", ask(t.Context(), lost.Existing()), "does not have")
		}
		if n := files(t, empty); n != before {
			t.Errorf("%s: %d files in the place of %d", use, n, before)
		}
		other := filepath.Join(t.TempDir(), "keys")
		if err := ask(t.Context(), open(t, other, newEvents(t))); err != nil {
			t.Fatal(err)
		}
		wantReason(t, use+", exchanged", ask(t.Context(), open(t, other, events)), use+"/"+scope+": the keyring has another key")
		for range 2 {
			if err := ask(t.Context(), open(t, dir, events)); err != nil {
				t.Errorf("%s, put back: %v", use, err)
			}
		}
	}
}

// TestBeforeTheRegister gives a key that is older than the register its row, and none
// to whoever may only read.
func TestBeforeTheRegister(t *testing.T) {
	for use, ask := range uses {
		events, dir := newEvents(t), filepath.Join(t.TempDir(), "keys")
		keys, err := local.Open(dir)
		if err == nil {
			err = ask(t.Context(), keys)
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := ask(t.Context(), open(t, dir, events).Existing()); err != nil || rows(t, events) != 0 {
			t.Errorf("%s, read: %v, %d rows", use, err, rows(t, events))
		}
		if err := ask(t.Context(), open(t, dir, events)); err != nil || rows(t, events) != 1 {
			t.Errorf("%s, used: %v, %d rows", use, err, rows(t, events))
		}
	}
}

func rows(t *testing.T, events event.Store) (n int) {
	t.Helper()
	if err := events.Walk(t.Context(), func(*event.Event) error { n++; return nil }); err != nil {
		t.Fatal(err)
	}
	return n
}

// weak are events that do not take the row.
type weak struct{ event.Store }

func (weak) Insert(context.Context, event.Event) error {
	return fault.New(fault.Unavailable, "test", "It failed.")
}

// TestNothingWithoutItsRow hands out no key whose row is not durable, and the same key
// afterwards.
func TestNothingWithoutItsRow(t *testing.T) {
	events, dir := newEvents(t), filepath.Join(t.TempDir(), "keys")
	for use, ask := range uses {
		if err := ask(t.Context(), open(t, dir, weak{events})); !fault.Is(err, fault.Unavailable) {
			t.Errorf("%s: %v", use, err)
		}
	}
	keys, err := local.OpenExisting(dir)
	if err != nil {
		t.Fatal(err)
	}
	made, err := keys.Signer(t.Context(), scope)
	if err != nil {
		t.Fatal(err)
	}
	got, err := open(t, dir, events).Signer(t.Context(), scope)
	if err != nil || !got.Public().(interface{ Equal(crypto.PublicKey) bool }).Equal(made.Public()) {
		t.Errorf("another key: %v", err)
	}
}

// TestVerify holds keyrings against a register with keys of each use, one of which was
// destroyed.
func TestVerify(t *testing.T) {
	events, dir := newEvents(t), filepath.Join(t.TempDir(), "keys")
	r := open(t, dir, events)
	for use, ask := range uses {
		if err := ask(t.Context(), r); err != nil {
			t.Fatal(use, err)
		}
	}
	if _, err := r.Sealer(t.Context(), "record/ISA-1/2026-11"); err != nil {
		t.Fatal(err)
	}
	if err := r.Destroy(t.Context(), "record/ISA-1/2026-11"); err != nil {
		t.Fatal(err)
	}
	verify := func(dir string) error {
		keys, err := local.Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer keys.Close()
		n, err := register.Verify(t.Context(), keys, events)
		if err == nil && n != len(uses)+1 {
			t.Errorf("%d keys", n)
		}
		return err
	}
	if err := verify(dir); err != nil {
		t.Error(err)
	}
	wantReason(t, "an empty folder", verify(filepath.Join(t.TempDir(), "keys")), "does not have")
	other := filepath.Join(t.TempDir(), "keys")
	for use, ask := range uses {
		if err := ask(t.Context(), open(t, other, newEvents(t))); err != nil {
			t.Fatal(use, err)
		}
	}
	wantReason(t, "another folder", verify(other), "another key")
}
