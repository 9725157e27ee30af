package vault

import (
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/concord-gateway/concord/gateway/keyring/vaulttest"
)

// secureWorld is a keyring on a Vault that serves TLS, without a proxy in between.
type secureWorld struct {
	*world

	ca   *vaulttest.Authority
	good vaulttest.Certificate
}

func newSecureWorld(t *testing.T) *secureWorld {
	t.Helper()
	ca := vaulttest.NewAuthority(t)
	good := vaulttest.Certificate{By: ca, Names: []string{"127.0.0.1"}, Until: time.Now().Add(time.Hour)}
	return &secureWorld{world: worldOn(t, vaulttest.StartTLS(t, good), "1h", "2h"), ca: ca, good: good}
}

// straightTo has a keyring speak to the Vault itself, and believe an authority.
func (w *secureWorld) straightTo(o *Options) { o.Address, o.CAFile = w.house.Server.Address, w.ca.File }

// hangUp ends the connections of a keyring that are idle, so that the next call
// looks at Vault's certificate anew.
func hangUp(t *testing.T, r *Ring) {
	t.Helper()
	transport, ok := r.conn.api.CloneConfig().HttpClient.Transport.(straight)
	if !ok {
		t.Fatal("the client has another transport")
	}
	next, ok := transport.next.(*http.Transport)
	if !ok {
		t.Fatal("the client has another transport")
	}
	next.CloseIdleConnections()
}

// signs fails the test unless the log key signs.
func (w *world) signs(r *Ring) {
	w.t.Helper()
	s, err := r.Signer(w.t.Context(), "log")
	if err != nil {
		w.t.Fatal(err)
	}
	if _, err := s.Sign(nil, []byte("checkpoint"), nil); err != nil {
		w.t.Error(err)
	}
}

// secrets are what the gateway logs in with.
func (w *world) secrets() []string {
	w.t.Helper()
	var all []string
	for _, file := range []string{w.house.Gateway.RoleIDFile, w.house.Gateway.SecretIDFile} {
		raw, err := os.ReadFile(file)
		if err != nil {
			w.t.Fatal(err)
		}
		all = append(all, string(raw))
	}
	return all
}

// TestTLS speaks to a Vault that serves TLS. Its certificate is exchanged while the
// keyring is open; one that is not to be trusted is felt at the next connection and
// costs no key in memory; and all is well when there is a good one again.
func TestTLS(t *testing.T) {
	t.Parallel()
	w := newSecureWorld(t)
	r := w.open(w.straightTo)
	s := w.sealer(r, scope)
	text := seal(t, s, "content")
	w.signs(r)

	w.house.Server.Exchange(t, w.good)
	w.sealer(r, another) // by the old connection
	hangUp(t, r)
	w.clock.Advance(testCache)
	opens(t, w.sealer(r, scope), text, "content")
	w.signs(r)

	stranger := w.good
	stranger.By = vaulttest.NewAuthority(t)
	w.house.Server.Exchange(t, stranger)
	hangUp(t, r)
	log, err := r.Signer(t.Context(), "log")
	if err != nil {
		t.Fatal(err)
	}
	_, err = log.Sign(nil, []byte("checkpoint"), nil)
	wantReason(t, err, untrusted)
	opens(t, s, text, "content")
	w.clock.Advance(testCache)
	_, err = r.Sealer(t.Context(), scope)
	wantReason(t, err, untrusted)

	w.house.Server.Exchange(t, w.good)
	w.clock.Advance(pause)
	opens(t, w.sealer(r, scope), text, "content")
	w.signs(r)
	wantNoSecret(t, w.world, nil, w.secrets()...)
}

// TestTLSRefused does not log in where Vault's certificate is not to be trusted, or
// where one side speaks TLS and the other does not, and says which.
func TestTLSRefused(t *testing.T) {
	t.Parallel()
	w := newSecureWorld(t)
	r := w.open(w.straightTo) // it is not for want of a login
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	secrets := w.secrets()
	plain := vaulttest.Shared(t)
	other := vaulttest.NewAuthority(t)
	named, over, early := w.good, w.good, w.good
	named.Names = []string{"vault.example"}
	over.Until = time.Now().Add(-time.Minute)
	early.Until = time.Now().Add(25 * time.Hour)
	for _, c := range []struct {
		name   string
		show   vaulttest.Certificate
		change func(*Options)
		why    reason
	}{
		{"another authority", w.good, func(o *Options) { o.CAFile = other.File }, untrusted},
		{"no authority", w.good, func(o *Options) { o.CAFile = "" }, untrusted},
		{"without TLS", w.good, func(o *Options) { o.Address = "http" + o.Address[len("https"):] }, wantsTLS},
		{"a Vault without TLS", w.good, func(o *Options) { o.Address = "https" + plain.Address[len("http"):] }, lacksTLS},
		{"another name", named, func(*Options) {}, misnamed},
		{"expired", over, func(*Options) {}, outdated},
		{"not valid yet", early, func(*Options) {}, outdated},
	} {
		w.house.Server.Exchange(t, c.show)
		o := w.options(w.house.Gateway)
		w.straightTo(&o)
		c.change(&o)
		r, err := Open(t.Context(), o)
		if err == nil {
			_ = r.Close()
			t.Errorf("%s: opened", c.name)
			continue
		}
		wantReason(t, err, c.why)
		wantNoSecret(t, w.world, err, secrets...)
	}
	w.house.Server.Exchange(t, w.good)
	w.sealer(w.open(w.straightTo), scope)
}
