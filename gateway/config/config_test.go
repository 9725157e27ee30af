package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/concord-gateway/concord/gateway/config"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/identity"
)

const good = `listen: 127.0.0.1:8443
data_dir: data
production: true
tls: {cert: tls/chain.pem, key: /etc/tls/key.pem}
policy:
  bundle: rules/bundle.tar.gz
  every: 3s
  authors: [{subject: author@police.example, key: police/author+1+x}]
  approvers: [{agency: police, subject: siro@police.example, key: police/siro+1+x}]
retention: {every: 30m}
log:
  {origin: concord.example/log, checkpoint_every: 2s, key_version: 2, quorum: 1, patience: 2h, witnesses: [
    {name: health, url: https://witness.health.example, key: health+1+a}, {url: http://127.0.0.1:7380/w, key: housing+2+b+c}]}
keys: {vault: {address: "https://vault.example:8200", approle: {role_id_file: vault/role-id, secret_id_file: /etc/vault/secret-id}}}
store: {mongo: {uri: "mongodb://db.example:27017/?replicaSet=rs0", database: sharing}}
issuers:
  - name: https://id.police.example
    agency: police
    audience: https://concord.example
    jwks_file: keys/police.json
    roles: [analyst, ig-lead]
`

// TestLoad reads a file, with its relative paths below its own folder.
func TestLoad(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "concord.yaml")
	if err := os.WriteFile(path, []byte(good), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := config.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	want := &config.Config{
		Listen: "127.0.0.1:8443", DataDir: filepath.Join(dir, "data"), Production: true,
		TLS: config.TLS{Cert: filepath.Join(dir, "tls/chain.pem"), Key: "/etc/tls/key.pem"},
		Policy: config.Policy{
			Bundle: filepath.Join(dir, "rules/bundle.tar.gz"), Every: 3 * time.Second,
			Authors:   []config.Signatory{{Subject: "author@police.example", Key: "police/author+1+x"}},
			Approvers: []config.Signatory{{Agency: "police", Subject: "siro@police.example", Key: "police/siro+1+x"}},
		},
		Keys: config.Keys{Vault: config.Vault{
			Address: "https://vault.example:8200", TransitMount: "concord-transit", KVMount: "concord-kv",
			AppRole: config.AppRole{RoleIDFile: filepath.Join(dir, "vault/role-id"), SecretIDFile: "/etc/vault/secret-id", Mount: "approle"},
			Cache:   time.Hour, Timeout: 5 * time.Second,
		}},
		Log: config.Log{
			Origin: "concord.example/log", CheckpointEvery: 2 * time.Second, KeyVersion: 2, Quorum: 1, Patience: 2 * time.Hour,
			Witnesses: []config.Witness{
				{Name: "health", URL: "https://witness.health.example", Key: "health+1+a"}, {URL: "http://127.0.0.1:7380/w", Key: "housing+2+b+c"},
			},
		},
		Retention: config.Retention{Every: 30 * time.Minute},
		Store:     config.Store{Mongo: config.Mongo{URI: "mongodb://db.example:27017/?replicaSet=rs0", Database: "sharing"}},
		Issuers: []config.Issuer{{
			Name: "https://id.police.example", Agency: "police", Audience: "https://concord.example",
			JWKSFile: filepath.Join(dir, "keys/police.json"), Roles: []identity.Role{identity.Analyst, identity.IGLead},
		}},
		Limits: config.DefaultLimits(),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if _, err := config.Load(filepath.Join(dir, "none.yaml")); !fault.Is(err, fault.Invalid) {
		t.Errorf("a file that is not there: %v", err)
	}
	if err := os.WriteFile(path, []byte("listen: x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := config.Load(path); !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), path) {
		t.Errorf("a file that is wrong: %v", err)
	}
}

// TestParseDefaults fills in what may be left out.
func TestParseDefaults(t *testing.T) {
	t.Parallel()
	c, err := config.Parse([]byte(strings.NewReplacer(
		", checkpoint_every: 2s", "", ", patience: 2h", "", "  every: 3s\n", "", "retention: {every: 30m}\n", "", ", database: sharing", "",
	).Replace(good)))
	if err != nil || c.Log.CheckpointEvery != config.DefaultCheckpointEvery || c.Policy.Every != config.DefaultPolicyEvery || c.DataDir != "data" ||
		c.Retention.Every != config.DefaultRetentionEvery || c.Store.Mongo.Database != config.DefaultDatabase || c.Log.Patience != config.DefaultPatience {
		t.Errorf("%+v, %v", c, err)
	}
}

// TestParseRefuses breaks one thing after the other: each is an error that
// names the key.
func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, old, new, want string }{
		{"no listen", "listen: 127.0.0.1:8443\n", "", "listen"},
		{"no port", "127.0.0.1:8443", "127.0.0.1", "listen"},
		{"no data_dir", "data_dir: data\n", "", "data_dir"},
		{"no origin", "origin: concord.example/log, ", "", "log.origin"},
		{"interval too short", "checkpoint_every: 2s", "checkpoint_every: 50ms", "log.checkpoint_every"},
		{"interval too long", "checkpoint_every: 2s", "checkpoint_every: 2h", "log.checkpoint_every"},
		{"interval without unit", "checkpoint_every: 2s", "checkpoint_every: two", "checkpoint_every"},
		{"certificate without key", ", key: /etc/tls/key.pem", "", "tls"},
		{"production without TLS", "tls: {cert: tls/chain.pem, key: /etc/tls/key.pem}\n", "", "tls"},
		{"quorum below nothing", "quorum: 1", "quorum: -1", "log.quorum"},
		{"quorum of more than there are", "quorum: 1", "quorum: 3", "log.quorum"},
		{"patience too short", "patience: 2h", "patience: 59s", "log.patience"},
		{"patience too long", "patience: 2h", "patience: 25h", "log.patience"},
		{"seldom published", "checkpoint_every: 2s", "checkpoint_every: 31s", "log.checkpoint_every"},
		{"witness without a key", ", key: health+1+a", "", "log.witnesses[0].key"},
		{"one witness twice", "health+1+a", "health+1+b+c", "log.witnesses[1].key"},
		{"witness without a URL", "url: http://127.0.0.1:7380/w, ", "", "log.witnesses[1].url"},
		{"witness over another scheme", "http://127", "ftp://127", "log.witnesses[1].url"},
		{"witness without TLS", "https://witness", "http://witness", "log.witnesses[0].url"},
		{"erased too often", "every: 30m", "every: 59s", "retention.every"},
		{"erased too seldom", "every: 30m", "every: 25h", "retention.every"},
		{"policy interval too short", "every: 3s", "every: 5ms", "policy.every"},
		{"production without a bundle", "  bundle: rules/bundle.tar.gz\n", "", "policy.bundle"},
		{"bundle and folder", "production: true", "production: true\npolicies_dir: policies", "policy.bundle"},
		{"bundle without authors", "  authors: [{subject: author@police.example, key: police/author+1+x}]\n", "", "policy.authors"},
		{"author of an agency", "subject: author@police.example", "agency: police, subject: author@police.example", "policy.authors[0]"},
		{"author without a key", ", key: police/author+1+x", "", "policy.authors[0]"},
		{"approver without an agency", "agency: police, subject: siro", "subject: siro", "policy.approvers[0]"},
		{"key version below 0", "key_version: 2", "key_version: -1", "log.key_version"},
		{"key version mistyped", "key_version: 2", "key_version: 20000", "log.key_version"},
		{"another database's URI", "mongodb://db", "postgres://db", "store.mongo.uri"},
		{"no name of a database", "database: sharing", `database: ""`, "store.mongo.database"},
		{"a database's name with a dot", "database: sharing", "database: a.b", "store.mongo.database"},
		{"no issuers", good[strings.Index(good, "issuers:"):], "", "issuers"},
		{"issuer without keys", "    jwks_file: keys/police.json\n", "", "issuers[0].jwks_file"},
		{"unknown key", "production: true", "prodution: true", "prodution"},
		{"unknown key inside", "agency: police", "agencies: police", "agencies"},
		{"key given twice", "data_dir: data", "data_dir: data\ndata_dir: other", "data_dir"},
		{"wrong case", "data_dir: data", "Data_Dir: data", "Data_Dir"},
		{"wrong type", "production: true", "production: [x]", "production"},
		{"not YAML", "listen:", "listen: {", ""},
	} {
		text := strings.Replace(good, c.old, c.new, 1)
		if text == good {
			t.Fatalf("%s: the case changes nothing", c.name)
		}
		got, err := config.Parse([]byte(text))
		if err == nil {
			t.Errorf("%s: read as %+v", c.name, got)
			continue
		}
		if !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: the error does not name %q: %v", c.name, c.want, err)
		}
	}
	if _, err := config.Parse(nil); err == nil {
		t.Error("an empty file was taken")
	}
}

// FuzzParse holds that whatever is read has been checked.
func FuzzParse(f *testing.F) {
	f.Add([]byte(good))
	f.Add([]byte("listen: :1"))
	f.Add([]byte("? [a]\n: b"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		c, err := config.Parse(raw)
		if err != nil {
			return
		}
		if c.DataDir == "" || c.Log.Origin == "" || len(c.Issuers) == 0 || c.Log.CheckpointEvery <= 0 || c.Production && c.TLS.Cert == "" && len(c.Proxies.Addresses) == 0 {
			t.Errorf("%+v", c)
		}
	})
}
