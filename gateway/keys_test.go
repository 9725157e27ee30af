package gateway_test

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/concord-gateway/concord/gateway"
	"github.com/concord-gateway/concord/gateway/config"
	"github.com/concord-gateway/concord/gateway/keyring"
	"github.com/concord-gateway/concord/gateway/keyring/vault"
	"github.com/concord-gateway/concord/gateway/keyring/vaulttest"
)

// onVault has a house keep its keys in Vault.
func onVault(v *vaulttest.House) func(*config.Config) {
	return func(c *config.Config) {
		c.Keys.Vault = config.Vault{
			Address: v.Server.Address, TransitMount: v.Transit, KVMount: v.KV, Cache: time.Hour, Timeout: 5 * time.Second,
			AppRole: config.AppRole{Mount: v.AppRole, RoleIDFile: v.Gateway.RoleIDFile, SecretIDFile: v.Gateway.SecretIDFile},
		}
	}
}

// inUse makes keys in a Vault, as the gateway of another log does in the month of the
// tests: they have the names of those that are missing.
func inUse(t *testing.T, v *vaulttest.House) *vaulttest.House {
	t.Helper()
	r, err := vault.Open(t.Context(), vault.Options{
		Address: v.Server.Address, Transit: v.Transit, KV: v.KV, Cache: time.Hour, Timeout: 10 * time.Second,
		AppRole: vault.AppRole{Mount: v.AppRole, RoleIDFile: v.Gateway.RoleIDFile, SecretIDFile: v.Gateway.SecretIDFile},
	})
	if err == nil {
		_, err = r.Signer(t.Context(), "log")
		_, monthErr := r.Sealer(t.Context(), keyring.LogScope(testDay()))
		err = errors.Join(err, monthErr, r.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// otherVaults are those that a store's keys are not in: one that is empty, as after a
// slip in the mounts or a loss, and one of another log.
func otherVaults(t *testing.T) map[string]*vaulttest.House {
	t.Helper()
	return map[string]*vaulttest.House{"an empty Vault": vaulttest.New(t), "another log's Vault": inUse(t, vaulttest.New(t))}
}

// TestInvariant03VaultSealed runs a house whose keys are in Vault, under the policy of
// deploy/vault. Vault is sealed while it works: it goes on for as long as keys may be
// in memory, then answers with errors and no data, and is well again when Vault is.
func TestInvariant03VaultSealed(t *testing.T) {
	t.Parallel()
	server := vaulttest.Start(t)
	h := newHouse(t, onVault(vaulttest.NewHouse(t, server, "1h", "2h")))
	h.fill()
	question := ask("soc-investigation", rowan())
	asked := func() subjectAnswer {
		t.Helper()
		var got subjectAnswer
		h.call("analyst", http.MethodPost, subjectPath, question).want(http.StatusOK, &got)
		return got
	}
	before := marshal(t, asked().Sections)
	if _, err := os.Stat(filepath.Join(h.cfg.DataDir, gateway.KeysDir)); !os.IsNotExist(err) {
		t.Errorf("there are keys in the data folder: %v", err)
	}

	server.Seal(t)
	if got := marshal(t, asked().Sections); got != before {
		t.Errorf("sections with Vault sealed:\n%s\nbefore:\n%s", got, before)
	}
	h.call("", http.MethodGet, "/readyz", nil).want(http.StatusOK, nil)
	h.clock.Advance(time.Hour)
	entries := h.stored()
	h.call("", http.MethodGet, "/readyz", nil).want(http.StatusServiceUnavailable, nil)
	if !strings.Contains(h.logs.String(), "Vault is sealed") {
		t.Error("the log does not say why the gateway is not ready")
	}
	noData(t, "person", h.call("analyst", http.MethodPost, subjectPath, question))
	noData(t, "denial", h.call("analyst", http.MethodPost, subjectPath, ask("tenancy-enforcement", rowan())))
	noData(t, "submission", h.call("housing-submitter", http.MethodPost, submissionsPath("housing.tenancy", "ISA-TH-WMP-001"), []map[string]any{tenancy(rowan(), "T-9")}))
	if after := h.stored(); after != entries {
		t.Errorf("%+v before, %+v after", entries, after)
	}

	server.Unseal(t)
	h.clock.Advance(time.Second)
	h.call("", http.MethodGet, "/readyz", nil).want(http.StatusOK, nil)
	if got := marshal(t, asked().Sections); got != before {
		t.Errorf("sections with Vault unsealed:\n%s\nbefore:\n%s", got, before)
	}
	if r := h.verify(); !r.OK || r.Size != h.stored().entries {
		t.Errorf("%+v", r)
	}
	h.restart()
	if got := marshal(t, asked().Sections); got != before {
		t.Errorf("sections after a restart:\n%s\nbefore:\n%s", got, before)
	}
	if said := h.logs.String(); strings.Contains(said, "hvs.") || strings.Contains(said, "secret_id=") {
		t.Error("the log holds a token or a secret")
	}
}
