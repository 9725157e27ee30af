package gateway_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/concord-gateway/concord/gateway"
	"github.com/concord-gateway/concord/gateway/audit"
)

// TestRotatedKey rotates the log key by the configuration: the file of keys grows,
// who holds the first key still verifies the log and an old checkpoint, and so does
// who holds the newest beside it.
func TestRotatedKey(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.fill()
	if err := h.gw.PublishCheckpoint(t.Context()); err != nil {
		t.Fatal(err)
	}
	since := h.call("analyst", http.MethodGet, "/v1/audit/checkpoint", nil).want(http.StatusOK, nil).body
	first := h.gw.VKey()
	h.cfg.Log.KeyVersion = 2
	h.restart()
	h.call("analyst", http.MethodPost, subjectPath, ask("soc-investigation", rowan())).want(http.StatusOK, nil)
	if err := h.gw.PublishCheckpoint(t.Context()); err != nil {
		t.Fatal(err)
	}
	second := h.gw.VKey()
	h.stop()
	kept, err := os.ReadFile(filepath.Join(h.cfg.DataDir, gateway.KeyFile))
	if err != nil {
		t.Fatal(err)
	}
	h.cfg.Log.KeyVersion = 0 // it stays where it is
	h.start()
	if want := first + "\n" + second + "\n"; second == first || string(kept) != want || h.gw.VKey() != second {
		t.Errorf("the keys are %q, want %q", kept, want)
	}
	for name, c := range map[string]struct {
		keys []string
		ok   bool
	}{
		"the first": {[]string{first}, true}, "both": {strings.Fields(string(kept)), true}, "the second": {[]string{second}, false},
	} {
		report, err := gateway.VerifyFolder(t.Context(), h.cfg.DataDir, audit.VerifyOptions{Keys: c.keys, Since: since})
		if err != nil || report.OK != c.ok {
			t.Errorf("%s: %+v %v", name, report, err)
		}
	}
}

// TestRotatedKeyOfRunningGateway rotates the log key without a restart: both files and
// answers follow at once, asking again changes nothing, and who was let in before and
// after is, also once it is started again; who was revoked is not.
func TestRotatedKeyOfRunningGateway(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.revoke("supervisor")
	h.restart() // which reads that, and notes it
	first := h.gw.VKey()
	for range 2 {
		if err := h.gw.RotateLogKey(t.Context(), 2); err != nil {
			t.Fatal(err)
		}
	}
	second := h.gw.VKey()
	kept, err := os.ReadFile(filepath.Join(h.cfg.DataDir, gateway.KeyFile))
	if err != nil || second == first || string(kept) != first+"\n"+second+"\n" {
		t.Errorf("the keys are %q: %v", kept, err)
	}
	asked := 0
	for _, e := range h.entries("&action=admin") {
		if e.Entry.Admin["kind"] == "log-key-asked" {
			asked++
		}
	}
	if asked != 1 {
		t.Errorf("it is logged %d times that it was asked for", asked)
	}
	for _, when := range []string{"running", "started again"} {
		h.call("analyst", http.MethodGet, "/v1/datasets", nil).want(http.StatusOK, nil)
		h.call("supervisor", http.MethodGet, "/v1/datasets", nil).want(http.StatusUnauthorized, nil)
		if h.gw.VKey() != second {
			t.Errorf("%s: the key is %s", when, h.gw.VKey())
		}
		if when == "running" {
			h.restart()
		}
	}
	report, err := gateway.VerifyFolder(t.Context(), h.cfg.DataDir, audit.VerifyOptions{Keys: []string{first}})
	if err != nil || !report.OK {
		t.Errorf("%+v %v", report, err)
	}
}
