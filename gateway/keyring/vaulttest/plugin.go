package vaulttest

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"
)

// KubernetesVariable is the environment variable that names the binary of Vault's
// Kubernetes login, which is a plug-in: the Vault of the tests is built without it.
const KubernetesVariable = "CONCORD_TEST_VAULT_KUBERNETES"

// pluginFolder is the line of the configuration that says where the plug-in is, or
// nothing. Vault follows no link out of that folder.
func pluginFolder() (string, error) {
	path := os.Getenv(KubernetesVariable)
	if path == "" {
		return "", nil
	}
	path, err := filepath.EvalSymlinks(path)
	if err != nil {
		return "", fmt.Errorf("what %s names is not there: %w", KubernetesVariable, err)
	}
	return fmt.Sprintf("plugin_directory = %q\n", filepath.Dir(path)), nil
}

// NewKubernetesLogin lets the service accounts of a cluster log in, as deploy/vault
// says: those of one name in one namespace, with tokens for Audience. It returns the
// mount; the role is called "concord".
func (h *House) NewKubernetesLogin(tb testing.TB, c *Cluster, namespace, name, ttl, most string) (mount string) {
	tb.Helper()
	require(tb, KubernetesVariable)
	path, err := filepath.EvalSymlinks(os.Getenv(KubernetesVariable))
	if err != nil {
		tb.Fatal(err)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		tb.Fatal(err)
	}
	sum := sha256.Sum256(raw)
	s := h.Server
	s.Admin(tb, http.MethodPut, "sys/plugins/catalog/auth/kubernetes", map[string]any{
		"command": filepath.Base(path), "sha256": hex.EncodeToString(sum[:]),
	})
	mount = "kubernetes-" + h.AppRole
	s.Admin(tb, http.MethodPost, "sys/auth/"+mount, map[string]any{"type": "kubernetes"})
	s.Admin(tb, http.MethodPost, "auth/"+mount+"/config", map[string]any{
		"kubernetes_host": c.URL, "kubernetes_ca_cert": c.CA(), "token_reviewer_jwt": c.Reviewer(tb), "disable_local_ca_jwt": true,
	})
	s.Admin(tb, http.MethodPost, "auth/"+mount+"/role/concord", map[string]any{
		"bound_service_account_names": name, "bound_service_account_namespaces": namespace, "audience": Audience,
		"token_policies": []string{h.GatewayPolicy}, "token_no_default_policy": true, "token_ttl": ttl, "token_max_ttl": most,
	})
	return mount
}
