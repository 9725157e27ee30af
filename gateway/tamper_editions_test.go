package gateway_test

import (
	"net/http"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}

// telford is the local authority that the editions are of.
const telford = "E06000020"

// assaultsOf returns what is published of two months.
func (h *house) assaultsOf() []string {
	h.t.Helper()
	return texts(h.area("analyst", askArea("soc-local-profile", telford, "2026-03", "2026-04", "month")).cells("health.assaults"))
}

// TestSecondEdition freezes twice with data added in between: what moved by
// fewer than eight keeps its published value, what moved by more does not.
func TestSecondEdition(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.assaults("a", map[string]int{telford + " 2026-03": 25, telford + " 2026-04": 40})
	h.freeze()
	first := h.assaultsOf()
	h.assaults("b", map[string]int{telford + " 2026-03": 4, telford + " 2026-04": 20})
	h.restart() // what was protected comes from the store
	h.freeze()
	second := h.assaultsOf()
	if len(first) != 2 || first[0] != second[0] || first[1] == second[1] {
		t.Errorf("%v, then %v", first, second)
	}
	h.freeze()
	if third := h.assaultsOf(); cmp.Diff(second, third) != "" {
		t.Errorf("%v, then %v", second, third)
	}
}

func (h *house) editions() []map[string]any {
	h.t.Helper()
	var page struct{ Items []map[string]any }
	h.call("supervisor", http.MethodGet, "/v1/editions", nil).want(http.StatusOK, &page)
	return page.Items
}

// twoEditions freezes two that differ.
func twoEditions(t *testing.T) *house {
	t.Helper()
	h := newHouse(t)
	h.assaults("a", map[string]int{telford + " 2026-03": 25, telford + " 2026-04": 40})
	h.freeze()
	h.clock.Advance(time.Hour)
	h.assaults("b", map[string]int{telford + " 2026-03": 30, telford + " 2026-04": 3})
	h.freeze()
	return h
}

const manifests = "kind = 'edition' AND id = 'all'"

// TestForgedManifest puts the manifest of the first edition in the place of the
// newest, behind it, and in plain: it is not believed, and nothing is answered
// or frozen in its stead.
func TestForgedManifest(t *testing.T) {
	t.Parallel()
	base := twoEditions(t)
	base.stop()
	for name, statement := range map[string]string{
		"added":     "INSERT INTO events SELECT kind, id, 2, body FROM events WHERE n = 0 AND " + manifests,
		"exchanged": "UPDATE events SET body = (SELECT body FROM events WHERE n = 0 AND " + manifests + ") WHERE n = 1 AND " + manifests,
		"plain":     "INSERT INTO events SELECT kind, id, 2, CAST('{}' AS BLOB) FROM events WHERE n = 0 AND " + manifests,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := base.twin(t)
			h.tamper(statement)
			noData(t, "area", h.call("analyst", http.MethodPost, "/v1/profiles/area", askArea("soc-local-profile", telford, "2026-03", "2026-04", "month")))
			noData(t, "list", h.call("supervisor", http.MethodGet, "/v1/editions", nil))
			noData(t, "freeze", h.call("supervisor", http.MethodPost, "/v1/editions", nil))
		})
	}
}

// TestForgedSeries exchanges, removes and adds sealed series.
func TestForgedSeries(t *testing.T) {
	t.Parallel()
	base := twoEditions(t)
	base.stop()
	const newest = "id = (SELECT max(id) FROM events WHERE kind = 'edition-series')"
	for name, statement := range map[string]string{
		"body of the edition before": "UPDATE events SET body = (SELECT o.body FROM events o WHERE o.kind = 'edition-series' AND o.n = events.n AND o.id < events.id)" +
			" WHERE kind = 'edition-series' AND n = 0 AND " + newest,
		"exchanged": "UPDATE events SET n = CASE n WHEN 0 THEN 1 ELSE 0 END + 100 WHERE kind = 'edition-series' AND n < 2 AND " + newest,
		"removed":   "DELETE FROM events WHERE kind = 'edition-series' AND n = 0 AND " + newest,
		"added":     "INSERT INTO events SELECT kind, id, n + 100, body FROM events WHERE kind = 'edition-series' AND n = 0 AND " + newest,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := base.twin(t)
			h.tamper(statement)
			noData(t, "area", h.call("analyst", http.MethodPost, "/v1/profiles/area", askArea("soc-local-profile", telford, "2026-03", "2026-04", "month")))
			noData(t, "freeze", h.call("supervisor", http.MethodPost, "/v1/editions", nil))
		})
	}
}

// TestDeletedEditions deletes the editions, so that the next would be protected
// without what was published before. The log knows them: nothing is frozen.
func TestDeletedEditions(t *testing.T) {
	t.Parallel()
	base := twoEditions(t)
	base.stop()
	for name, statement := range map[string]string{
		"all":    "DELETE FROM events WHERE kind IN ('edition', 'edition-series')",
		"newest": "DELETE FROM events WHERE kind = 'edition' AND n = 1 OR id = (SELECT max(id) FROM events WHERE kind = 'edition-series')",
		"first":  "DELETE FROM events WHERE kind = 'edition' AND n = 0 OR id = (SELECT min(id) FROM events WHERE kind = 'edition-series')",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := base.twin(t)
			h.tamper(statement)
			r := h.call("supervisor", http.MethodPost, "/v1/editions", nil)
			noData(t, "freeze", r)
			if name != "first" { // which is seen by the gap already
				r.problem(http.StatusServiceUnavailable, "edition-lost")
			}
		})
	}
}

// TestLostManifest takes the manifests away alone, which is what the end of the
// process between log entry and manifest leaves of the newest: the next freeze
// finds the editions in the log, and protects against them.
func TestLostManifest(t *testing.T) {
	t.Parallel()
	base := twoEditions(t)
	before, published := base.editions(), base.assaultsOf()
	base.stop()
	for name, which := range map[string]string{"newest": "n = 1 AND ", "all": ""} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := base.twin(t)
			h.tamper("DELETE FROM events WHERE " + which + manifests)
			h.assaults("c", map[string]int{telford + " 2026-03": 4})
			third := h.freeze()
			if diff := cmp.Diff(append(slices.Clone(before), third), h.editions()); diff != "" {
				t.Errorf("(-frozen +listed):\n%s", diff)
			}
			if now := h.assaultsOf(); cmp.Diff(published, now) != "" {
				t.Errorf("%v, then %v: the editions before were forgotten", published, now)
			}
		})
	}
}

// TestFreezeAtOnce freezes several editions at once: each that is answered is
// listed once, and none blocks the next.
func TestFreezeAtOnce(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.assaults("a", map[string]int{telford + " 2026-03": 25})
	const callers = 6
	var answers [callers]*response
	var wg sync.WaitGroup
	token := h.token("supervisor")
	for i := range callers {
		wg.Go(func() { answers[i] = h.callWith(token, http.MethodPost, "/v1/editions", nil) })
	}
	wg.Wait()
	frozen := 0
	for _, r := range answers {
		if r.status == http.StatusCreated {
			frozen++
		} else {
			r.problem(http.StatusConflict, "edition-exists")
		}
	}
	h.freeze()
	if got := h.editions(); frozen == 0 || len(got) != frozen+1 {
		t.Errorf("%d editions were answered, %d are listed: %v", frozen+1, len(got), got)
	}
}
