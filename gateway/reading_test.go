package gateway_test

import (
	"context"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/concord-gateway/concord/gateway"
	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/replay"
)

// TestReplayWithAKeyExchanged replays nothing, and reports no impact, where one key is
// another than the store was used with, and the log key is right.
func TestReplayWithAKeyExchanged(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.fill()
	h.call("analyst", http.MethodPost, subjectPath, ask("soc-investigation", rowan()))
	h.stop()
	files, err := theFiles()
	if err != nil {
		t.Fatal(err)
	}
	both := func() (first, second error) {
		_, first = gateway.Replay(t.Context(), h.cfg, replay.Options{})
		_, second = gateway.Impact(t.Context(), h.cfg, files, replay.ImpactOptions{At: testDay()})
		return first, second
	}
	if first, second := both(); first != nil || second != nil {
		t.Fatal(first, second)
	}
	exchange(t, filepath.Join(h.cfg.DataDir, gateway.KeysDir), h.keyFiles("log%2f2026-11.seal")[0])
	for _, register := range []bool{true, false} {
		if !register {
			h.forgetKeys()
		}
		first, second := both()
		if register && (!fault.Is(first, fault.Unavailable) || !strings.Contains(first.Error(), "seal/log/2026-11: the keyring has another key")) {
			t.Errorf("replayed: %v", first)
		}
		if second == nil {
			t.Errorf("impact, with a register: %t: no error", register)
		}
	}
	exchange(t, filepath.Join(h.cfg.DataDir, gateway.KeysDir), "log.sign.json")
	first, second := both()
	for _, err := range []error{first, second} { // also without a register
		if !fault.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), "those of this log") {
			t.Errorf("another log key: %v", err)
		}
	}
}

// TestReadingWhileAGatewayStarts starts a gateway on a store that nobody used when it was
// opened for reading: what was read is not relied on.
func TestReadingWhileAGatewayStarts(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.fill()
	h.stop()
	for name, stops := range map[string]bool{"running": false, "stopped again": true} {
		meanwhile := func(int64, int64) {
			if h.gw == nil {
				h.start()
				h.call("analyst", http.MethodPost, subjectPath, ask("soc-investigation", rowan()))
			}
			if stops {
				h.stop()
			}
		}
		key := strings.TrimSpace(read(t, filepath.Join(h.cfg.DataDir, gateway.KeyFile)))
		if _, err := gateway.VerifyFolder(t.Context(), h.cfg.DataDir, audit.VerifyOptions{Keys: []string{key}, Progress: meanwhile}); !started(err) {
			t.Errorf("%s, audit verify: %v", name, err)
		}
		h.stop()
		if _, err := gateway.Replay(t.Context(), h.cfg, replay.Options{Progress: meanwhile}); !started(err) {
			t.Errorf("%s, replay: %v", name, err)
		}
		h.stop()
	}
	h.start() // one that was there before does no harm
	err := gateway.WithLog(t.Context(), h.cfg, func(context.Context, audit.Store) error {
		h.call("ig-lead", http.MethodGet, "/v1/audit/entries?log_purpose=verify-lawfulness", nil).want(http.StatusOK, nil)
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func started(err error) bool {
	return fault.Is(err, fault.Unavailable) && strings.Contains(err.Error(), "A gateway was started")
}
