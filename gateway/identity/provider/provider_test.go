package provider_test

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/concord-gateway/concord/gateway/attacktest"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/identity/provider"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// pliant is a provider that does what a test tells it.
type pliant struct {
	*httptest.Server

	mu        sync.Mutex
	kids      []string
	discovery func() string
	answer    http.HandlerFunc // in place of the keys, where set
	asked     atomic.Int32     // how often for the keys
	now       time.Time
}

func newPliant(t *testing.T, start func(*httptest.Server)) *pliant {
	t.Helper()
	s := &pliant{kids: []string{"a"}, now: time.Date(2026, 3, 2, 9, 30, 0, 0, time.UTC)}
	mux := http.NewServeMux()
	mux.HandleFunc("/realm/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprint(w, s.discovery())
	})
	mux.HandleFunc("/keys", func(w http.ResponseWriter, r *http.Request) {
		s.asked.Add(1)
		s.mu.Lock()
		kids, answer := s.kids, s.answer
		s.mu.Unlock()
		if answer != nil {
			answer(w, r)
			return
		}
		_, _ = fmt.Fprint(w, keySet(kids...))
	})
	s.Server = httptest.NewUnstartedServer(mux)
	start(s.Server)
	s.discovery = func() string { return `{"issuer":"` + s.URL + `/realm","jwks_uri":"` + s.URL + `/keys"}` }
	t.Cleanup(s.Close)
	return s
}

func keySet(kids ...string) string {
	var keys []string
	for _, kid := range kids {
		seed := sha256.Sum256([]byte(kid))
		public, _ := ed25519.NewKeyFromSeed(seed[:]).Public().(ed25519.PublicKey)
		keys = append(keys, `{"kty":"OKP","crv":"Ed25519","kid":"`+kid+`","x":"`+base64.RawURLEncoding.EncodeToString(public)+`"}`)
	}
	return `{"keys":[` + strings.Join(keys, ",") + `]}`
}

func (s *pliant) set(kids []string, answer http.HandlerFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kids, s.answer = kids, answer
}

func (s *pliant) clock() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

func (s *pliant) pass(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = s.now.Add(d)
}

// keys are those of the pliant one, by its description.
func (s *pliant) keys(t *testing.T, change func(*provider.Options)) *provider.Keys {
	t.Helper()
	o := provider.Options{Issuer: s.URL + "/realm", Loopback: true, Keep: time.Hour, Gap: 10 * time.Second, Clock: s.clock}
	if change != nil {
		change(&o)
	}
	k := provider.New(o)
	t.Cleanup(func() { _ = k.Close() })
	return k
}

// want asks for a key and compares how that ends; "" is a key.
func want(t *testing.T, k *provider.Keys, kid string, kind fault.Kind) {
	t.Helper()
	key, err := k.Key(t.Context(), kid)
	if fault.KindOf(err) != kind || (err == nil) != (key.ID == kid) {
		t.Errorf("key %s: got %q, %v; want %q", kid, key.ID, err, kind)
	}
}

func down(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }

// TestRotation: a new key is found by asking once, a withdrawn one is gone.
func TestRotation(t *testing.T) {
	s := newPliant(t, (*httptest.Server).Start)
	k := s.keys(t, nil)
	want(t, k, "a", "")
	want(t, k, "a", "")
	s.set([]string{"a", "b"}, nil)
	want(t, k, "b", fault.NotFound) // asked a moment ago
	s.pass(10 * time.Second)
	want(t, k, "b", "")
	s.set([]string{"b"}, nil)
	want(t, k, "a", "")
	if err := k.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	want(t, k, "a", fault.NotFound)
	if n := s.asked.Load(); n != 3 {
		t.Errorf("the provider was asked %d times", n)
	}
}

// TestFlood: any number of unknown ids at once makes one fetch.
func TestFlood(t *testing.T) {
	s := newPliant(t, (*httptest.Server).Start)
	k := s.keys(t, nil)
	want(t, k, "a", "")
	s.pass(time.Minute)
	var wg sync.WaitGroup
	for i := range 200 {
		wg.Go(func() { want(t, k, fmt.Sprintf("unknown-%d", i), fault.NotFound) })
	}
	wg.Wait()
	if n := s.asked.Load(); n != 2 {
		t.Errorf("the provider was asked %d times", n)
	}
	attacktest.ProviderKeys.Refused(t, "a flood of unknown key ids makes one fetch", 200)
}

// TestOutage: known keys hold for so long and no longer; recovery is by itself.
func TestOutage(t *testing.T) {
	s := newPliant(t, (*httptest.Server).Start)
	k := s.keys(t, nil)
	s.set([]string{"a"}, down)
	want(t, k, "a", fault.Unavailable)
	s.set([]string{"a"}, nil)
	want(t, k, "a", fault.Unavailable) // not asked again at once
	s.pass(10 * time.Second)
	want(t, k, "a", "")
	s.set([]string{"a", "b"}, down)
	s.pass(59 * time.Minute)
	want(t, k, "a", "")
	want(t, k, "b", fault.Unavailable) // who could tell?
	s.pass(time.Minute)
	want(t, k, "a", fault.Unavailable)
	s.set([]string{"a", "b"}, nil)
	s.pass(10 * time.Second)
	want(t, k, "b", "")
	want(t, k, "a", "")
}

// TestRun fetches by itself, and soon again after a failure.
func TestRun(t *testing.T) {
	s := newPliant(t, (*httptest.Server).Start)
	fetched := make(chan struct{}, 100)
	fail := true
	s.set(nil, func(w http.ResponseWriter, r *http.Request) {
		select {
		case fetched <- struct{}{}:
		default:
		}
		if fail {
			fail = false
			down(w, r)
			return
		}
		_, _ = fmt.Fprint(w, keySet("z"))
	})
	k := s.keys(t, func(o *provider.Options) { o.Every, o.Gap, o.Clock = 2*time.Millisecond, time.Millisecond, time.Now })
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { k.Run(ctx) })
	for range 3 { // the third begins after the second is over
		<-fetched
	}
	want(t, k, "z", "")
	cancel()
	running.Wait()
}

// TestRefusedProviders: what answers is not believed whatever it says.
func TestRefusedProviders(t *testing.T) {
	var elsewhere atomic.Int32
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		elsewhere.Add(1)
		_, _ = fmt.Fprint(w, keySet("a"))
	}))
	defer other.Close()
	s := newPliant(t, (*httptest.Server).Start)
	good := s.discovery()
	describe := func(old, replaced string) func() string {
		return func() string { return strings.Replace(good, old, replaced, 1) }
	}
	for name, c := range map[string]struct {
		discovery func() string
		answer    http.HandlerFunc
	}{
		"another issuer":                {describe("/realm", "/realms"), nil},
		"the issuer with a slash":       {describe("/realm", "/realm/"), nil},
		"the issuer in capitals":        {describe("/realm", "/REALM"), nil},
		"no issuer":                     {describe("issuer", "x"), nil},
		"the issuer twice":              {describe("{", `{"issuer":"x",`), nil},
		"no address":                    {describe("jwks_uri", "x"), nil},
		"an address over FTP":           {describe(`"jwks_uri":"http`, `"jwks_uri":"ftp`), nil},
		"a file":                        {describe(s.URL+"/keys", "file:///etc/passwd"), nil},
		"plain HTTP to another machine": {describe(s.URL+"/keys", "http://keys.example/keys"), nil},
		"a user in the address":         {describe(s.URL+"/keys", "http://a:b@127.0.0.1/keys"), nil},
		"not JSON":                      {func() string { return "<html>" }, nil},
		"too large":                     {func() string { return good + strings.Repeat(" ", 1<<20) }, nil},
		"keys: status 500":              {nil, down},
		"keys: status 204":              {nil, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }},
		"keys: too large": {nil, func(w http.ResponseWriter, _ *http.Request) {
			_, _ = fmt.Fprint(w, keySet("a")+strings.Repeat(" ", 1<<20))
		}},
		"keys: none": {nil, func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, `{"keys":[]}`) }},
		"keys: a private one": {nil, func(w http.ResponseWriter, _ *http.Request) {
			_, _ = fmt.Fprint(w, strings.Replace(keySet("a"), `"kid"`, `"d":"AA","kid"`, 1))
		}},
		"keys: redirect to another host": {nil, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, other.URL, http.StatusFound)
		}},
		"keys: redirect for ever": {nil, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/keys", http.StatusFound) }},
		"keys: cut off": {nil, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			_, _ = fmt.Fprint(w, `{"keys":`)
		}},
	} {
		s.set([]string{"a"}, c.answer)
		if s.discovery = describe("", ""); c.discovery != nil {
			s.discovery = c.discovery
		}
		k := s.keys(t, nil)
		want(t, k, "a", fault.Unavailable)
		attacktest.ProviderKeys.Refused(t, name, 1)
	}
	if n := elsewhere.Load(); n != 0 {
		t.Errorf("%d requests went to another host", n)
	}
}

// TestTLS: the certificate of the provider must be of the authorities given, and
// plain HTTP is for development only.
func TestTLS(t *testing.T) {
	s := newPliant(t, (*httptest.Server).StartTLS)
	s.Config.ErrorLog = nil
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	want(t, s.keys(t, func(o *provider.Options) { o.Roots, o.Loopback = roots, false }), "a", "")
	want(t, s.keys(t, func(o *provider.Options) { o.Loopback = false }), "a", fault.Unavailable)
	want(t, s.keys(t, func(o *provider.Options) { o.Roots = x509.NewCertPool() }), "a", fault.Unavailable)
	plain := newPliant(t, (*httptest.Server).Start)
	want(t, plain.keys(t, func(o *provider.Options) { o.Loopback = false }), "a", fault.Unavailable)
	want(t, plain.keys(t, func(o *provider.Options) { o.KeysURL, o.Issuer = plain.URL+"/keys", "any name" }), "a", "")
	attacktest.ProviderKeys.Refused(t, "a certificate of unknown authority, or none", 3)
}
