package gateway_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/config"
)

// yearsLater is past the retention of every agreement.
const yearsLater = 12 * 365 * 24 * time.Hour

// TestRetention lets the retention of everything end while the gateway is stopped, as
// after a restore from a backup: when it serves again, nothing is left, each provider
// finds in its register that its records went, and the keys are destroyed.
func TestRetention(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.fill()
	var answer subjectAnswer
	h.call("analyst", http.MethodPost, subjectPath, ask("soc-investigation", rowan())).want(http.StatusOK, &answer)
	before, _ := h.register("housing-ig")
	h.clock.Advance(24 * time.Hour)
	h.restart()
	if h.stored().records == 0 {
		t.Fatal("erased before its time")
	}
	h.clock.Advance(yearsLater)
	h.restart()
	if n := h.stored().records; n != 0 {
		t.Errorf("%d records are left", n)
	}
	seen, _ := h.register("housing-ig")
	var expired int
	for _, i := range seen {
		if i.Entry.Action == audit.Erase && i.Entry.Admin["reason"] == "retention" && i.Entry.Provider == "telford-housing" {
			expired++
		}
	}
	if expired == 0 || len(seen) < len(before)+expired {
		t.Errorf("%d entries in the register say that records expired", expired)
	}
	if !strings.Contains(h.openEntries(), `"key":"destroyed"`) {
		t.Error("no entry says that a key was destroyed")
	}
	const erasures = `"reason":"retention"`
	logged := strings.Count(h.openEntries(), erasures)
	h.restart()
	if again := strings.Count(h.openEntries(), erasures); again != logged || logged == 0 {
		t.Errorf("%d entries of erasures, and %d after another start", logged, again)
	}
	if r := h.verify(); !r.OK {
		t.Errorf("%+v", r)
	}
}

// TestRetentionInTheBackground erases while the gateway serves.
func TestRetentionInTheBackground(t *testing.T) {
	t.Parallel()
	h := newHouse(t, func(c *config.Config) { c.Retention.Every = 20 * time.Millisecond })
	h.fill()
	if h.stored().records == 0 {
		t.Fatal("nothing to erase")
	}
	h.clock.Advance(yearsLater)
	eventually(t, "the records are erased", func() bool { return h.stored().records == 0 })
}
