package config

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"
)

// Keys says who holds the keys. Empty means files in DataDir, which production
// refuses: there they lie beside what they protect.
type Keys struct {
	Vault Vault `yaml:"vault"`
}

// Vault is a HashiCorp Vault. deploy/vault says how it is set up.
type Vault struct {
	// Address is a URL, https unless Vault is on this machine. Empty means that
	// there is no Vault.
	Address string `yaml:"address"`
	// CAFile holds the certificates that Vault's must come from, PEM. Empty means
	// those of the system.
	CAFile string `yaml:"ca_file"`
	// Namespace is one of Vault Enterprise.
	Namespace string `yaml:"namespace"`
	// TransitMount and KVMount are where the keys are.
	TransitMount string `yaml:"transit_mount"`
	KVMount      string `yaml:"kv_mount"`
	// AppRole or Kubernetes is how the gateway logs in.
	AppRole    AppRole    `yaml:"approle"`
	Kubernetes Kubernetes `yaml:"kubernetes"`
	// Cache is how long a key serves in memory while Vault does not answer, and at
	// most how long one that was destroyed does.
	Cache time.Duration `yaml:"cache"`
	// Timeout bounds a call to Vault with its retries.
	Timeout time.Duration `yaml:"timeout"`
}

// AppRole is a login by a role and a secret, each in a file that is read at each
// login.
type AppRole struct {
	RoleIDFile   string `yaml:"role_id_file"`
	SecretIDFile string `yaml:"secret_id_file"`
	Mount        string `yaml:"mount"`
}

// Kubernetes is a login by the token of a service account, which is read from its
// file at each login.
type Kubernetes struct {
	Role    string `yaml:"role"`
	JWTFile string `yaml:"jwt_file"`
	Mount   string `yaml:"mount"`
}

// What is used where the file says nothing.
const (
	DefaultTransitMount    = "concord-transit"
	DefaultKVMount         = "concord-kv"
	DefaultAppRoleMount    = "approle"
	DefaultKubernetesMount = "kubernetes"
	DefaultJWTFile         = "/var/run/secrets/kubernetes.io/serviceaccount/token"
	DefaultKeysCache       = time.Hour
	DefaultKeysTimeout     = 5 * time.Second
)

// complete fills in what the file may leave out.
func (v *Vault) complete() {
	if v.Address == "" {
		return
	}
	orElse(&v.TransitMount, DefaultTransitMount)
	orElse(&v.KVMount, DefaultKVMount)
	if v.AppRole != (AppRole{}) {
		orElse(&v.AppRole.Mount, DefaultAppRoleMount)
	}
	if v.Kubernetes != (Kubernetes{}) {
		orElse(&v.Kubernetes.Mount, DefaultKubernetesMount)
		orElse(&v.Kubernetes.JWTFile, DefaultJWTFile)
	}
	if v.Cache == 0 {
		v.Cache = DefaultKeysCache
	}
	if v.Timeout == 0 {
		v.Timeout = DefaultKeysTimeout
	}
}

// UseAppRole has the login made by another role than the file's.
func (v *Vault) UseAppRole(roleIDFile, secretIDFile string) {
	v.AppRole.RoleIDFile, v.AppRole.SecretIDFile, v.Kubernetes = roleIDFile, secretIDFile, Kubernetes{}
	orElse(&v.AppRole.Mount, DefaultAppRoleMount)
}

// paths are those that are relative to the folder of the file.
func (v *Vault) paths() []*string {
	return []*string{&v.CAFile, &v.AppRole.RoleIDFile, &v.AppRole.SecretIDFile, &v.Kubernetes.JWTFile}
}

func orElse(value *string, otherwise string) {
	if *value == "" {
		*value = otherwise
	}
}

func (k *Keys) check(production bool) error {
	v := &k.Vault
	if v.Address == "" {
		switch {
		case *v != Vault{}:
			return missing("keys.vault.address")
		case production:
			return errors.New("keys.vault: production keeps its keys in Vault, not in files beside the data")
		}
		return nil
	}
	u, err := url.Parse(v.Address)
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || u.Scheme != "https" && u.Scheme != "http":
		return errors.New("keys.vault.address: want a URL, https or http")
	case u.Scheme == "http" && !loopback(u.Hostname()):
		return errors.New("keys.vault.address: want https, or Vault on this machine")
	case v.Cache < time.Minute || v.Cache > 24*time.Hour:
		return errors.New("keys.vault.cache: want 1m to 24h")
	case v.Timeout < 100*time.Millisecond || v.Timeout > time.Minute:
		return errors.New("keys.vault.timeout: want 100ms to 1m")
	case v.TransitMount == v.KVMount:
		return errors.New("keys.vault: transit_mount and kv_mount are two mounts")
	case (v.AppRole == AppRole{}) == (v.Kubernetes == Kubernetes{}):
		return errors.New("keys.vault: want approle or kubernetes, and not both")
	}
	for key, mount := range map[string]string{
		"transit_mount": v.TransitMount, "kv_mount": v.KVMount, "approle.mount": v.AppRole.Mount, "kubernetes.mount": v.Kubernetes.Mount,
	} {
		if !isMount(mount) {
			return fmt.Errorf("keys.vault.%s: want the path of a mount, such as concord-transit", key)
		}
	}
	return v.checkLogin()
}

func (v *Vault) checkLogin() error {
	a, k := v.AppRole, v.Kubernetes
	switch {
	case a != AppRole{} && a.RoleIDFile == "":
		return missing("keys.vault.approle.role_id_file")
	case a != AppRole{} && a.SecretIDFile == "":
		return missing("keys.vault.approle.secret_id_file")
	case k != Kubernetes{} && k.Role == "":
		return missing("keys.vault.kubernetes.role")
	}
	return nil
}

// isMount reports whether a text can be the path of a mount; it may be empty.
func isMount(path string) bool {
	for part := range strings.SplitSeq(path, "/") {
		if path != "" && (part == "" || part == "." || part == "..") {
			return false
		}
	}
	return !strings.ContainsFunc(path, func(r rune) bool {
		ok := 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("-_./", r)
		return !ok
	})
}
