package vault

import (
	"testing"

	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/keyring/vaulttest"
)

// TestSealedAndRestarted seals, unseals and restarts a Vault under a keyring.
func TestSealedAndRestarted(t *testing.T) {
	t.Parallel()
	server := vaulttest.Start(t)
	w := worldOn(t, server, "1h", "2h")
	r := w.open()
	s := w.sealer(r, scope)
	text := seal(t, s, "content")
	log, err := r.Signer(t.Context(), "log")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name       string
		down, back func()
		why        reason
	}{
		{"sealed", func() { server.Seal(t) }, func() { server.Unseal(t) }, sealed},
		{"gone", server.Stop, func() { server.Restart(t) }, unreachable},
	} {
		c.down()
		opens(t, w.sealer(r, scope), text, "content")
		_, err := log.Sign(nil, []byte("checkpoint"), nil)
		wantReason(t, err, c.why)
		w.clock.Advance(pause)
		_, err = r.Sealer(t.Context(), another)
		wantReason(t, err, c.why)
		if _, err := Open(t.Context(), w.options(w.house.Gateway)); !fault.Is(err, fault.Unavailable) {
			t.Errorf("%s: a gateway started: %v", c.name, err)
		}
		w.clock.Advance(testCache)
		_, err = r.Sealer(t.Context(), scope)
		wantReason(t, err, c.why)
		c.back()
		w.clock.Advance(pause)
		opens(t, w.sealer(r, scope), text, "content")
		opens(t, s, text, "content")
		if _, err := log.Sign(nil, []byte("checkpoint"), nil); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}
