package policy

import (
	"errors"
	"testing"
	"testing/fstest"

	"github.com/concord-gateway/concord/gateway/agreement"
)

// A rule that goes on and on is cut off after about as much processor time as
// it may have, however long the wall clock says it took.
func TestLongRuleIsCutOff(t *testing.T) {
	cfg := sample(t)
	core := fstest.MapFS{"agencies.json": {Data: []byte(`{}`)}}
	core["access.rego"] = &fstest.MapFile{Data: []byte("package concord.access\n\ndecision := 1\n")}
	core["release.rego"] = &fstest.MapFile{Data: []byte(`package concord.release

decision := count([1 |
	some i in numbers.range(1, 3000)
	some j in numbers.range(1, 3000)
	i + j > 0
])
`)}
	cfg.Core, cfg.Timeout = core, 0
	var err error
	if cfg.Agreements, err = agreement.Load(fstest.MapFS{}, cfg.Datasets); err != nil {
		t.Fatal(err)
	}
	e := newEngine(t, cfg)
	before := processorTime(t)
	_, err = e.Decide(t.Context(), person(nil))
	spent := processorTime(t) - before
	failsClosed(t, err, "policy-failed")
	if !errors.Is(err, errTooLong) {
		t.Errorf("got %v", err)
	}
	if spent < DefaultTimeout || spent > 20*DefaultTimeout {
		t.Errorf("it was cut off after %v of processor time", spent)
	}
}
