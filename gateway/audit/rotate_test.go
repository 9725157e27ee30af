package audit_test

import (
	"context"
	"crypto"
	"sync/atomic"
	"testing"
	"time"

	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/keyring"
)

// withholding is a keyring that does not give one signing key while it is told not to.
type withholding struct {
	keyring.Keyring

	name string
	on   atomic.Bool
	// asked is how often it was asked for that key.
	asked atomic.Int32
}

func (w *withholding) Signer(ctx context.Context, name string) (crypto.Signer, error) {
	if name == w.name {
		w.asked.Add(1)
		if w.on.Load() {
			return nil, fault.New(fault.Unavailable, "test", "withheld")
		}
	}
	return w.Keyring.Signer(ctx, name)
}

// TestRotateKey rotates the log key of a log in use. Where the new key cannot be had, the
// log goes on under the one that it has, also beyond the end of its session and after a
// restart, and tries again after a minute and not before.
func TestRotateKey(t *testing.T) {
	h := newHouse(t)
	keys := &withholding{Keyring: h.keys, name: audit.SignerName(2)}
	var passed atomic.Int64
	at := func(after time.Duration) { passed.Store(int64(after)) }
	open := func(version int) *audit.Log {
		return h.open(keyed(version), func(c *audit.Config) {
			c.Keys, c.Clock = keys, func() time.Time { return now.Add(time.Duration(passed.Load())) }
		})
	}
	l := open(0)
	want := func(n, version int) {
		t.Helper()
		mustAppend(t, l, request(n, "telford-housing"))
		if l.VKey() != h.vkeyOf(version) || len(l.VKeys()) != version {
			t.Fatalf("request %d: the key is not version %d", n, version)
		}
	}
	want(0, 1)
	keys.on.Store(true)
	l.RotateKey(2)
	want(1, 1)
	want(2, 1)
	at(59 * time.Second)
	want(3, 1)
	if n := keys.asked.Load(); n != 1 {
		t.Errorf("the key that cannot be had was asked for %d times in a minute", n)
	}
	at(time.Minute)
	want(4, 1)
	at(24 * time.Hour) // a new session, of the key in force
	want(5, 1)
	if err := l.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	l = open(2)
	want(6, 1)
	keys.on.Store(false)
	want(7, 1)
	at(24*time.Hour + time.Minute)
	want(8, 2)
	l.RotateKey(1) // they only ever go up
	want(9, 2)
	l.RotateKey(4)
	want(10, 4)
	if err := l.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantOK(t, verifyKeys(t, audit.StoreSource(h.db.Log()), nil, h.vkeyOf(1)))
}
