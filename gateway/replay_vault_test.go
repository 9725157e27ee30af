package gateway_test

import (
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/concord-gateway/concord/gateway"
	"github.com/concord-gateway/concord/gateway/config"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/keyring/vaulttest"
	"github.com/concord-gateway/concord/gateway/replay"
	"github.com/concord-gateway/concord/gateway/store/mongotest"
)

// TestInvariant10ReplayWithVault replays the log of a running gateway whose keys are in
// Vault, beside it and by its configuration alone, on each engine: every decision is the
// same, and nothing is made or written.
func TestInvariant10ReplayWithVault(t *testing.T) {
	t.Parallel()
	for name, engine := range map[string]func(*config.Config){
		"sqlite": func(*config.Config) {},
		"mongo": func(c *config.Config) {
			c.Store.Mongo = config.Mongo{URI: mongotest.URI(t), Database: mongotest.Database(t)}
		},
	} {
		v := vaulttest.New(t)
		h := newHouse(t, onVault(v), engine)
		h.fill()
		for _, purpose := range []string{"soc-investigation", "tenancy-enforcement", "modern-slavery-safeguarding"} {
			h.call("analyst", http.MethodPost, subjectPath, ask(purpose, rowan()))
		}
		before := v.Contents(t)
		production := *h.cfg
		production.Production = true
		report, err := gateway.Replay(t.Context(), &production, replay.Options{})
		if err != nil || !report.OK() || report.Decisions != 3 || report.Identical != 3 {
			t.Errorf("%s: %+v, %v", name, report, err)
		}
		files, err := theFiles()
		if err != nil {
			t.Fatal(err)
		}
		same, err := gateway.Impact(t.Context(), h.cfg, files, replay.ImpactOptions{At: testDay()})
		if err != nil || same.Current != h.gw.Revision() {
			t.Errorf("%s: %+v, %v", name, same, err)
		}
		// A second time, and with the wrong keys: nothing is believed or made.
		again, err := gateway.Replay(t.Context(), h.cfg, replay.Options{})
		report.Took, again.Took = 0, 0
		if diff := cmp.Diff(report, again); diff != "" || err != nil {
			t.Errorf("%s, again (%v):\n%s", name, err, diff)
		}
		for what, other := range otherVaults(t) {
			cfg, there := *h.cfg, other.Contents(t)
			onVault(other)(&cfg)
			if _, err := gateway.Replay(t.Context(), &cfg, replay.Options{}); !fault.Is(err, fault.Unavailable) {
				t.Errorf("%s, %s: %v", name, what, err)
			}
			if r, err := gateway.Impact(t.Context(), &cfg, files, replay.ImpactOptions{At: testDay()}); !fault.Is(err, fault.Unavailable) {
				t.Errorf("%s, %s: an impact report %+v, %v", name, what, r, err)
			}
			if now := other.Contents(t); now != there {
				t.Errorf("%s: %s has\n%s\nbefore:\n%s", name, what, now, there)
			}
		}
		if after := v.Contents(t); after != before {
			t.Errorf("%s: Vault has\n%s\nbefore:\n%s", name, after, before)
		}
	}
}
