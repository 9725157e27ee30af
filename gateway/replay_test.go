package gateway_test

import (
	"context"
	"net/http"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/concord-gateway/concord/gateway"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/keyring/local"
	"github.com/concord-gateway/concord/gateway/policy"
	"github.com/concord-gateway/concord/gateway/replay"
	"github.com/concord-gateway/concord/gateway/store/sqlite"
)

// oneEngine is an archive of one revision.
type oneEngine struct{ rules *policy.Engine }

func (e oneEngine) Engine(_ context.Context, revision string) (*policy.Engine, error) {
	if revision != e.rules.Revision() {
		return nil, fault.New(fault.NotFound, "test", "That revision was never archived.")
	}
	return e.rules, nil
}

// TestInvariant10WholeLog asks a running gateway everything, about persons and
// areas, with emergencies, refusals and a quota that is used up, and replays its
// log from beside it, by rules that were loaded afresh.
func TestInvariant10WholeLog(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for _, s := range fullRows() {
		h.submit(s)
	}
	h.freeze()
	h.assign(everyIdentifier())
	asked := int64(0)
	for _, purpose := range purposes() {
		for _, ground := range []string{"", "threat_to_life", "a whim"} {
			q := ask(purpose, everyIdentifier())
			if ground != "" {
				q = emergency(q, ground)
			}
			h.call("analyst", http.MethodPost, subjectPath, q)
			asked++
		}
		h.call("supervisor", http.MethodPost, "/v1/profiles/area", askArea(purpose, "E06000020", "2026-01", "2026-06", "month"))
		asked++
	}
	for range 45 {
		h.call("analyst", http.MethodPost, subjectPath, ask("modern-slavery-safeguarding", everyIdentifier()))
		asked++
	}
	refusedAt := []string{"supervisor", "operator"}
	for _, persona := range refusedAt { // by the route, before the policy on release
		h.call(persona, http.MethodPost, subjectPath, ask("soc-investigation", everyIdentifier())).want(http.StatusForbidden, nil)
	}
	db, err := sqlite.Open(t.Context(), h.cfg.DataDir, sqlite.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	keys, err := local.Open(filepath.Join(h.cfg.DataDir, gateway.KeysDir))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = keys.Close() }()
	rules := newPolicy(t)
	r, err := replay.Replay(t.Context(), replay.Source{Store: db.Log(), Keys: keys}, oneEngine{rules}, replay.Options{})
	if err != nil {
		t.Fatal(err)
	}
	r.Took = 0
	want := replay.Report{
		Requests: asked + int64(len(refusedAt)), Decisions: asked, Identical: asked, Differing: []replay.Difference{},
		NotReplayable: map[replay.Reason]int64{replay.NoFacts: int64(len(refusedAt))},
		Revisions:     []replay.RevisionCount{{Revision: rules.Revision(), Identical: asked}},
	}
	if diff := cmp.Diff(want, r); diff != "" || !r.OK() {
		t.Errorf("report (-want +got):\n%s", diff)
	}
}
