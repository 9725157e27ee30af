package gateway_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/concord-gateway/concord/gateway/config"
	"github.com/concord-gateway/concord/gateway/keyring/vaulttest"
)

// distant is a house whose keys are in a Vault that can be moved away and back.
type distant struct {
	*house

	vault *vaulttest.House
	proxy *vaulttest.Proxy
	url   string
	// last is the log entry of the newest answer.
	last int64
}

// newDistant starts the house. plant, where set, is done for each request before the
// gateway has it.
func newDistant(tb testing.TB, plant func(d *distant)) *distant {
	tb.Helper()
	v := vaulttest.New(tb)
	d := &distant{vault: v, proxy: vaulttest.NewProxy(tb, v.Server.Address)}
	d.house = newHouse(tb, onVault(v), func(c *config.Config) {
		c.Keys.Vault.Address, c.Log.CheckpointEvery = d.proxy.URL, farCheckpoints
	})
	d.fill()
	handler := d.gw.Handler()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if plant != nil {
			plant(d)
		}
		handler.ServeHTTP(w, r)
	}))
	tb.Cleanup(srv.Close)
	d.url = srv.URL + subjectPath
	d.block(tb, 16, 0) // warm
	return d
}

// block asks for profiles, one after the other, with Vault at a distance, and returns
// how long each took, shortest first.
func (d *distant) block(tb testing.TB, requests int, away time.Duration) []time.Duration {
	tb.Helper()
	d.proxy.Away(away / 2)
	a := newAnswerer(d.house)
	a.url = d.url
	took := make([]time.Duration, requests)
	for i := range took {
		answer, t, err := a.ask(tb)
		if err != nil {
			tb.Fatal(err)
		}
		took[i], d.last = t, *answer.AuditIndex
	}
	slices.Sort(took)
	return took
}

// published is how many entries the published checkpoint covers.
func (d *distant) published(tb testing.TB) int64 {
	tb.Helper()
	res, err := d.srv.Client().Get(d.srv.URL + "/tlog/checkpoint")
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		tb.Fatal(err)
	}
	lines := strings.Split(string(raw), "\n")
	if len(lines) < 2 { // c2sp.org/tlog-checkpoint: origin, size, root
		return 0
	}
	size, _ := strconv.ParseInt(lines[1], 10, 64)
	return size
}

// wantPublished waits until the newest answer is under a published checkpoint.
func (d *distant) wantPublished(tb testing.TB) {
	tb.Helper()
	eventually(tb, "a checkpoint is published", func() bool { return d.published(tb) > d.last })
}

// renew has every key fetched again, with Vault far away, and returns half of the
// requests' times meanwhile.
func (d *distant) renew(tb testing.TB) time.Duration {
	tb.Helper()
	const requests = 64
	before := d.proxy.Count("/decrypt/")
	d.clock.Advance(31 * time.Minute) // more than half of onVault's hour
	took := d.block(tb, requests, farAway)
	eventually(tb, "a key is fetched again", func() bool { return d.proxy.Count("/decrypt/") > before })
	d.wantPublished(tb)
	if n := d.proxy.Count("/decrypt/") - before; n >= requests {
		tb.Errorf("%d keys were fetched again during %d requests", n, requests)
	}
	return took[len(took)/2]
}
