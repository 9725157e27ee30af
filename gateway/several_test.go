package gateway_test

import (
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/concord-gateway/concord/gateway"
	"github.com/concord-gateway/concord/gateway/activation"
	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/config"
	"github.com/concord-gateway/concord/gateway/event"
	"github.com/concord-gateway/concord/gateway/store/mongotest"
)

// several is how often the other gateway looks for what this one brought into
// force.
const several = 100 * time.Millisecond

// twoHouses are two gateways on one database, with the same keys and rules, and
// the store as the first has it open.
func twoHouses(t *testing.T, change ...func(*config.Config)) (one, other *house, store gateway.Store) {
	t.Helper()
	uri, database := mongotest.URI(t), mongotest.Database(t)
	one = newHouse(t, append(change, func(c *config.Config) { c.Store.Mongo = config.Mongo{URI: uri, Database: database} })...)
	// The options of a house are set once it is there: start it again.
	one.stop()
	one.options = func(o *gateway.Options) {
		o.Store = func(s gateway.Store) gateway.Store {
			store = s
			return s
		}
	}
	one.start()
	return one, one.beside(), store
}

// beside starts another gateway on the store of a house, with options of its own.
func (h *house) beside(options ...func(*gateway.Options)) *house {
	h.t.Helper()
	other, cfg := *h, *h.cfg
	cfg.Policy.Every = several
	other.cfg, other.gw, other.options = &cfg, nil, func(o *gateway.Options) {
		for _, set := range options {
			set(o)
		}
	}
	other.start()
	return &other
}

// eventually waits until something holds.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	deadline := time.After(time.Minute)
	tick := time.NewTicker(several)
	defer tick.Stop()
	for !holds() {
		select {
		case <-deadline:
			t.Fatalf("%s: not within a minute", what)
		case <-tick.C:
		}
	}
}

// TestTwoGateways has what goes in by one gateway come out by the other: records,
// case links, editions, suspensions; and both write one log.
func TestTwoGateways(t *testing.T) {
	t.Parallel()
	one, other, store := twoHouses(t)
	if a, b := one.gw.Revision(), other.gw.Revision(); a != b {
		t.Fatalf("other rules: %s and %s", a, b)
	}
	activated := 0
	about, err := audit.Search(t.Context(), store.Log(), audit.Query{Purpose: activation.Purpose, Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range about {
		if e.Entry.Admin["kind"] == activation.KindActivated {
			activated++
		}
	}
	if activated != 1 {
		t.Errorf("the rules were announced %d times", activated)
	}

	one.fill()
	if got := other.released("soc-investigation"); !got[landlord+" housing.tenancy"] {
		t.Errorf("the other gateway releases %v", got)
	}

	other.assaults("a", map[string]int{"E06000020 2026-03": 20})
	frozen := one.freeze()
	var page struct{ Items []map[string]any }
	other.call("supervisor", http.MethodGet, "/v1/editions", nil).want(http.StatusOK, &page)
	if diff := cmp.Diff([]map[string]any{frozen}, page.Items); diff != "" {
		t.Errorf("editions (-frozen by one +listed by the other):\n%s", diff)
	}
	if a := other.area("analyst", askArea("soc-local-profile", "E06000020", "2026-01", "2026-06", "none")); a.Edition != frozen["edition"] {
		t.Errorf("the other gateway answers from edition %s", a.Edition)
	}

	one.call("approver-housing", http.MethodPost, "/v1/agreements/"+housingISA+"/suspend", map[string]string{"reason": "The assessment is being done again."}).
		want(http.StatusOK, nil)
	eventually(t, "the suspension reaches the other gateway", func() bool { return !other.released("soc-investigation")[landlord+" housing.tenancy"] })
	third := one.beside()
	if third.released("soc-investigation")[landlord+" housing.tenancy"] {
		t.Error("a gateway that starts does not know of the suspension")
	}
	if a, b := one.gw.Revision(), third.gw.Revision(); a != b {
		t.Errorf("other rules: %s and %s", a, b)
	}
	oneLog(t, store, one, other, third)
}

// oneLog stops the gateways and verifies what they wrote.
func oneLog(t *testing.T, store gateway.Store, houses ...*house) {
	t.Helper()
	key := houses[0].gw.VKey()
	for _, h := range houses {
		if err := h.gw.PublishCheckpoint(t.Context()); err != nil {
			t.Error(err)
		}
	}
	report, err := audit.Verify(t.Context(), audit.StoreSource(store.Log()), audit.VerifyOptions{Keys: []string{key}})
	if err != nil || !report.OK {
		t.Fatalf("%+v, %v", report, err)
	}
	writers := map[string]bool{}
	for n := range report.Batches {
		b, err := store.Log().Batch(t.Context(), n)
		if err != nil {
			t.Fatal(err)
		}
		writers[b.Writer] = true
	}
	if len(writers) < len(houses) {
		t.Errorf("%d sessions wrote the log of %d gateways", len(writers), len(houses))
	}
}

// TestTwoGatewaysQuota counts what is asked through either gateway, although
// neither has seen what the other answered: the log decides.
func TestTwoGatewaysQuota(t *testing.T) {
	t.Parallel()
	one, other, store := twoHouses(t)
	one.fill()
	question := ask("modern-slavery-safeguarding", rowan())
	for i := range 40 { // ISA-TH-WMP-001, clause 4.3: forty in an hour
		h := one
		if i >= 20 {
			h = other
		}
		h.call("analyst", http.MethodPost, subjectPath, question).want(http.StatusOK, nil)
	}
	for _, h := range []*house{one, other} { // one has not looked since its twentieth
		h.call("analyst", http.MethodPost, subjectPath, question).problem(http.StatusTooManyRequests, "quota_exceeded")
	}
	oneLog(t, store, one, other)
}

// TestInvariant07AnotherGatewaysSubmission leaves alone what another gateway may be
// working on, and closes what is older than any gateway works.
func TestInvariant07AnotherGatewaysSubmission(t *testing.T) {
	t.Parallel()
	one, _, store := twoHouses(t)
	opened := func(age time.Duration) string {
		at := one.clock.Now().Add(-age)
		id := fmt.Sprintf("%s-%s-7aaa-8bbb-cccccccccccc", hexTime(at)[:8], hexTime(at)[8:]) // a UUIDv7 of that time
		body := marshal(t, map[string]any{
			"agency": landlord, "subject": "housing-submitter@telford-housing.example", "dataset": "housing.tenancy",
			"agreement": housingISA, "request_id": "01a20202-f6b6-76df-9487-b2a7582ee4fe", "time": at,
		})
		if err := store.Events().Insert(t.Context(), event.Event{Kind: "submission", ID: id, Body: []byte(body)}); err != nil {
			t.Fatal(err)
		}
		return id
	}
	young, old := opened(time.Minute), opened(time.Hour)
	third := one.beside()
	var states []string
	for _, id := range []string{young, old} {
		var got submission
		third.call("housing-submitter", http.MethodGet, "/v1/submissions/"+id, nil).want(http.StatusOK, &got)
		states = append(states, got.State)
	}
	if want := []string{"processing", "interrupted"}; !slices.Equal(states, want) {
		t.Errorf("states %v, want %v", states, want)
	}
}
