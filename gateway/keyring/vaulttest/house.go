package vaulttest

import (
	"crypto/rand"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// House is a place of its own in a Vault: mounts, the policies of deploy/vault, and
// a role for the gateway and one for the operator.
type House struct {
	Server *Server
	// Transit and KV are the mounts, AppRole that of the logins.
	Transit, KV, AppRole string
	// GatewayPolicy and OperatorPolicy are the names of the policies.
	GatewayPolicy, OperatorPolicy string
	Gateway, Operator             Login
}

// Login is a role with its secrets in files.
type Login struct{ Role, RoleIDFile, SecretIDFile string }

// New makes a house in the Vault of this test binary, for a test that cares for neither.
func New(tb testing.TB) *House {
	tb.Helper()
	return NewHouse(tb, Shared(tb), "1h", "2h")
}

// NewHouse makes a house in a Vault. Tokens live for ttl, a Vault duration, and twice
// that at most.
func NewHouse(tb testing.TB, s *Server, ttl, most string) *House {
	tb.Helper()
	id := strings.ToLower(rand.Text())[:8]
	h := &House{
		Server: s, Transit: "concord-transit-" + id, KV: "concord-kv-" + id, AppRole: "approle-" + id,
		GatewayPolicy: "gateway-" + id, OperatorPolicy: "operator-" + id,
	}
	s.Admin(tb, http.MethodPost, "sys/mounts/"+h.Transit, map[string]any{"type": "transit"})
	s.Admin(tb, http.MethodPost, "sys/mounts/"+h.KV, map[string]any{"type": "kv", "options": map[string]any{"version": "2"}})
	s.Admin(tb, http.MethodPost, "sys/auth/"+h.AppRole, map[string]any{"type": "approle"})
	h.policy(tb, h.GatewayPolicy, "gateway.hcl")
	h.policy(tb, h.OperatorPolicy, "operator.hcl")
	h.configure(tb)
	h.Gateway = h.NewLogin(tb, "gateway", h.GatewayPolicy, ttl, most)
	h.Operator = h.NewLogin(tb, "operator", h.OperatorPolicy, ttl, most)
	return h
}

// configure sets the KV mount as deploy/vault says. A new one is upgraded for a
// moment, in which it refuses.
func (h *House) configure(tb testing.TB) {
	tb.Helper()
	deadline := time.After(startTimeout)
	tick := time.NewTicker(poll)
	defer tick.Stop()
	for {
		status, _, err := h.Server.Call(h.Server.Root, http.MethodPost, h.KV+"/config", map[string]any{"cas_required": true, "max_versions": 1})
		if err != nil {
			tb.Fatal(err)
		}
		if status < http.StatusBadRequest {
			return
		}
		select {
		case <-deadline:
			tb.Fatalf("the KV mount is not ready: %d", status)
		case <-tick.C:
		}
	}
}

// policy loads a policy of deploy/vault, for the mounts of this house.
func (h *House) policy(tb testing.TB, name, file string) {
	tb.Helper()
	raw, err := os.ReadFile(filepath.Join(root(tb), "deploy", "vault", file))
	if err != nil {
		tb.Fatal(err)
	}
	text := strings.NewReplacer("concord-transit/", h.Transit+"/", "concord-kv/", h.KV+"/").Replace(string(raw))
	h.Server.Admin(tb, http.MethodPut, "sys/policies/acl/"+name, map[string]any{"policy": text})
}

// NewLogin makes a role with a policy, and files with its secrets.
func (h *House) NewLogin(tb testing.TB, role, policy, ttl, most string) Login {
	tb.Helper()
	at := "auth/" + h.AppRole + "/role/" + role
	h.Server.Admin(tb, http.MethodPost, at, map[string]any{
		"token_policies": []string{policy}, "token_no_default_policy": true, "token_ttl": ttl, "token_max_ttl": most,
	})
	dir := tb.TempDir()
	l := Login{Role: role, RoleIDFile: filepath.Join(dir, "role-id"), SecretIDFile: filepath.Join(dir, "secret-id")}
	save(tb, l.RoleIDFile, datum(tb, h.Server.Admin(tb, http.MethodGet, at+"/role-id", nil), "role_id"))
	save(tb, l.SecretIDFile, datum(tb, h.Server.Admin(tb, http.MethodPost, at+"/secret-id", nil), "secret_id"))
	return l
}

// Token logs in and returns a token, for a test that asks by itself.
func (h *House) Token(tb testing.TB, l Login) string {
	tb.Helper()
	role, err := os.ReadFile(l.RoleIDFile)
	if err != nil {
		tb.Fatal(err)
	}
	secret, err := os.ReadFile(l.SecretIDFile)
	if err != nil {
		tb.Fatal(err)
	}
	answer := h.Server.Admin(tb, http.MethodPost, "auth/"+h.AppRole+"/login", map[string]any{"role_id": string(role), "secret_id": string(secret)})
	auth, _ := answer["auth"].(map[string]any)
	token, _ := auth["client_token"].(string)
	if token == "" {
		tb.Fatal("the login gives no token")
	}
	return token
}

func datum(tb testing.TB, answer map[string]any, name string) string {
	tb.Helper()
	data, _ := answer["data"].(map[string]any)
	value, _ := data[name].(string)
	if value == "" {
		tb.Fatalf("the answer has no %s", name)
	}
	return value
}

func save(tb testing.TB, path, text string) {
	tb.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		tb.Fatal(err)
	}
}

// root is the folder of the module.
func root(tb testing.TB) string {
	tb.Helper()
	dir, err := os.Getwd()
	if err != nil {
		tb.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		if filepath.Dir(dir) == dir {
			tb.Fatal("no go.mod above the test")
		}
		dir = filepath.Dir(dir)
	}
}
