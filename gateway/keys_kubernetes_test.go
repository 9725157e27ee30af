package gateway_test

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/concord-gateway/concord/gateway/config"
	"github.com/concord-gateway/concord/gateway/keyring/vaulttest"
)

// TestReadinessKubernetes runs a house that logs in to Vault by a service account. An
// expired token is left where the kubelet writes: when the gateway has to log in again
// it is not ready, and says why without the token, until there is a new one.
func TestReadinessKubernetes(t *testing.T) {
	t.Parallel()
	api, ours := vaulttest.NewCluster(t), vaulttest.Account{Namespace: "concord", Name: "concord"}
	api.Create(ours)
	v := vaulttest.New(t)
	mount, file := v.NewKubernetesLogin(t, api, ours.Namespace, ours.Name, "1h", "2h"), filepath.Join(t.TempDir(), "token")
	first := api.Token(t, ours, time.Hour)
	write(t, file, first)
	h := newHouse(t, onVault(v), func(c *config.Config) {
		c.Keys.Vault.AppRole, c.Keys.Vault.Kubernetes = config.AppRole{}, config.Kubernetes{Mount: mount, Role: "concord", JWTFile: file}
	})
	h.fill()
	h.call("", http.MethodGet, "/readyz", nil).want(http.StatusOK, nil)

	expired := api.Token(t, ours, -2*time.Minute)
	write(t, file, expired)
	v.Server.Admin(t, http.MethodPost, "sys/leases/revoke-prefix/auth/"+mount, nil)
	h.clock.Advance(time.Hour)
	h.call("", http.MethodGet, "/readyz", nil).want(http.StatusServiceUnavailable, nil)
	if !strings.Contains(h.logs.String(), "Vault refuses the gateway's login") {
		t.Error("the log does not say why the gateway is not ready")
	}
	noData(t, "person", h.call("analyst", http.MethodPost, subjectPath, ask("soc-investigation", rowan())))

	second := api.Token(t, ours, time.Hour)
	write(t, file, second)
	h.clock.Advance(time.Second)
	h.call("", http.MethodGet, "/readyz", nil).want(http.StatusOK, nil)
	h.call("analyst", http.MethodPost, subjectPath, ask("soc-investigation", rowan())).want(http.StatusOK, nil)
	for _, secret := range []string{first, expired, second, "hvs."} {
		if strings.Contains(h.logs.String(), secret) {
			t.Error("the log holds a token")
		}
	}
}
