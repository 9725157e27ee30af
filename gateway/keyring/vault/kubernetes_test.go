package vault

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/concord-gateway/concord/gateway/keyring/vaulttest"
)

// cluster is a world whose keyring logs in by a service account: Vault's Kubernetes
// login is the real one, and what it asks is vaulttest.Cluster.
type cluster struct {
	*world

	api         *vaulttest.Cluster
	mount, file string
}

// ours is the service account that may log in.
var ours = vaulttest.Account{Namespace: "concord", Name: "concord"}

func newCluster(t *testing.T, ttl, most string) *cluster {
	t.Helper()
	c := &cluster{world: newWorld(t), api: vaulttest.NewCluster(t), file: filepath.Join(t.TempDir(), "token")}
	c.api.Create(ours)
	c.mount = c.house.NewKubernetesLogin(t, c.api, ours.Namespace, ours.Name, ttl, most)
	return c
}

// write puts a token where the kubelet does.
func (c *cluster) write(token string) string {
	c.t.Helper()
	if err := os.WriteFile(c.file, []byte(token+"\n"), 0o600); err != nil {
		c.t.Fatal(err)
	}
	return token
}

func (c *cluster) use(o *Options) {
	o.AppRole, o.Kubernetes = AppRole{}, Kubernetes{Mount: c.mount, Role: "concord", JWTFile: c.file}
}

// revoke has the keyring log in again.
func (c *cluster) revoke(r *Ring) {
	c.t.Helper()
	c.house.Server.Admin(c.t, http.MethodPost, "auth/token/revoke", map[string]any{"token": r.conn.api.Token()})
}

// refused fails the test unless a keyring is refused its login, and says so without
// the token.
func (c *cluster) refused(what, token string) {
	c.t.Helper()
	c.write(token)
	o := c.options(c.house.Gateway)
	c.use(&o)
	r, err := Open(c.t.Context(), o)
	if err == nil {
		_ = r.Close()
		c.t.Errorf("%s: logged in", what)
		return
	}
	wantReason(c.t, err, noLogin)
	wantNoSecret(c.t, c.world, err, token)
}

// TestKubernetesLogin logs in by the token of a service account, out of a file that is
// exchanged while the gateway runs.
func TestKubernetesLogin(t *testing.T) {
	t.Parallel()
	c := newCluster(t, "1h", "2h")
	first := c.write(c.api.Token(t, ours, time.Hour))
	r := c.open(c.use)
	c.sealer(r, scope)
	if n := c.api.Reviews(); n != 1 {
		t.Errorf("%d tokens were reviewed", n)
	}
	second := c.write(c.api.Token(t, ours, time.Hour))
	c.revoke(r)
	c.sealer(r, another)
	if n := c.api.Reviews(); n != 2 {
		t.Errorf("%d tokens were reviewed", n)
	}
	wantNoSecret(t, c.world, nil, first, second)
}

// TestKubernetesLoginRefused refuses every other token and says that the login is
// refused. Which of the two refuses it, Vault or the cluster, is not the gateway's
// to know.
func TestKubernetesLoginRefused(t *testing.T) {
	t.Parallel()
	c := newCluster(t, "1h", "2h")
	neighbour, elsewhere := vaulttest.Account{Namespace: "concord", Name: "other"}, vaulttest.Account{Namespace: "other", Name: "concord"}
	c.api.Create(neighbour)
	c.api.Create(elsewhere)
	foreign := vaulttest.NewCluster(t)
	foreign.Create(ours)
	good := c.api.Token(t, ours, time.Hour)
	for what, token := range map[string]string{
		"another account":   c.api.Token(t, neighbour, time.Hour),
		"another namespace": c.api.Token(t, elsewhere, time.Hour),
		"expired":           c.api.Token(t, ours, -2*time.Minute),
		"another audience":  c.api.Reviewer(t),
		"another cluster":   foreign.Token(t, ours, time.Hour),
		"not a token":       "not-a-token",
		"cut off":           good[:len(good)-8],
	} {
		c.refused(what, token)
	}
	before := c.api.Token(t, ours, time.Hour)
	c.api.Create(ours) // another account of the same name
	c.refused("an account that was made anew", before)
	gone := c.api.Token(t, ours, time.Hour)
	c.api.Delete(ours)
	c.refused("a deleted account", gone)
	c.api.Create(ours)
	c.write(c.api.Token(t, ours, time.Hour))
	c.sealer(c.open(c.use), scope)
}

// TestKubernetesRenewal lives on a token of two seconds, and of four at most: it is
// renewed, which asks nobody in the cluster, and then there is another.
func TestKubernetesRenewal(t *testing.T) {
	t.Parallel()
	c := newCluster(t, "2s", "4s")
	c.write(c.api.Token(t, ours, time.Hour))
	r := c.open(c.use)
	first := r.conn.api.Token()
	eventually(t, "renewed", func() bool { return c.proxy.Count("/auth/token/renew-self") > 0 })
	if n := c.api.Reviews(); n != 1 {
		t.Errorf("%d tokens were reviewed before the first has ended", n)
	}
	eventually(t, "another token", func() bool { return r.conn.api.Token() != first })
	c.sealer(r, scope)
	if n := c.api.Reviews(); n < 2 {
		t.Errorf("%d tokens were reviewed", n)
	}
	wantNoSecret(t, c.world, nil, first)
}

// TestKubernetesTokenExpired leaves an expired token in the file when another login is
// due: what is in memory serves until its time is over, then it is said that the login
// is refused, and all is well by itself when the kubelet has written a new one.
func TestKubernetesTokenExpired(t *testing.T) {
	t.Parallel()
	c := newCluster(t, "2s", "4s")
	c.write(c.api.Token(t, ours, time.Hour))
	r := c.open(c.use)
	s := c.sealer(r, scope)
	text := seal(t, s, "content")
	old := c.write(c.api.Token(t, ours, -2*time.Minute))
	eventually(t, "the login is refused", func() bool {
		c.clock.Advance(pause)
		return r.alive(t.Context(), scope) != nil
	})
	opens(t, s, text, "content")
	_, err := r.Sealer(t.Context(), another)
	wantReason(t, err, noLogin)
	c.clock.Advance(testCache)
	_, err = r.Sealer(t.Context(), scope)
	wantReason(t, err, noLogin)
	wantNoSecret(t, c.world, err, old)
	dead := r.conn.api.Token()
	c.write(c.api.Token(t, ours, time.Hour))
	eventually(t, "another login", func() bool { return r.conn.api.Token() != dead })
	c.clock.Advance(pause)
	opens(t, c.sealer(r, scope), text, "content")
}
