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

// TestRevokeOnTwoGateways revokes a subject, a token and a certificate while two
// gateways run on one store, both of which have just let them in and have the tokens in
// their memory: within revocation.Patience, in real time, neither does any more, and
// everybody else gets in as before.
func TestRevokeOnTwoGateways(t *testing.T) {
	t.Parallel()
	one, other, store := twoHouses(t, behindProxy)
	all := credentials(t, one)
	for _, c := range all {
		for _, h := range []*house{one, other} {
			if got := c.status(h); got != http.StatusOK {
				t.Fatalf("%s, before: status %d", c.name, got)
			}
		}
	}
	for _, c := range all[:3] {
		c.row.Reason = "lost"
		if err := gateway.Revoke(t.Context(), one.cfg, c.row); err != nil {
			t.Fatal(err)
		}
	}
	revoked := time.Now()
	eventually(t, "the revocations reach both gateways", func() bool {
		refused := true
		for _, c := range all[:3] {
			for _, h := range []*house{one, other} {
				begun := time.Since(revoked)
				in := c.status(h) != http.StatusUnauthorized
				if in && begun > revocation.Patience {
					t.Fatalf("%s was let in after %v, at most %v are promised", c.name, begun, revocation.Patience)
				}
				refused = refused && !in
			}
		}
		return refused
	})
	for _, c := range all[3:] {
		for _, h := range []*house{one, other} {
			if got := c.status(h); got != http.StatusOK {
				t.Errorf("%s, after: status %d", c.name, got)
			}
		}
	}
	eventually(t, "the log has them", func() bool { return notedRevocations(t, store) == 3 })
	oneLog(t, store, one, other)
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
		return event.Event{}, fault.New(fault.Unavailable, "test", "the list is out of reach")
	}
	return u.Store.Last(ctx, kind, id)
}

func (u unreadableEvents) Stream(ctx context.Context, kind, id string) ([]event.Event, error) {
	if kind == "revocation" && u.off.Load() {
		return nil, fault.New(fault.Unavailable, "test", "the list is out of reach")
	}
	return u.Store.Stream(ctx, kind, id)
}

// TestRevocationsOutOfReach: a gateway that cannot read the list lets nobody in any more
// within revocation.Patience, in real time, and so nobody who was revoked meanwhile. The
// other one goes on. When it can read the list again it does, and knows who was revoked.
func TestRevocationsOutOfReach(t *testing.T) {
	t.Parallel()
	one, other, _ := twoHouses(t)
	other.stop()
	var off atomic.Bool
	other.options = func(o *gateway.Options) {
		o.Store = func(s gateway.Store) gateway.Store { return unreadable{s, &off} }
	}
	other.start()
	statuses := func(h *house) (analyst, supervisor int) {
		return h.call("analyst", http.MethodGet, "/v1/datasets", nil).status, h.call("supervisor", http.MethodGet, "/v1/datasets", nil).status
	}
	want := func(h *house, analyst, supervisor int) func() bool {
		return func() bool { a, s := statuses(h); return a == analyst && s == supervisor }
	}
	if !want(other, http.StatusOK, http.StatusOK)() {
		t.Fatal("refused from the beginning")
	}
	off.Store(true)
	hidden := time.Now()
	one.revoke("analyst")
	eventually(t, "nobody is let in", func() bool {
		begun := time.Since(hidden)
		analyst, supervisor := statuses(other)
		if begun > revocation.Patience && (analyst == http.StatusOK || supervisor == http.StatusOK) {
			t.Fatalf("somebody was let in %v after the list was last read, at most %v are promised", begun, revocation.Patience)
		}
		return analyst == http.StatusServiceUnavailable && supervisor == http.StatusServiceUnavailable
	})
	if !want(one, http.StatusUnauthorized, http.StatusOK)() {
		t.Error("the gateway that reads the list does not go by it")
	}
	other.wantNobodyIn("the list is out of reach")
	off.Store(false)
	eventually(t, "those who are not revoked are let in again", want(other, http.StatusUnauthorized, http.StatusOK))
	other.call("", http.MethodGet, "/readyz", nil).want(http.StatusOK, nil)
}
