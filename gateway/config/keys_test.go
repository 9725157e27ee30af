package config_test

import (
	"strings"
	"testing"
	"time"

	"github.com/concord-gateway/concord/gateway/config"
)

// TestKeys reads what a file says of Vault, and refuses what does not fit.
func TestKeys(t *testing.T) {
	t.Parallel()
	const keys = `keys: {vault: {address: "https://vault.example:8200", approle: {role_id_file: vault/role-id, secret_id_file: /etc/vault/secret-id}}}`
	parse := func(t *testing.T, vault string) (*config.Config, error) {
		t.Helper()
		text := strings.Replace(good, keys, vault, 1)
		if text == good {
			t.Fatal("the case changes nothing")
		}
		return config.Parse([]byte(text))
	}
	const login = `approle: {role_id_file: a, secret_id_file: b}`
	for name, vault := range map[string]string{
		"nothing, in production":   ``,
		"no address":               `{` + login + `}`,
		"another scheme":           `{address: "ftp://vault.example", ` + login + `}`,
		"no host":                  `{address: "https://", ` + login + `}`,
		"a password":               `{address: "https://u:p@vault.example", ` + login + `}`,
		"no TLS":                   `{address: "http://vault.example", ` + login + `}`,
		"no login":                 `{address: "https://vault.example"}`,
		"two logins":               `{address: "https://vault.example", ` + login + `, kubernetes: {role: concord}}`,
		"no secret":                `{address: "https://vault.example", approle: {role_id_file: a}}`,
		"no role id":               `{address: "https://vault.example", approle: {secret_id_file: a}}`,
		"no role":                  `{address: "https://vault.example", kubernetes: {jwt_file: a}}`,
		"one mount":                `{address: "https://vault.example", ` + login + `, kv_mount: a, transit_mount: a}`,
		"a mount that leads out":   `{address: "https://vault.example", ` + login + `, kv_mount: a/../sys}`,
		"a mount with a question":  `{address: "https://vault.example", ` + login + `, transit_mount: "a?b"}`,
		"a mount of a login alike": `{address: "https://vault.example", approle: {role_id_file: a, secret_id_file: b, mount: /x}}`,
		"cache too short":          `{address: "https://vault.example", ` + login + `, cache: 59s}`,
		"cache too long":           `{address: "https://vault.example", ` + login + `, cache: 25h}`,
		"timeout too short":        `{address: "https://vault.example", ` + login + `, timeout: 1ms}`,
		"a token in the file":      `{address: "https://vault.example", token: hvs.x}`,
	} {
		if vault != "" {
			vault = "keys: {vault: " + vault + "}"
		}
		if c, err := parse(t, vault); err == nil || !strings.Contains(err.Error(), "keys.vault") && !strings.Contains(err.Error(), "token") {
			t.Errorf("%s: %+v, %v", name, c, err)
		}
	}
	c, err := parse(t, `keys: {vault: {address: "http://127.0.0.1:8200", cache: 10m, timeout: 1s, kv_mount: team/kv, kubernetes: {role: concord}}}`)
	if err != nil {
		t.Fatal(err)
	}
	want := config.Vault{
		Address: "http://127.0.0.1:8200", TransitMount: "concord-transit", KVMount: "team/kv", Cache: 10 * time.Minute, Timeout: time.Second,
		Kubernetes: config.Kubernetes{Role: "concord", Mount: "kubernetes", JWTFile: config.DefaultJWTFile},
	}
	if c.Keys.Vault != want {
		t.Errorf("read %+v", c.Keys.Vault)
	}
}
