package gateway_test

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/concord-gateway/concord/gateway/config"
	"github.com/concord-gateway/concord/gateway/demo"
	"github.com/concord-gateway/concord/gateway/policy/bundle"
	"github.com/concord-gateway/concord/policies"
	"github.com/concord-gateway/concord/schemas"
)

// liveSince is when the parties of the tests have their agreements live.
func liveSince() time.Time { return time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC) }

// theParties are those of all tests: making keys and approvals once is enough.
var theParties = sync.OnceValues(demo.NewParties)

// theFiles are the built-in rules with everybody's approval.
var theFiles = sync.OnceValues(func() (bundle.Files, error) {
	p, err := theParties()
	if err != nil {
		return nil, err
	}
	files, err := bundle.Gather(policies.Files, schemas.Files)
	if err != nil {
		return nil, err
	}
	return p.Sign(files, liveSince())
})

// theBundle is the first bundle of theFiles.
var theBundle = sync.OnceValues(func() ([]byte, error) {
	files, err := theFiles()
	if err != nil {
		return nil, err
	}
	p, err := theParties()
	if err != nil {
		return nil, err
	}
	return p.Bundle(files, 1)
})

// parties returns the parties of the tests.
func parties(t testing.TB) *demo.Parties {
	t.Helper()
	p, err := theParties()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// settle gives a configuration rules that all parties have approved: the
// built-in ones as a bundle, or what is in its folders, signed where it stands.
func settle(t testing.TB, cfg *config.Config) {
	t.Helper()
	known := parties(t).Config
	cfg.Policy.Every, cfg.Policy.Authors, cfg.Policy.Approvers = time.Hour, known.Authors, known.Approvers
	if cfg.PoliciesDir == "" && cfg.SchemasDir == "" {
		raw, err := theBundle()
		if err != nil {
			t.Fatal(err)
		}
		cfg.Policy.Bundle = filepath.Join(t.TempDir(), "bundle.tar.gz")
		write(t, cfg.Policy.Bundle, string(raw))
		return
	}
	cfg.Policy.Bundle = ""
	if cfg.PoliciesDir == "" {
		cfg.PoliciesDir = copyPolicies(t)
	}
	approve(t, cfg)
}

// approve signs what can be read in the folders of a configuration. What cannot
// be read stays unsigned; the gateway says why.
func approve(t testing.TB, cfg *config.Config) {
	t.Helper()
	from := cfg.SchemasDir
	if from == "" {
		from = copySchemas(t)
	}
	files, err := bundle.Gather(os.DirFS(cfg.PoliciesDir), os.DirFS(from))
	if err != nil {
		return
	}
	signed, err := parties(t).Sign(files, liveSince())
	if err != nil {
		return
	}
	for name, raw := range signed {
		if strings.HasSuffix(name, "/approval.note") {
			write(t, filepath.Join(cfg.PoliciesDir, name), string(raw))
		}
	}
}
