package vault

import (
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/concord-gateway/concord/gateway/keyring"
	"github.com/concord-gateway/concord/gateway/keyring/vaulttest"
)

// TestRevokedToken revokes the gateway's token: it logs in again by itself, once.
func TestRevokedToken(t *testing.T) {
	w := newWorld(t)
	r := w.open()
	s := w.sealer(r, scope)
	text := seal(t, s, "content")
	w.house.Server.Admin(t, http.MethodPost, "auth/token/revoke", map[string]any{"token": r.conn.api.Token()})
	opens(t, s, text, "content")
	before := w.proxy.Count("/login")
	w.sealer(r, another)
	if n := w.proxy.Count("/login") - before; n != 1 {
		t.Errorf("%d logins", n)
	}
}

// TestRevokedRole takes the role away as well: what is in memory serves until its time
// is over, then it is said that the login is refused, and when the role is back all is
// well.
func TestRevokedRole(t *testing.T) {
	w := newWorld(t)
	r := w.open()
	s := w.sealer(r, scope)
	text := seal(t, s, "content")
	good, err := os.ReadFile(w.house.Gateway.SecretIDFile)
	if err != nil {
		t.Fatal(err)
	}
	w.house.Server.Admin(t, http.MethodPost, "auth/"+w.house.AppRole+"/role/gateway/secret-id/destroy", map[string]any{"secret_id": string(good)})
	w.house.Server.Admin(t, http.MethodPost, "auth/token/revoke", map[string]any{"token": r.conn.api.Token()})
	opens(t, w.sealer(r, scope), text, "content")
	_, err = r.Sealer(t.Context(), another)
	wantReason(t, err, noLogin)
	w.clock.Advance(testCache)
	_, err = r.Sealer(t.Context(), scope)
	wantReason(t, err, noLogin)
	wantNoSecret(t, w, err, string(good))
	w.house.Server.Admin(t, http.MethodPost, "auth/"+w.house.AppRole+"/role/gateway/custom-secret-id", map[string]any{"secret_id": "another-secret"})
	if err := os.WriteFile(w.house.Gateway.SecretIDFile, []byte("another-secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	w.clock.Advance(pause)
	opens(t, w.sealer(r, scope), text, "content")
	wantNoSecret(t, w, nil, "another-secret")
}

// wantNoSecret fails the test when an error or the log repeats a secret.
func wantNoSecret(t *testing.T, w *world, err error, secrets ...string) {
	t.Helper()
	said := w.logs.String()
	if err != nil {
		said += err.Error()
	}
	for _, s := range append(secrets, "hvs.") { // as Vault's tokens begin
		if strings.Contains(said, s) {
			t.Errorf("a secret is said: %s", said)
		}
	}
}

// TestRenewal lives on a token of two seconds, and of four at most: it is renewed, and
// then there is another.
func TestRenewal(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	short := w.house.NewLogin(t, "short", w.house.GatewayPolicy, "2s", "4s")
	r := w.open(func(o *Options) {
		o.AppRole.RoleIDFile, o.AppRole.SecretIDFile = short.RoleIDFile, short.SecretIDFile
	})
	first := r.conn.api.Token()
	eventually(t, "renewed", func() bool { return w.proxy.Count("/auth/token/renew-self") > 0 })
	eventually(t, "another token", func() bool { return r.conn.api.Token() != first })
	w.sealer(r, scope)
	if n := w.proxy.Count("/login"); n < 2 {
		t.Errorf("%d logins", n)
	}
	wantNoSecret(t, w, nil, first)
}

// TestOpenRefused opens nothing without a login, and says why.
func TestOpenRefused(t *testing.T) {
	w := newWorld(t)
	empty := t.TempDir() + "/empty"
	if err := os.WriteFile(empty, []byte("\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	wrong := t.TempDir() + "/wrong"
	if err := os.WriteFile(wrong, []byte("00000000-0000-0000-0000-000000000000"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		change func(*Options)
		why    string
	}{
		"no file":          {func(o *Options) { o.AppRole.SecretIDFile = "/nowhere/secret-id" }, "secret_id_file"},
		"empty file":       {func(o *Options) { o.AppRole.RoleIDFile = empty }, "role_id_file"},
		"wrong secret":     {func(o *Options) { o.AppRole.SecretIDFile = wrong }, string(noLogin)},
		"wrong mount":      {func(o *Options) { o.AppRole.Mount = "elsewhere" }, string(noLogin)},
		"nobody there":     {func(o *Options) { o.Address = "http://127.0.0.1:1"; o.Timeout = time.Second }, string(unreachable)},
		"not an authority": {func(o *Options) { o.CAFile = empty }, "no certificate"},
		"no bound":         {func(o *Options) { o.Cache = 0 }, "bound"},
	} {
		o := w.options(w.house.Gateway)
		c.change(&o)
		r, err := Open(t.Context(), o)
		if err == nil {
			_ = r.Close()
			t.Errorf("%s: opened", name)
			continue
		}
		if !strings.Contains(err.Error(), c.why) {
			t.Errorf("%s: %v", name, err)
		}
		wantNoSecret(t, w, err, "00000000-0000")
	}
}

// TestEnvironmentHasNoEffect sets what Vault's own command listens to.
func TestEnvironmentHasNoEffect(t *testing.T) {
	w := newWorld(t)
	t.Setenv("VAULT_TOKEN", "hvs.somebody-elses")
	t.Setenv("VAULT_ADDR", "https://127.0.0.1:1")
	t.Setenv("VAULT_AGENT_ADDR", "https://127.0.0.1:1")
	t.Setenv("VAULT_SKIP_VERIFY", "true")
	t.Setenv("VAULT_NAMESPACE", "elsewhere")
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	w.sealer(w.open(), scope)
}

// TestCloseRevokes leaves no token behind.
func TestCloseRevokes(t *testing.T) {
	w := newWorld(t)
	r := w.open()
	token := r.conn.api.Token()
	for range 2 {
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
	}
	status, _, err := w.house.Server.Call(token, http.MethodGet, "auth/token/lookup-self", nil)
	if err != nil || status != http.StatusForbidden {
		t.Errorf("the token: %d, %v", status, err)
	}
	_, err = r.Sealer(t.Context(), keyring.EditionScope)
	wantReason(t, err, "closed")
}

// TestRedirectsAreNotFollowed sends the gateway elsewhere, at the login and later:
// neither secret nor token goes there.
func TestRedirectsAreNotFollowed(t *testing.T) {
	w := newWorld(t)
	r := w.open()
	other := vaulttest.NewProxy(t, w.house.Server.Address)
	w.proxy.FailWith(func(rw http.ResponseWriter, req *http.Request) bool {
		http.Redirect(rw, req, other.URL+req.URL.Path, http.StatusTemporaryRedirect)
		return true
	})
	_, err := r.Sealer(t.Context(), scope)
	wantReason(t, err, elsewhere)
	_, err = Open(t.Context(), w.options(w.house.Gateway))
	wantReason(t, err, elsewhere)
	if n := other.Count(""); n != 0 {
		t.Errorf("%d calls went elsewhere", n)
	}
}
