package gateway_test

import (
	"testing"

	"github.com/concord-gateway/concord/gateway"
	"github.com/concord-gateway/concord/gateway/fault"
)

// TestOneGatewayToAFolder keeps a second gateway out while the first runs, and
// lets it in afterwards.
func TestOneGatewayToAFolder(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	if g, err := gateway.New(t.Context(), h.cfg, gateway.Options{Clock: h.clock.Now}); !fault.Is(err, fault.Conflict) {
		if g != nil {
			_ = g.Close(t.Context())
		}
		t.Fatalf("a second gateway: %v, want a conflict", err)
	}
	h.restart()
}
