package main

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/concord-gateway/concord/gateway/keyring"
	"github.com/concord-gateway/concord/gateway/keyring/local"
	"github.com/concord-gateway/concord/gateway/keyring/vault"
	"github.com/concord-gateway/concord/gateway/keyring/vaulttest"
)

// configOn writes a configuration whose keys are in a Vault.
func configOn(t *testing.T, v *vaulttest.House) string {
	t.Helper()
	text := fmt.Sprintf("listen: 127.0.0.1:0\ndata_dir: data\nlog: {origin: concord.example/log}\n"+
		"issuers: [{name: a, agency: b, audience: c, jwks_file: d, roles: [analyst]}]\n"+
		"keys: {vault: {address: %q, transit_mount: %s, kv_mount: %s, approle: {mount: %s, role_id_file: %q, secret_id_file: %q}}}\n",
		v.Server.Address, v.Transit, v.KV, v.AppRole, v.Gateway.RoleIDFile, v.Gateway.SecretIDFile)
	config := filepath.Join(t.TempDir(), "concord.yaml")
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return config
}

// said runs a command and fails the test unless it ends with the code and says the words.
func said(t *testing.T, code int, args []string, words ...string) {
	t.Helper()
	var out, errs bytes.Buffer
	if got := run(t.Context(), args, &out, &errs); got != code {
		t.Errorf("%v: exit code %d\n%s%s", args[:2], got, out.String(), errs.String())
	}
	for _, w := range words {
		if !strings.Contains(out.String()+errs.String(), w) {
			t.Errorf("%v: no %q in\n%s%s", args[:2], w, out.String(), errs.String())
		}
	}
}

// TestKeys rotates and rewraps the keys of a Vault by the command, under the operator's
// policy.
func TestKeys(t *testing.T) {
	t.Parallel()
	v := vaulttest.New(t)
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
	config := configOn(t, v)
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
		said(t, c.code, c.args, c.want...)
	}
	if status, _, err := v.Server.Call(v.Server.Root, http.MethodGet, v.Transit+"/keys/edition", nil); err != nil || status != http.StatusOK {
		t.Errorf("the key: %d, %v", status, err)
	}
}

// TestKeysImport brings a folder of keys into Vault by the command, twice, and not without
// the operator's login or over another's keys.
func TestKeysImport(t *testing.T) {
	t.Parallel()
	v, dir := vaulttest.New(t), filepath.Join(t.TempDir(), "keys")
	ring, err := local.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer ring.Close()
	_, sealErr := ring.Sealer(t.Context(), keyring.EditionScope)
	_, signErr := ring.Signer(t.Context(), "log")
	if sealErr != nil || signErr != nil {
		t.Fatal(sealErr, signErr)
	}
	config := configOn(t, v)
	command := []string{"keys", "import", "--config", config, "--from", dir}
	operator := slices.Concat(command, []string{"--role-id-file", v.Operator.RoleIDFile, "--secret-id-file", v.Operator.SecretIDFile})
	empty := v.Contents(t)
	said(t, exitFailed, command, "permission denied", "sign/log")
	if now := v.Contents(t); now != empty {
		t.Errorf("without the operator's login, Vault has\n%s\nbefore:\n%s", now, empty)
	}
	said(t, exitOK, operator, "keysets    1", "log keys   1", "unchanged  0", "then destroy "+dir)
	said(t, exitOK, operator, "unchanged  2")
	said(t, exitOK, command, "unchanged  2") // nothing is left for an operator to do
	other := filepath.Join(t.TempDir(), "keys")
	stranger, err := local.Open(other)
	if err != nil {
		t.Fatal(err)
	}
	defer stranger.Close()
	if _, err := stranger.Signer(t.Context(), "log"); err != nil {
		t.Fatal(err)
	}
	operator[5] = other
	said(t, exitFailed, operator, "sign/log cannot be brought there")
}
