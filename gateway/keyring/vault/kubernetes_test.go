package vault

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// jwt makes a token as a Kubernetes API server makes one for a service account.
func jwt(t *testing.T, key ed25519.PrivateKey, subject string) string {
	t.Helper()
	part := func(v map[string]any) string {
		raw, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return base64.RawURLEncoding.EncodeToString(raw)
	}
	now := time.Now()
	text := part(map[string]any{"alg": "EdDSA", "typ": "JWT"}) + "." + part(map[string]any{
		"iss": "https://kubernetes.default.svc", "aud": []string{"vault"}, "sub": subject,
		"iat": now.Unix(), "nbf": now.Unix() - 1, "exp": now.Add(10 * time.Minute).Unix(),
	})
	return text + "." + base64.RawURLEncoding.EncodeToString(ed25519.Sign(key, []byte(text)))
}

// TestKubernetesLogin logs in by the token of a service account, out of a file that is
// exchanged while the gateway runs. Vault's Kubernetes login is not in the Vault that
// tests build; its JWT login is, which is asked in the same form and checks the
// signature by a key in the place of an API server.
func TestKubernetesLogin(t *testing.T) {
	w := newWorld(t)
	public, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	mount := "kubernetes-" + w.house.AppRole
	admin := func(path string, body map[string]any) {
		t.Helper()
		w.house.Server.Admin(t, http.MethodPost, path, body)
	}
	admin("sys/auth/"+mount, map[string]any{"type": "jwt"})
	admin("auth/"+mount+"/config", map[string]any{
		"jwt_validation_pubkeys": []string{string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))},
	})
	const subject = "system:serviceaccount:concord:concord"
	admin("auth/"+mount+"/role/concord", map[string]any{
		"role_type": "jwt", "user_claim": "sub", "bound_audiences": []string{"vault"}, "bound_subject": subject,
		"token_policies": []string{w.house.GatewayPolicy}, "token_no_default_policy": true, "token_ttl": "1h",
	})
	file := filepath.Join(t.TempDir(), "token")
	save := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	kubernetes := func(o *Options) {
		o.AppRole, o.Kubernetes = AppRole{}, Kubernetes{Mount: mount, Role: "concord", JWTFile: file}
	}

	other := jwt(t, key, "system:serviceaccount:concord:other")
	save(other)
	o := w.options(w.house.Gateway)
	kubernetes(&o)
	_, err = Open(t.Context(), o)
	wantReason(t, err, noLogin)
	wantNoSecret(t, w, err, other)

	first := jwt(t, key, subject)
	save(first)
	r := w.open(kubernetes)
	w.sealer(r, scope)
	second := jwt(t, key, subject)
	save(second + "\n")
	admin("auth/token/revoke", map[string]any{"token": r.conn.api.Token()})
	w.sealer(r, another)
	wantNoSecret(t, w, nil, first, second)
}
