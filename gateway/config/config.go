// Package config reads the configuration of a gateway: one YAML file, read
// strictly. An unknown key, a missing value and a value out of bounds are
// errors that name the key; nothing is guessed.
package config

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/concord-gateway/concord/gateway/fault"
)

// Config is the configuration of a gateway.
type Config struct {
	// Listen is the address of the API, "host:port".
	Listen string `yaml:"listen"`
	// DataDir holds the database and the local keys, mode 0700. Relative paths
	// of the file are relative to the file's own folder.
	DataDir string `yaml:"data_dir"`
	// Production refuses what is meant for demonstration.
	Production bool `yaml:"production"`
	TLS        TLS  `yaml:"tls"`
	// Store says where everything is kept but the keys. Empty means an embedded
	// database in DataDir, for one gateway.
	Store Store `yaml:"store"`
	// Keys says who holds the keys.
	Keys Keys `yaml:"keys"`
	// PoliciesDir and SchemasDir replace what is built into the binary. Empty
	// means built in.
	PoliciesDir string    `yaml:"policies_dir"`
	SchemasDir  string    `yaml:"schemas_dir"`
	Policy      Policy    `yaml:"policy"`
	Log         Log       `yaml:"log"`
	Retention   Retention `yaml:"retention"`
	Issuers     []Issuer  `yaml:"issuers"`
	Limits      Limits    `yaml:"limits"`
	Proxies     Proxies   `yaml:"proxies"`
	// PublicURL is the address by which callers reach the API, such as
	// https://concord.example. DPoP proofs are checked against it.
	PublicURL string `yaml:"public_url"`
}

// Retention says how what is past its retention is erased. How long that is, the
// agreements say.
type Retention struct {
	// Every is how often the gateway looks for it.
	Every time.Duration `yaml:"every"`
}

// Policy says where the rules come from and whose signatures count. The keys
// of authors and approvers are registered here and nowhere else: never through
// the API.
type Policy struct {
	// Bundle is a signed policy bundle; it is read again when it is replaced.
	// Empty means PoliciesDir and SchemasDir, or what is built in.
	Bundle string `yaml:"bundle"`
	// Every is how often the bundle, and the dates on which agreements go live,
	// are looked at.
	Every time.Duration `yaml:"every"`
	// Authors may sign bundles.
	Authors []Signatory `yaml:"authors"`
	// Approvers may approve agreements for their agency.
	Approvers []Signatory `yaml:"approvers"`
}

// Signatory is somebody whose key counts.
type Signatory struct {
	// Agency is the approver's; an author speaks for none.
	Agency string `yaml:"agency"`
	// Subject is who holds the key, as tokens name them.
	Subject string `yaml:"subject"`
	// Key is the public key, a verifier key (c2sp.org/signed-note).
	Key string `yaml:"key"`
}

// Store names the database.
type Store struct {
	Mongo Mongo `yaml:"mongo"`
}

// Mongo is a server that speaks the MongoDB protocol, which several gateways may
// share.
type Mongo struct {
	// URI is a connection string (mongodb:// or mongodb+srv://). Empty means
	// none. It may hold a password: the file is the gateway's alone.
	URI string `yaml:"uri"`
	// URIFile is a file that holds the connection string in its place, for what
	// hands out secrets as files. Load reads it into URI.
	URIFile string `yaml:"uri_file"`
	// Database is the name of the database.
	Database string `yaml:"database"`
}

// DefaultDatabase is used where the file names none.
const DefaultDatabase = "concord"

// TLS names the certificate chain and the key that the gateway serves with, both PEM.
// Both empty means plain HTTP, which production refuses unless all that can reach it are
// proxies on the same machine. The files are read again when they are replaced.
type TLS struct {
	Cert string `yaml:"cert"`
	Key  string `yaml:"key"`
	// ClientCA holds the authorities, PEM, whose certificates of clients are taken. A
	// client need not have one, but one that it shows has to verify. Empty means that
	// none is asked for.
	ClientCA string `yaml:"client_ca"`
}

// Log configures the audit log.
type Log struct {
	// Origin is the name of the log in its checkpoints, for ever.
	Origin string `yaml:"origin"`
	// CheckpointEvery is how often a checkpoint is published.
	CheckpointEvery time.Duration `yaml:"checkpoint_every"`
	// KeyVersion is the version of the log key to bring the log to; 0 means the
	// one that it has come to, which is 1 at first.
	KeyVersion int `yaml:"key_version"`
	// Witnesses are asked to cosign every checkpoint; one is published only when
	// Quorum of them have.
	Witnesses []Witness `yaml:"witnesses"`
	Quorum    int       `yaml:"quorum"`
	// Patience is how long entries may wait for that before nothing more is
	// released.
	Patience time.Duration `yaml:"patience"`
}

// DefaultCheckpointEvery is used where the file gives no interval.
const DefaultCheckpointEvery = 5 * time.Second

// maxKeyVersion bounds a mistyped version, each of which up to it makes a key.
const maxKeyVersion = 1000

// DefaultPolicyEvery is used where the file gives no interval.
const DefaultPolicyEvery = 2 * time.Second

// DefaultRetentionEvery is used where the file gives no interval.
const DefaultRetentionEvery = time.Hour

// Load reads and checks the file.
func Load(path string) (*Config, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, "config.Load", "The configuration cannot be read.", err)
	}
	c, err := Parse(raw)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, "config.Load", "The configuration "+path+" is not valid.", err)
	}
	c.resolve(filepath.Dir(path))
	if err := c.Store.Mongo.read(); err != nil {
		return nil, fault.Wrap(fault.Invalid, "config.Load", "The configuration "+path+" is not valid.", err)
	}
	return c, nil
}

// Parse reads a configuration from bytes; paths stay as they are.
func Parse(raw []byte) (*Config, error) {
	c := &Config{
		Store: Store{Mongo: Mongo{Database: DefaultDatabase}},
		Log:   Log{CheckpointEvery: DefaultCheckpointEvery, Patience: DefaultPatience}, Policy: Policy{Every: DefaultPolicyEvery},
		Retention: Retention{Every: DefaultRetentionEvery}, Limits: DefaultLimits(),
	}
	dec := yaml.NewDecoder(bytes.NewReader(raw), yaml.Strict(), yaml.DisallowUnknownField())
	if err := dec.Decode(c); err != nil {
		text := yaml.FormatError(err, false, true)
		if strings.HasPrefix(text, "time:") { // a duration, whose key the library does not name
			text = "log.checkpoint_every, log.patience, policy.every, retention.every, keys.vault.cache, keys.vault.timeout or limits.slow: " + text
		}
		return nil, fmt.Errorf("%s", text)
	}
	c.Keys.Vault.complete()
	return c, c.check()
}

func (c *Config) check() error {
	if _, _, err := net.SplitHostPort(c.Listen); err != nil {
		return fmt.Errorf("listen: want host:port: %w", err)
	}
	switch {
	case c.DataDir == "":
		return missing("data_dir")
	case c.Log.Origin == "":
		return missing("log.origin")
	case c.Log.CheckpointEvery < 100*time.Millisecond || c.Log.CheckpointEvery > time.Hour:
		return errors.New("log.checkpoint_every: want 100ms to 1h")
	case c.Log.KeyVersion < 0 || c.Log.KeyVersion > maxKeyVersion:
		return errors.New("log.key_version: want 1 to 1000, one more than before to rotate the key")
	case c.Retention.Every < time.Minute || c.Retention.Every > 24*time.Hour:
		return errors.New("retention.every: want 1m to 24h")
	case (c.TLS.Cert == "") != (c.TLS.Key == ""):
		return errors.New("tls: cert and key go together")
	case c.TLS.ClientCA != "" && c.TLS.Cert == "":
		return errors.New("tls.client_ca: does nothing without tls.cert")
	case c.Production && c.TLS.Cert == "" && !c.behindProxy():
		return errors.New("tls: production serves over TLS only, or on this machine to proxies on this machine")
	case len(c.Issuers) == 0:
		return missing("issuers")
	}
	if err := errors.Join(c.Store.Mongo.check(), c.Limits.check(), c.Proxies.check()); err != nil {
		return err
	}
	if err := c.checkIssuers(); err != nil {
		return err
	}
	if err := c.Keys.check(c.Production); err != nil {
		return err
	}
	if err := c.Log.checkWitnesses(c.Production); err != nil {
		return err
	}
	return c.Policy.check(c)
}

// check does not print the connection string, which may hold a password.
func (m *Mongo) check() error {
	if m.URI != "" && m.URIFile != "" {
		return errors.New("store.mongo: want uri or uri_file, not both")
	}
	if m.URI != "" && !isMongo(m.URI) {
		return errors.New("store.mongo.uri: want mongodb:// or mongodb+srv://")
	}
	if m.Database == "" || strings.ContainsAny(m.Database, "/\\. \"$*<>:|?\x00") {
		return errors.New("store.mongo.database: want the name of a database")
	}
	return nil
}

// read takes the connection string from its file, where there is one.
func (m *Mongo) read() error {
	if m.URIFile == "" {
		return nil
	}
	raw, err := os.ReadFile(m.URIFile)
	if err != nil {
		return fmt.Errorf("store.mongo.uri_file: %w", err)
	}
	m.URI = strings.TrimSpace(string(raw))
	if !isMongo(m.URI) || strings.ContainsAny(m.URI, " \t\r\n") {
		return errors.New("store.mongo.uri_file: want one line, mongodb:// or mongodb+srv://")
	}
	return nil
}

func isMongo(uri string) bool {
	return strings.HasPrefix(uri, "mongodb://") || strings.HasPrefix(uri, "mongodb+srv://")
}

func (p *Policy) check(c *Config) error {
	switch {
	case p.Every < 100*time.Millisecond || p.Every > time.Hour:
		return errors.New("policy.every: want 100ms to 1h")
	case c.Production && p.Bundle == "":
		return errors.New("policy.bundle: production takes its rules from a signed bundle only")
	case p.Bundle != "" && (c.PoliciesDir != "" || c.SchemasDir != ""):
		return errors.New("policy.bundle: policies_dir and schemas_dir do not go with it")
	case p.Bundle != "" && len(p.Authors) == 0:
		return missing("policy.authors")
	}
	for i, a := range p.Authors {
		if a.Subject == "" || a.Key == "" || a.Agency != "" {
			return fmt.Errorf("policy.authors[%d]: want a subject and a key, and no agency", i)
		}
	}
	for i, a := range p.Approvers {
		if a.Agency == "" || a.Subject == "" || a.Key == "" {
			return fmt.Errorf("policy.approvers[%d]: want an agency, a subject and a key", i)
		}
	}
	return nil
}

func missing(key string) error { return fmt.Errorf("%s: required", key) }

// resolve makes the paths of the file relative to its folder.
func (c *Config) resolve(base string) {
	paths := []*string{&c.DataDir, &c.PoliciesDir, &c.SchemasDir, &c.TLS.Cert, &c.TLS.Key, &c.TLS.ClientCA, &c.Policy.Bundle, &c.Store.Mongo.URIFile}
	paths = append(paths, c.Keys.Vault.paths()...)
	for i := range c.Issuers {
		paths = append(paths, &c.Issuers[i].JWKSFile, &c.Issuers[i].CAFile)
	}
	for _, p := range paths {
		if *p != "" && !filepath.IsAbs(*p) {
			*p = filepath.Join(base, *p)
		}
	}
}
