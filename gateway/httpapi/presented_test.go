package httpapi_test

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/concord-gateway/concord/gateway/attacktest"
	"github.com/concord-gateway/concord/gateway/identity"
	"github.com/concord-gateway/concord/gateway/identity/devissuer"
)

// TestPresented takes the token, the proof and the certificate from where they
// belong, and from nowhere else.
func TestPresented(t *testing.T) {
	t.Parallel()
	shown := &recorder{}
	r := newRig(t, between{identity: shown, publicURL: "https://concord.example/api"})
	cert := &x509.Certificate{Raw: []byte("certificate")}
	for _, c := range []struct {
		name   string
		header http.Header
		tls    *tls.ConnectionState
		want   *identity.Presented
	}{
		{"bearer", http.Header{"Authorization": {"Bearer t"}}, nil, &identity.Presented{Scheme: "Bearer", Token: "t"}},
		{"in another case", http.Header{"Authorization": {"bEARER t"}}, nil, &identity.Presented{Scheme: "Bearer", Token: "t"}},
		{"with a proof", http.Header{"Authorization": {"DPoP t"}, "Dpop": {"p"}}, nil, &identity.Presented{Scheme: "DPoP", Token: "t", Proof: "p"}},
		{"with a certificate", http.Header{"Authorization": {"Bearer t"}}, &tls.ConnectionState{PeerCertificates: []*x509.Certificate{cert}}, &identity.Presented{Scheme: "Bearer", Token: "t", Certificate: cert}},
		{"forged headers", http.Header{
			"Authorization": {"Bearer t"}, "X-Client-Cert": {"x"}, "X-Forwarded-Client-Cert": {"Hash=x"}, "X-Ssl-Cert": {"x"},
			"X-Forwarded-Host": {"evil.example"}, "X-Forwarded-Proto": {"http"}, "Forwarded": {"host=evil.example"},
		}, &tls.ConnectionState{}, &identity.Presented{Scheme: "Bearer", Token: "t"}},
		{"no token", http.Header{}, nil, nil}, {"an empty token", http.Header{"Authorization": {"Bearer "}}, nil, nil},
		{"another scheme", http.Header{"Authorization": {"Basic dDp0"}}, nil, nil},
		{"two tokens", http.Header{"Authorization": {"Bearer t", "Bearer u"}}, nil, nil},
		{"two proofs", http.Header{"Authorization": {"DPoP t"}, "Dpop": {"p", "q"}}, nil, nil},
		{"an empty proof", http.Header{"Authorization": {"Bearer t"}, "Dpop": {""}}, nil, nil},
	} {
		shown.got = nil
		req := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/v1/datasets?x=1", http.NoBody)
		req.Header, req.TLS, req.Host = c.header, c.tls, "evil.example"
		w := httptest.NewRecorder()
		r.handler.ServeHTTP(w, req)
		if c.want != nil {
			c.want.Method, c.want.URL = http.MethodGet, "https://concord.example/api/v1/datasets"
		}
		if diff := cmp.Diff(c.want, shown.got); diff != "" || w.Code != http.StatusUnauthorized {
			t.Errorf("%s: status %d\n%s", c.name, w.Code, diff)
		}
		if !t.Failed() && (c.want == nil || c.name == "forged headers") {
			attacktest.Presented.Refused(t, c.name, max(1, len(c.header)-1))
		}
	}
}

// TestChallenges says how to come, and not why not.
func TestChallenges(t *testing.T) {
	t.Parallel()
	r := newRig(t, between{publicURL: "https://concord.example"})
	plain := newRig(t, between{})
	expired := strings.Replace(r.token(devissuer.Police, "analyst", identity.Analyst), ".", ".e", 1)
	for _, c := range []struct {
		rig    *rig
		header http.Header
		want   []string
	}{
		{plain, http.Header{}, []string{`Bearer realm="concord"`}},
		{plain, http.Header{"Authorization": {"Bearer " + expired}}, []string{`Bearer realm="concord", error="invalid_token"`}},
		{r, http.Header{}, []string{`Bearer realm="concord"`, `DPoP realm="concord", algs="EdDSA ES256 RS256 PS256"`}},
		{r, http.Header{"Authorization": {"DPoP x"}, "Dpop": {"y"}}, []string{
			`Bearer realm="concord", error="invalid_token"`, `DPoP realm="concord", error="invalid_token", algs="EdDSA ES256 RS256 PS256"`,
		}},
	} {
		req := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/v1/datasets", http.NoBody)
		req.Header = c.header
		w := httptest.NewRecorder()
		c.rig.handler.ServeHTTP(w, req)
		if diff := cmp.Diff(c.want, w.Header().Values("WWW-Authenticate")); diff != "" || w.Code != http.StatusUnauthorized {
			t.Errorf("status %d\n%s", w.Code, diff)
		}
	}
}
