package main

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/concord-gateway/concord/gateway/keyring"
	"github.com/concord-gateway/concord/gateway/keyring/vault"
	"github.com/concord-gateway/concord/gateway/keyring/vaulttest"
)

// TestKeys rotates and rewraps the keys of a Vault by the command, under the operator's
// policy.
func TestKeys(t *testing.T) {
	t.Parallel()
	v := vaulttest.NewHouse(t, vaulttest.Shared(t), "1h", "2h")
	ring, err := vault.Open(t.Context(), vault.Options{
		Address: v.Server.Address, Transit: v.Transit, KV: v.KV, Cache: time.Hour, Timeout: 10 * time.Second,
		AppRole: vault.AppRole{Mount: v.AppRole, RoleIDFile: v.Gateway.RoleIDFile, SecretIDFile: v.Gateway.SecretIDFile},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer ring.Close()
	for _, scope := range []string{keyring.EditionScope, keyring.RecordScope("ISA-TH-WMP-001", "2026-11")} {
		if _, err := ring.Sealer(t.Context(), scope); err != nil {
			t.Fatal(err)
		}
	}
	config := filepath.Join(t.TempDir(), "concord.yaml")
	text := fmt.Sprintf("listen: 127.0.0.1:0\ndata_dir: data\nlog: {origin: concord.example/log}\n"+
		"issuers: [{name: a, agency: b, audience: c, jwks_file: d, roles: [analyst]}]\n"+
		"keys: {vault: {address: %q, transit_mount: %s, kv_mount: %s, approle: {mount: %s, role_id_file: %q, secret_id_file: %q}}}\n",
		v.Server.Address, v.Transit, v.KV, v.AppRole, v.Gateway.RoleIDFile, v.Gateway.SecretIDFile)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	operator := []string{"--config", config, "--role-id-file", v.Operator.RoleIDFile, "--secret-id-file", v.Operator.SecretIDFile}
	for _, c := range []struct {
		args []string
		code int
		want []string
	}{
		{append([]string{"keys", "status"}, operator...), exitOK, []string{"edition.seal", "newest"}},
		{append([]string{"keys", "rotate"}, operator...), exitOK, []string{"rotated    2"}},
		{append([]string{"keys", "status"}, operator...), exitOK, []string{"record.ISA-TH-WMP-001.2026-11.seal", "to be rewrapped"}},
		{append([]string{"keys", "rewrap"}, operator...), exitOK, []string{"rewrapped  2"}},
		{append([]string{"keys", "rewrap"}, operator...), exitOK, []string{"rewrapped  0", "unchanged  2"}},
		{[]string{"keys", "rewrap", "--config", config}, exitFailed, []string{"permission denied"}},
		{[]string{"keys", "rewrap", "--config", config, "--role-id-file", v.Operator.RoleIDFile}, exitFailed, []string{"go together"}},
	} {
		var out, errs bytes.Buffer
		if code := run(t.Context(), c.args, &out, &errs); code != c.code {
			t.Errorf("%v: exit code %d\n%s%s", c.args[:2], code, out.String(), errs.String())
		}
		for _, want := range c.want {
			if !strings.Contains(out.String()+errs.String(), want) {
				t.Errorf("%v: no %q in\n%s%s", c.args[:2], want, out.String(), errs.String())
			}
		}
	}
	if status, _, err := v.Server.Call(v.Server.Root, http.MethodGet, v.Transit+"/keys/edition", nil); err != nil || status != http.StatusOK {
		t.Errorf("the key: %d, %v", status, err)
	}
}
