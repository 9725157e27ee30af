package vault

import (
	"net/http"
	"strings"
	"testing"

	"github.com/concord-gateway/concord/gateway/attacktest"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/keyring"
)

// attempt is something that a token asks of Vault.
type attempt struct {
	method, path string
	body         any
}

// fill puts the mounts of a house into a path.
func (w *world) fill(path string) string {
	return strings.NewReplacer("{transit}", w.house.Transit, "{kv}", w.house.KV, "{approle}", w.house.AppRole).Replace(path)
}

// forbidden lets a token attempt what it must not.
func (w *world) forbidden(token string, attempts []attempt) {
	w.t.Helper()
	for _, a := range attempts {
		status, answer, err := w.house.Server.Call(token, a.method, w.fill(a.path), a.body)
		if err != nil || status != http.StatusForbidden {
			w.t.Errorf("%s %s %v: %d %v %v", a.method, a.path, a.body, status, answer, err)
		}
	}
	attacktest.VaultPrivileges.Refused(w.t, "asked of a real Vault", len(attempts))
}

// TestGatewayPolicy holds the gateway's token to what a gateway does.
func TestGatewayPolicy(t *testing.T) {
	w := newWorld(t)
	r := w.open()
	w.sealer(r, scope)
	w.sealer(r, keyring.EditionScope)
	if _, err := r.Hasher(t.Context(), keyring.IndexScope("housing.concern")); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Signer(t.Context(), "log"); err != nil {
		t.Fatal(err)
	}
	w.house.Server.Admin(t, http.MethodPost, w.fill("{kv}/data/others/secret"), map[string]any{"data": map[string]any{"a": "b"}, "options": map[string]any{"cas": 0}})
	const record = "{transit}/keys/record.ISA-TH-WMP-001.2026-11"
	keyset := map[string]any{"data": map[string]any{"keyset": "x"}, "options": map[string]any{"cas": 1}}
	w.forbidden(r.conn.api.Token(), []attempt{
		{http.MethodDelete, "{transit}/keys/sign.log", nil},
		{http.MethodPost, "{transit}/keys/sign.log/config", map[string]any{"deletion_allowed": true}},
		{http.MethodPost, "{transit}/keys/sign.log/config", map[string]any{"exportable": true}},
		{http.MethodPost, "{transit}/keys/sign.other", map[string]any{"type": "ed25519", "exportable": true}},
		{http.MethodPost, "{transit}/keys/sign.other", map[string]any{"type": "rsa-2048"}},
		{http.MethodGet, "{transit}/export/signing-key/sign.log", nil},
		{http.MethodGet, "{transit}/export/encryption-key/record.ISA-TH-WMP-001.2026-11", nil},
		{http.MethodGet, "{transit}/backup/sign.log", nil},
		{http.MethodGet, "{transit}/backup/record.ISA-TH-WMP-001.2026-11", nil},
		{http.MethodGet, record, nil},
		{http.MethodPost, record + "/config", map[string]any{"exportable": true}},
		{http.MethodPost, record + "/config", map[string]any{"allow_plaintext_backup": true}},
		{http.MethodPost, record + "/config", map[string]any{"min_decryption_version": 2}},
		{http.MethodPost, record + "/trim", map[string]any{"min_available_version": 1}},
		{http.MethodPost, "{transit}/keys/record.new", map[string]any{"type": "aes256-gcm96", "exportable": true}},
		{http.MethodPost, "{transit}/keys/record.new/import", map[string]any{"ciphertext": "x"}},
		{http.MethodPost, "{transit}/keys/sign.other/import", map[string]any{"ciphertext": "x", "type": "ed25519"}},
		{http.MethodPost, "{transit}/keys/sign.log/import_version", map[string]any{"ciphertext": "x"}},
		{http.MethodGet, "{transit}/wrapping_key", nil},
		{http.MethodDelete, "{transit}/keys/index.housing_2econcern", nil},
		{http.MethodPost, "{transit}/keys/index.housing_2econcern/config", map[string]any{"deletion_allowed": true}},
		{http.MethodDelete, "{transit}/keys/edition", nil},
		{http.MethodPost, "{transit}/keys/other", map[string]any{"type": "aes256-gcm96"}},
		{http.MethodPost, "{transit}/encrypt/record.unmade", map[string]any{"plaintext": "YQ=="}},
		{http.MethodPost, "{transit}/rewrap/record.ISA-TH-WMP-001.2026-11", map[string]any{"ciphertext": "x"}},
		{"LIST", "{transit}/keys", nil},
		{"LIST", "{kv}/metadata/keysets", nil},
		{"LIST", "{kv}/metadata/", nil},
		{http.MethodGet, "{kv}/data/others/secret", nil},
		{http.MethodPost, "{kv}/data/others/secret", keyset},
		{http.MethodPost, "{kv}/data/keysets/record.ISA-TH-WMP-001.2026-11.seal", keyset},
		{http.MethodDelete, "{kv}/data/keysets/record.ISA-TH-WMP-001.2026-11.seal", nil},
		{http.MethodDelete, "{kv}/metadata/keysets/record.ISA-TH-WMP-001.2026-11.seal", nil},
		{http.MethodGet, "{kv}/metadata/keysets/record.ISA-TH-WMP-001.2026-11.seal", nil},
		{http.MethodPost, "{kv}/destroy/keysets/record.ISA-TH-WMP-001.2026-11.seal", map[string]any{"versions": []int{1}}},
		{http.MethodPost, "{kv}/config", map[string]any{"cas_required": false}},
		{http.MethodPost, "auth/token/create", map[string]any{}},
		{http.MethodGet, "sys/policies/acl/" + w.house.GatewayPolicy, nil},
		{http.MethodPost, "auth/{approle}/role/gateway/secret-id", map[string]any{}},
		{http.MethodPut, "sys/seal", nil},
	})
	err := r.Destroy(t.Context(), keyring.EditionScope)
	if !fault.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), "permission denied") {
		t.Errorf("destroying the key of editions: %v", err)
	}
}

// TestOperatorPolicy holds the operator's token to rewrapping: it has no keyset in the
// clear, and makes and destroys nothing.
func TestOperatorPolicy(t *testing.T) {
	w := newWorld(t)
	r := w.open()
	w.sealer(r, scope)
	if _, err := r.Signer(t.Context(), "log"); err != nil {
		t.Fatal(err)
	}
	const record = "{transit}/keys/record.ISA-TH-WMP-001.2026-11"
	w.forbidden(w.operator().ring.conn.api.Token(), []attempt{
		{http.MethodPost, "{transit}/decrypt/record.ISA-TH-WMP-001.2026-11", map[string]any{"ciphertext": "x"}},
		{http.MethodPost, "{transit}/encrypt/record.ISA-TH-WMP-001.2026-11", map[string]any{"plaintext": "YQ=="}},
		{http.MethodPost, "{transit}/sign/sign.log", map[string]any{"input": "YQ=="}},
		{http.MethodPost, "{transit}/keys/sign.log/rotate", map[string]any{}},
		{http.MethodGet, "{transit}/keys/sign.log", nil},
		{http.MethodPost, "{transit}/keys/sign.log", map[string]any{"type": "ed25519"}},
		{http.MethodPost, "{transit}/keys/sign.log.2", map[string]any{"type": "ed25519"}},
		{http.MethodPost, "{transit}/keys/sign.log.2/import", map[string]any{"ciphertext": "x", "type": "ed25519"}},
		{http.MethodPost, "{transit}/keys/sign.log/import", map[string]any{"ciphertext": "x", "type": "ed25519", "exportable": true}},
		{http.MethodPost, "{transit}/keys/sign.log/import", map[string]any{"ciphertext": "x", "type": "ed25519", "allow_plaintext_backup": true}},
		{http.MethodPost, "{transit}/keys/sign.log/import", map[string]any{"ciphertext": "x", "type": "ed25519", "allow_rotation": true}},
		{http.MethodPost, "{transit}/keys/sign.log/import", map[string]any{"public_key": "x", "type": "ed25519"}},
		{http.MethodPost, "{transit}/keys/sign.log/import", map[string]any{"ciphertext": "x", "type": "rsa-2048"}},
		{http.MethodPost, "{transit}/keys/sign.log/import_version", map[string]any{"ciphertext": "x"}},
		{http.MethodPost, "{transit}/keys/record.new", map[string]any{"type": "aes256-gcm96"}},
		{http.MethodPost, "{transit}/keys/record.new/import", map[string]any{"ciphertext": "x"}},
		{http.MethodGet, "{transit}/export/signing-key/sign.log", nil},
		{http.MethodGet, "{transit}/backup/sign.log", nil},
		{http.MethodDelete, record, nil},
		{http.MethodPost, record + "/config", map[string]any{"deletion_allowed": true}},
		{http.MethodGet, "{transit}/export/encryption-key/record.ISA-TH-WMP-001.2026-11", nil},
		{http.MethodDelete, "{kv}/data/keysets/record.ISA-TH-WMP-001.2026-11.seal", nil},
		{http.MethodDelete, "{kv}/metadata/keysets/record.ISA-TH-WMP-001.2026-11.seal", nil},
		{http.MethodPost, "{kv}/data/keysets/new", map[string]any{"data": map[string]any{}, "options": map[string]any{"cas": 0}}},
		{http.MethodPost, "{kv}/data/destroyed/new", map[string]any{"data": map[string]any{}, "options": map[string]any{"cas": 0}}},
	})
}
