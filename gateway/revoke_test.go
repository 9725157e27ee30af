package gateway_test

import (
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/concord-gateway/concord/gateway"
	"github.com/concord-gateway/concord/gateway/attacktest"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/identity/devissuer"
	"github.com/concord-gateway/concord/gateway/identity/revocation"
)

// TestRevokeBesideGateway revokes a person while the gateway runs on the same
// folder. A gateway reads the list when it starts, and every ten seconds.
func TestRevokeBesideGateway(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	row := revocation.Row{Agency: devissuer.Police, Subject: "analyst@" + devissuer.Police + ".example", Reason: "has left"}
	h.call("analyst", http.MethodGet, "/v1/datasets", nil).want(http.StatusOK, nil)
	for _, lift := range []bool{false, true} {
		row.Lift = lift
		if err := gateway.Revoke(t.Context(), h.cfg, row); err != nil {
			t.Fatal(err)
		}
		h.restart()
		want := http.StatusUnauthorized
		if lift {
			want = http.StatusOK
		}
		h.call("analyst", http.MethodGet, "/v1/datasets", nil).want(want, nil)
		h.call("supervisor", http.MethodGet, "/v1/datasets", nil).want(http.StatusOK, nil)
	}
	if err := gateway.Revoke(t.Context(), h.cfg, revocation.Row{Reason: "x"}); !fault.Is(err, fault.Invalid) {
		t.Errorf("nothing named: %v", err)
	}
}

// revoke revokes a persona of the police.
func (h *house) revoke(persona string) {
	h.t.Helper()
	row := revocation.Row{Agency: devissuer.Police, Subject: persona + "@" + devissuer.Police + ".example", Reason: "has left"}
	if err := gateway.Revoke(h.t.Context(), h.cfg, row); err != nil {
		h.t.Fatal(err)
	}
}

// wantNobodyIn holds a gateway to refusing everybody, and to telling the operator why.
func (h *house) wantNobodyIn(why string) {
	h.t.Helper()
	for _, persona := range []string{"analyst", "supervisor", "housing-submitter", "operator"} {
		h.call(persona, http.MethodGet, "/v1/datasets", nil).want(http.StatusServiceUnavailable, nil)
	}
	h.call("", http.MethodGet, "/readyz", nil).want(http.StatusServiceUnavailable, nil)
	h.call("", http.MethodGet, "/healthz", nil).want(http.StatusOK, nil)
	for line := range strings.Lines(h.logs.String()) {
		if strings.Contains(line, "not ready") && strings.Contains(line, why) {
			return
		}
	}
	h.t.Errorf("the operator is not told %q", why)
}

// TestMeddledRevocationsCutOff cuts rows off the end of the list in the database, all
// of them or the last, before the gateway starts: it lets nobody in, until the rows
// are put back from the log.
func TestMeddledRevocationsCutOff(t *testing.T) {
	t.Parallel()
	base := newHouse(t)
	base.revoke("analyst")
	base.revoke("supervisor")
	base.restart() // which notes them
	base.stop()
	for from, cut := range []string{"all rows", "the last row"} {
		h := base.twin(t)
		h.start()
		h.tamper("DELETE FROM events WHERE kind = 'revocation' AND n >= " + strconv.Itoa(from))
		h.wantNobodyIn("it lacks rows that the log has")
		row := revocation.Row{Agency: devissuer.Police, Subject: "somebody", Reason: "has left"}
		if err := gateway.Revoke(t.Context(), h.cfg, row); fault.CodeOf(err) != revocation.Altered {
			t.Errorf("%s cut off, another revoked: %v", cut, err)
		}
		if n, err := gateway.RestoreRevocations(t.Context(), h.cfg); err != nil || n != 2-from {
			t.Errorf("%s cut off: %d put back, %v", cut, n, err)
		}
		h.restart()
		for _, persona := range []string{"analyst", "supervisor"} {
			h.call(persona, http.MethodGet, "/v1/datasets", nil).want(http.StatusUnauthorized, nil)
		}
		h.call("ig-lead", http.MethodGet, "/v1/datasets", nil).want(http.StatusOK, nil)
		h.call("", http.MethodGet, "/readyz", nil).want(http.StatusOK, nil)
		if r := h.verify(); !r.OK {
			t.Errorf("%+v", r)
		}
		attacktest.Revocations.Refused(t, cut+" cut off before a start", 1)
	}
}

// TestRevokedAfterBackup restores a backup from before a revocation, with an export of
// the log from after it: nobody is let in until what the log has is put back.
func TestRevokedAfterBackup(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	file := h.copyOf(false)
	h.revoke("analyst")
	h.restart()
	if err := h.gw.PublishCheckpoint(t.Context()); err != nil {
		t.Fatal(err)
	}
	export := filepath.Join(t.TempDir(), "log.ndjson")
	write(t, export, string(h.call("ig-lead", http.MethodGet, "/v1/audit/export?log_purpose=data-integrity", nil, "Accept", "application/x-ndjson").want(http.StatusOK, nil).body))
	h.stop()
	h.moveAway()
	if _, err := gateway.Restore(t.Context(), h.cfg, gateway.RestoreOptions{File: file, Log: export}); err != nil {
		t.Fatal(err)
	}
	h.start()
	h.wantNobodyIn("it lacks rows that the log has")
	if n, err := gateway.RestoreRevocations(t.Context(), h.cfg); err != nil || n != 1 {
		t.Errorf("%d put back, %v", n, err)
	}
	h.restart()
	h.call("analyst", http.MethodGet, "/v1/datasets", nil).want(http.StatusUnauthorized, nil)
	h.call("supervisor", http.MethodGet, "/v1/datasets", nil).want(http.StatusOK, nil)
}
