package gateway_test

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/concord-gateway/concord/gateway"
	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/config"
	"github.com/concord-gateway/concord/gateway/event"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/identity"
	"github.com/concord-gateway/concord/gateway/identity/devissuer"
	"github.com/concord-gateway/concord/gateway/identity/revocation"
)

// behindProxy is a proxy on loopback that gives the client's certificate (RFC 9440).
func behindProxy(c *config.Config) {
	c.Proxies = config.Proxies{Addresses: []string{"127.0.0.1"}, ClientCertHeader: "Client-Cert"}
}

// clientCert is a certificate as a proxy gives it, and its thumbprint.
func clientCert(t *testing.T) (header, thumbprint string) {
	t.Helper()
	public, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	about := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "partner"}, NotAfter: time.Now().Add(time.Hour)}
	raw, err := x509.CreateCertificate(rand.Reader, about, about, public, key)
	if err != nil {
		t.Fatal(err)
	}
	return ":" + base64.StdEncoding.EncodeToString(raw) + ":", identity.Thumbprint(&x509.Certificate{Raw: raw})
}

// jtiOf is the identifier of a token.
func jtiOf(t *testing.T, token string) string {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	var claims struct {
		ID string `json:"jti"`
	}
	if err == nil {
		err = json.Unmarshal(raw, &claims)
	}
	if err != nil || claims.ID == "" {
		t.Fatalf("a token without an identifier: %v", err)
	}
	return claims.ID
}

// credential is what somebody shows, and what revokes it.
type credential struct {
	name, token string
	headers     []string
	row         revocation.Row
}

func (c *credential) status(h *house) int {
	h.t.Helper()
	return h.callWith(c.token, http.MethodGet, "/v1/datasets", nil, c.headers...).status
}

func credentials(t *testing.T, h *house) []*credential {
	t.Helper()
	token, certificate := h.token("supervisor"), h.token("ig-lead")
	header, thumbprint := clientCert(t)
	return []*credential{
		{"subject", h.token("analyst"), nil, revocation.Row{Agency: devissuer.Police, Subject: "analyst@" + devissuer.Police + ".example"}},
		{"token", token, nil, revocation.Row{Issuer: devissuer.Name(devissuer.Police), TokenID: jtiOf(t, token)}},
		{"certificate", certificate, []string{"Client-Cert", header}, revocation.Row{Certificate: thumbprint}},
		// What is not revoked: another subject, another token of the same one, and the same
		// token with no certificate.
		{"another subject", h.token("housing-submitter"), nil, revocation.Row{}},
		{"another token", h.token("supervisor"), nil, revocation.Row{}},
		{"no certificate", certificate, nil, revocation.Row{}},
	}
}

// realPatience has TestRevokeOnSeveralGateways wait as long as a gateway does. `make soak`
// sets it.
const realPatience = "CONCORD_TEST_PATIENCE"

// TestRevokeOnSeveralGateways revokes a subject, a token and a certificate while three
// gateways run on one store, all of which have just let them in and have the tokens in
// their memory. Within revocation.Patience no gateway lets them in any more: two, in real
// time, since they have read the list, and go on for everybody else; the third, which
// cannot read it, since it lets nobody in. When it can, it knows who was revoked. Its
// patience is by a clock that the test moves, or with realPatience by the system's.
func TestRevokeOnSeveralGateways(t *testing.T) {
	t.Parallel()
	one, other, store := twoHouses(t, behindProxy)
	third, eyes := one.blind(os.Getenv(realPatience) != "")
	all := credentials(t, one)
	revoked, others := all[:3], all[3:]
	for _, h := range []*house{one, other, third} {
		h.wantAll(all, http.StatusOK)
	}
	eyes.off.Store(true)
	hidden := time.Now()
	for _, c := range revoked {
		c.row.Reason = "lost"
		if err := gateway.Revoke(t.Context(), one.cfg, c.row); err != nil {
			t.Fatal(err)
		}
	}
	since := time.Now()
	eventually(t, "the revocations reach both gateways", func() bool {
		a, b := one.all(revoked, http.StatusUnauthorized, since), other.all(revoked, http.StatusUnauthorized, since)
		return a && b
	})
	for _, h := range []*house{one, other} {
		h.wantAll(others, http.StatusOK)
	}
	eventually(t, "the third gateway finds the list out of reach", func() bool { return strings.Contains(third.logs.String(), outOfReach) })
	if eyes.real {
		eventually(t, "the third gateway lets nobody in", func() bool { return third.all(all, http.StatusServiceUnavailable, hidden) })
	} else {
		eyes.elapsed.Store(int64(revocation.Patience))
		third.wantAll(all, http.StatusOK)
		eyes.elapsed.Add(1)
		third.wantAll(all, http.StatusServiceUnavailable)
	}
	third.wantNobodyIn(outOfReach)
	one.wantAll(others, http.StatusOK)
	eyes.off.Store(false)
	if !eyes.real { // which reads the list at once, and not at its next time
		third.restart()
	}
	eventually(t, "the third gateway reads the list", func() bool {
		return third.all(others, http.StatusOK, time.Now()) && third.all(revoked, http.StatusUnauthorized, since)
	})
	third.call("", http.MethodGet, "/readyz", nil).want(http.StatusOK, nil)
	if n := notedRevocations(t, store); n != len(revoked) {
		t.Errorf("the log has %d rows of the list, want %d", n, len(revoked))
	}
	oneLog(t, store, one)
}

// all reports whether each credential is answered with a status. One that is not, and
// is let in although the call began later than revocation.Patience after since, is a
// failure.
func (h *house) all(shown []*credential, status int, since time.Time) bool {
	h.t.Helper()
	all := true
	for _, c := range shown {
		after := time.Since(since)
		got := c.status(h)
		if all = all && got == status; got == status {
			continue
		}
		if got == http.StatusOK && after > revocation.Patience {
			h.t.Fatalf("%s was let in after %v, at most %v are promised", c.name, after, revocation.Patience)
		}
	}
	return all
}

func (h *house) wantAll(shown []*credential, status int) {
	h.t.Helper()
	for _, c := range shown {
		if got := c.status(h); got != status {
			h.t.Errorf("%s: status %d, want %d", c.name, got, status)
		}
	}
}

// eyes are those of a gateway on the list of revocations.
type eyes struct {
	off atomic.Bool
	// real is whether time passes by itself, and elapsed how much of it did otherwise.
	real    bool
	elapsed atomic.Int64
}

// outOfReach is why a list cannot be read while eyes are off.
const outOfReach = "the list is out of reach"

// blind starts another gateway on the store of a house, which cannot read the list of
// revocations while its eyes are off.
func (h *house) blind(realTime bool) (third *house, e *eyes) {
	h.t.Helper()
	e = &eyes{real: realTime}
	began := time.Now()
	return h.beside(func(o *gateway.Options) {
		o.Store = func(s gateway.Store) gateway.Store { return unreadable{s, &e.off} }
		if !realTime {
			o.Elapsing = func() time.Time { return began.Add(time.Duration(e.elapsed.Load())) }
		}
	}), e
}

// notedRevocations counts the rows of the list that the log has.
func notedRevocations(t *testing.T, store gateway.Store) int {
	t.Helper()
	found, err := audit.Search(t.Context(), store.Log(), audit.Query{Action: audit.Admin, Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]bool{} // gateways that meet note one twice
	for _, e := range found {
		if d := e.Entry.Admin; d["kind"] == "revocation" && len(d["list"]) == 64 {
			rows[d["row"]] = true
		}
	}
	return len(rows)
}

// unreadable is a store whose list of revocations cannot be read while off is set.
type unreadable struct {
	gateway.Store

	off *atomic.Bool
}

func (u unreadable) Events() event.Store { return unreadableEvents{u.Store.Events(), u.off} }

type unreadableEvents struct {
	event.Store

	off *atomic.Bool
}

func (u unreadableEvents) Last(ctx context.Context, kind, id string) (event.Event, error) {
	if kind == "revocation" && u.off.Load() {
		return event.Event{}, fault.New(fault.Unavailable, "test", outOfReach)
	}
	return u.Store.Last(ctx, kind, id)
}

func (u unreadableEvents) Stream(ctx context.Context, kind, id string) ([]event.Event, error) {
	if kind == "revocation" && u.off.Load() {
		return nil, fault.New(fault.Unavailable, "test", outOfReach)
	}
	return u.Store.Stream(ctx, kind, id)
}
