package gateway_test

import (
	"net/http"
	"testing"

	"github.com/concord-gateway/concord/gateway"
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
