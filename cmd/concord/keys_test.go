package main

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/keyring"
	"github.com/concord-gateway/concord/gateway/keyring/local"
	"github.com/concord-gateway/concord/gateway/keyring/register"
	"github.com/concord-gateway/concord/gateway/keyring/vault"
	"github.com/concord-gateway/concord/gateway/keyring/vaulttest"
	"github.com/concord-gateway/concord/gateway/store/sqlite"
)

// configOn writes a configuration whose keys are in a Vault.
func configOn(t *testing.T, v *vaulttest.House, data string) string {
	t.Helper()
	text := fmt.Sprintf("listen: 127.0.0.1:0\ndata_dir: %q\nlog: {origin: concord.example/log}\n"+
		"issuers: [{name: a, agency: b, audience: c, jwks_file: d, roles: [analyst]}]\n"+
		"keys: {vault: {address: %q, transit_mount: %s, kv_mount: %s, approle: {mount: %s, role_id_file: %q, secret_id_file: %q}}}\n",
		data, v.Server.Address, v.Transit, v.KV, v.AppRole, v.Gateway.RoleIDFile, v.Gateway.SecretIDFile)
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
	config := configOn(t, v, "data")
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

// newPilot makes a data folder whose log has an entry, with its keys in files.
func newPilot(t *testing.T) (dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "data")
	db, err := sqlite.Open(t.Context(), dir, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	keys, err := local.Open(filepath.Join(dir, "keys"))
	if err != nil {
		t.Fatal(err)
	}
	defer keys.Close()
	ring := register.New(keys, db.Events())
	if _, err := ring.Sealer(t.Context(), keyring.EditionScope); err != nil {
		t.Fatal(err)
	}
	log, err := audit.Open(t.Context(), audit.Config{Store: db.Log(), Keys: ring, Origin: "concord.example/log"})
	if err != nil {
		t.Fatal(err)
	}
	_, err = log.Append(t.Context(), audit.Request{
		ID: "test", Actor: audit.Actor{Agency: "test", Subject: "test"}, Drafts: []audit.Draft{{Action: audit.Admin, Admin: map[string]string{"kind": "test"}}},
	})
	if err = errors.Join(err, log.Close(t.Context())); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestKeysImport brings a folder of keys into Vault by the command, twice, and not without
// the operator's login, or another's keys, or to no store.
func TestKeysImport(t *testing.T) {
	t.Parallel()
	v, data := vaulttest.New(t), newPilot(t)
	dir, config := filepath.Join(data, "keys"), configOn(t, v, data)
	command := []string{"keys", "import", "--config", config, "--from", dir}
	operator := slices.Concat(command, []string{"--role-id-file", v.Operator.RoleIDFile, "--secret-id-file", v.Operator.SecretIDFile})
	empty := v.Contents(t)
	said(t, exitFailed, command, "permission denied", "sign/log")
	if now := v.Contents(t); now != empty {
		t.Errorf("without the operator's login, Vault has\n%s\nbefore:\n%s", now, empty)
	}
	nowhere := slices.Clone(operator)
	nowhere[3] = configOn(t, v, filepath.Join(t.TempDir(), "mistyped"))
	said(t, exitFailed, nowhere, "There is no store where the configuration says")
	said(t, exitOK, operator, "keysets    2", "log keys   1", "unchanged  0", "then destroy "+dir,
		"of whose 3 entries", "each of 0 keys that the store's rows name", "of 3 in its register")
	said(t, exitOK, operator, "unchanged  3")
	said(t, exitOK, command, "unchanged  3") // nothing is left for an operator to do
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
	said(t, exitFailed, operator, "does not have the keys that this store was used with")
}
