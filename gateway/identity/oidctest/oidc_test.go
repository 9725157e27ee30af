package oidctest_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	jose "github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"
	"github.com/zitadel/oidc/v3/pkg/op"

	"github.com/concord-gateway/concord/gateway/attacktest"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/identity"
	"github.com/concord-gateway/concord/gateway/identity/provider"
)

const (
	audience     = "https://concord.example"
	clientID     = "nightly-export"
	clientSecret = "not-a-secret"
)

// world is a provider that runs, and a verifier that trusts it.
type world struct {
	*httptest.Server

	storage  *storage
	down     atomic.Bool
	ahead    atomic.Int64 // how far the clock of the keys is ahead of the day
	keys     *provider.Keys
	verifier *identity.Verifier
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{storage: &storage{keys: []*key{rsaKey(t)}, claims: map[string]any{"agency": "telford-housing", "groups": []string{"concord-submitters", "staff"}}}}
	var handler http.Handler
	w.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if w.down.Load() {
			rw.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		handler.ServeHTTP(rw, r)
	}))
	w.StartTLS()
	t.Cleanup(w.Close)
	p, err := op.NewProvider(&op.Config{}, w.storage, op.StaticIssuer(w.URL))
	if err != nil {
		t.Fatal(err)
	}
	handler = p
	roots := x509.NewCertPool()
	roots.AddCert(w.Certificate())
	w.keys = provider.New(provider.Options{
		Issuer: w.URL, Roots: roots, Keep: time.Hour, Gap: 10 * time.Second,
		Clock: func() time.Time { return time.Now().Add(time.Duration(w.ahead.Load())) },
	})
	t.Cleanup(func() { _ = w.keys.Close() })
	w.verifier, err = identity.NewVerifier([]identity.Issuer{{
		Name: w.URL, Agency: "telford-housing", Audience: audience, Keys: w.keys, Roles: []identity.Role{identity.Submitter, identity.PartnerIG},
		Algorithms: []string{identity.RS256, identity.ES256}, Type: "JWT",
		Claims: identity.Mapping{Roles: "groups", RoleNames: map[string]identity.Role{"concord-submitters": identity.Submitter}},
	}}, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// token asks the provider for an access token, as a nightly job does.
func (w *world) token(t *testing.T) string {
	t.Helper()
	form := url.Values{"grant_type": {"client_credentials"}, "scope": {"submit"}}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.URL+"/oauth/token", strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.SetBasicAuth(clientID, clientSecret)
	res, err := w.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var got struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.NewDecoder(res.Body).Decode(&got); err != nil || got.AccessToken == "" {
		t.Fatalf("status %d, %v", res.StatusCode, err)
	}
	return got.AccessToken
}

// want verifies a token and compares how that ends; "" is a principal.
func (w *world) want(t *testing.T, token string, kind fault.Kind) {
	t.Helper()
	p, err := w.verifier.Verify(t.Context(), identity.Presented{Scheme: identity.SchemeBearer, Token: token})
	if fault.KindOf(err) != kind || (err == nil) != (p.Subject == clientID) {
		t.Errorf("got %+v, %v; want %q", p, err, kind)
	}
}

func (w *world) pass(d time.Duration) { w.ahead.Add(int64(d)) }

func rsaKey(t *testing.T) *key {
	t.Helper()
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return &key{id: rand.Text(), use: "sig", alg: jose.RS256, private: private, public: private.Public()}
}

func ecKey(t *testing.T) *key {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return &key{id: rand.Text(), use: "sig", alg: jose.ES256, private: private, public: private.Public()}
}

// TestProvider: discovery, a token of a nightly job, rotation from RSA to P-256
// while running, an outage, and recovery.
func TestProvider(t *testing.T) {
	w := newWorld(t)
	got, err := w.verifier.Verify(t.Context(), identity.Presented{Scheme: identity.SchemeBearer, Token: w.token(t)})
	wanted := identity.Principal{Subject: clientID, Agency: "telford-housing", Roles: []identity.Role{identity.Submitter}, Service: true}
	if diff := cmp.Diff(wanted, got); diff != "" || err != nil {
		t.Fatalf("%v\n%s", err, diff)
	}
	old := w.storage.keys[0]
	left := w.token(t) // signed with the old key, and not seen before the rotation is over
	leftToo := w.token(t)
	next := ecKey(t)
	encryption := &key{id: rand.Text(), use: "enc", alg: jose.RS256, private: old.private, public: old.public}
	w.storage.rotate(encryption, old, next)
	w.want(t, w.token(t), fault.Unauthenticated) // within the gap
	w.pass(10 * time.Second)
	w.want(t, w.token(t), "")
	w.want(t, left, "")
	w.storage.rotate(next)
	if err := w.keys.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.want(t, leftToo, fault.Unauthenticated)
	third := ecKey(t)
	signed := w.token(t)
	w.storage.rotate(next, third)
	unknown := w.token(t)
	w.down.Store(true)
	w.pass(59 * time.Minute)
	w.want(t, signed, "")
	w.want(t, unknown, fault.Unavailable)
	w.pass(time.Minute)
	w.want(t, unknown, fault.Unavailable)
	w.down.Store(false)
	w.pass(10 * time.Second)
	w.want(t, unknown, "")
}

// TestIDToken: what the provider makes for a client is no access token, whoever
// the client is.
func TestIDToken(t *testing.T) {
	w := newWorld(t)
	access := w.token(t)
	for name, c := range map[string]struct {
		request request
		access  string
	}{
		"of a client":                     {request{subject: "ada", client: "portal", audience: []string{"portal"}}, access},
		"of a client, for Concord too":    {request{subject: "ada", client: "portal", audience: []string{audience}}, ""},
		"of Concord as a client":          {request{subject: "ada", client: audience, audience: []string{audience}}, ""},
		"of Concord as a client, at_hash": {request{subject: "ada", client: audience, audience: []string{audience}}, access},
	} {
		token, err := op.CreateIDToken(t.Context(), w.URL, c.request, time.Hour, c.access, "", w.storage, client{id: c.request.client})
		if err != nil {
			t.Fatal(err)
		}
		w.want(t, token, fault.Unauthenticated)
		attacktest.OtherTokens.Refused(t, "ID token of a real provider, "+name, 1)
	}
}

// TestAnotherAgency: a provider cannot speak for another agency, nor give a role
// that it has not, nor be another issuer.
func TestAnotherAgency(t *testing.T) {
	w := newWorld(t)
	for name, claims := range map[string]map[string]any{
		"agency of another": {"agency": "west-mercia-police", "groups": []string{"concord-submitters"}},
		"no agency":         {"groups": []string{"concord-submitters"}},
		"no role":           {"agency": "telford-housing", "groups": []string{"staff"}},
		"no groups":         {"agency": "telford-housing"},
		"a nonce":           {"agency": "telford-housing", "groups": []string{"concord-submitters"}, "nonce": "x"},
	} {
		w.storage.mu.Lock()
		w.storage.claims = claims
		w.storage.mu.Unlock()
		w.want(t, w.token(t), fault.Unauthenticated)
		attacktest.TokenClaims.Refused(t, "of a real provider, "+name, 1)
	}
}
