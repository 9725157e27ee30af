package gateway_test

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/concord-gateway/concord/gateway"
	"github.com/concord-gateway/concord/gateway/config"
	"github.com/concord-gateway/concord/gateway/keyring/vaulttest"
)

// startError starts a gateway on a changed configuration and returns why it
// does not start.
func startError(t *testing.T, h *house, change func(*config.Config)) error {
	t.Helper()
	cfg := *h.cfg
	change(&cfg)
	settle(t, &cfg)
	gw, err := gateway.New(t.Context(), &cfg, gateway.Options{Clock: h.clock.Now})
	if err == nil {
		_ = gw.Close(t.Context())
	}
	return err
}

// newDataDir is a folder in which nothing has been in force yet.
func newDataDir(t *testing.T) string {
	t.Helper()
	return filepath.Join(t.TempDir(), "data")
}

// TestStartWithBadAgreements does not start on rules that cannot be read or
// that say two things, and names the file and the line.
func TestStartWithBadAgreements(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.stop()
	const file = "agreements/ISA-TH-WMP-001/agreement.json"
	text := read(t, filepath.Join("..", "policies", file))
	cases := []struct {
		name, file, content string
		want                []string
	}{
		{"not JSON", file, strings.Replace(text, `"version": 1,`, `"version": 1,,`, 1), []string{"ISA-TH-WMP-001/agreement.json", ":3"}},
		{"duplicate key", file, strings.Replace(text, `"version": 1,`, "\"version\": 1,\n  \"version\": 2,", 1), []string{"ISA-TH-WMP-001/agreement.json", ":4"}},
		{"unknown key", file, strings.Replace(text, `"version": 1,`, "\"version\": 1,\n  \"extra\": 2,", 1), []string{"ISA-TH-WMP-001/agreement.json", ":4"}},
		{"unknown dataset", file, strings.Replace(text, `"housing.concern"`, `"housing.none"`, 1), []string{"ISA-TH-WMP-001/agreement.json"}},
		{"unknown field", file, strings.Replace(text, `"/household_size": "withhold"`, `"/nothing": "withhold"`, 1), []string{"ISA-TH-WMP-001/agreement.json"}},
		{"unknown treatment", file, strings.Replace(text, `"/source_id": "mask"`, `"/source_id": "blur"`, 1), []string{"ISA-TH-WMP-001/agreement.json"}},
		{
			"two treatments of one field", "agreements/ISA-TH-WMP-009/agreement.json",
			strings.Replace(strings.Replace(text, "ISA-TH-WMP-001", "ISA-TH-WMP-009", 1), `"/date_of_birth": "year"`, `"/date_of_birth": "full"`, 1),
			[]string{"ISA-TH-WMP-001", "ISA-TH-WMP-009", "date_of_birth"},
		},
		{"id that is not its folder's", "agreements/ISA-TH-WMP-009/agreement.json", text, []string{"ISA-TH-WMP-009/agreement.json"}},
		{"conditions that are not Rego", "agreements/ISA-ME-WMP-001/conditions.rego", "package x\n\nthis is not rego\n", []string{"ISA-ME-WMP-001/conditions.rego", "3"}},
		{"core that is not Rego", "concord/release/release.rego", "package concord.release\n\nnot rego at all }\n", []string{"release.rego", "3"}},
		{"purposes that are not JSON", "purposes.json", "[", []string{"purposes"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			dir := copyPolicies(t)
			write(t, filepath.Join(dir, c.file), c.content)
			err := startError(t, h, func(cfg *config.Config) { cfg.PoliciesDir, cfg.DataDir = dir, newDataDir(t) })
			if err == nil {
				t.Fatal("the gateway started")
			}
			for _, w := range c.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("the error does not name %q: %v", w, err)
				}
			}
		})
	}
}

// TestStartWithBadSchemas does not start on a dataset that cannot be used.
func TestStartWithBadSchemas(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.stop()
	for name, content := range map[string]string{
		"not JSON":       `{`,
		"remote $ref":    strings.Replace(parkingSchema, `"type": "string", "enum"`, `"$ref": "https://example.org/x.json", "enum"`, 1),
		"no annotations": `{"$schema":"https://json-schema.org/draft/2020-12/schema","type":"object"}`,
	} {
		dir := copySchemas(t)
		write(t, filepath.Join(dir, "datasets", "council.parking.schema.json"), content)
		err := startError(t, h, func(cfg *config.Config) { cfg.SchemasDir, cfg.DataDir = dir, newDataDir(t) })
		if err == nil || !strings.Contains(err.Error(), "council.parking.schema.json") {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, missing := range []string{"datasets", "places.json"} {
		dir := copySchemas(t)
		if err := os.RemoveAll(filepath.Join(dir, missing)); err != nil {
			t.Fatal(err)
		}
		if err := startError(t, h, func(cfg *config.Config) { cfg.SchemasDir, cfg.DataDir = dir, newDataDir(t) }); err == nil {
			t.Errorf("the gateway started without %s", missing)
		}
	}
}

// TestStartInProduction refuses a folder that a demonstration made, and keys in files.
func TestStartInProduction(t *testing.T) {
	t.Parallel()
	h := newHouse(t, onVault(vaulttest.New(t)))
	h.stop()
	production := func(cfg *config.Config) { cfg.Production = true }
	if err := startError(t, h, production); err != nil {
		t.Errorf("an ordinary folder: %v", err)
	}
	err := startError(t, h, func(cfg *config.Config) { cfg.Production, cfg.Keys, cfg.DataDir = true, config.Keys{}, newDataDir(t) })
	if err == nil || !strings.Contains(err.Error(), "Vault") {
		t.Errorf("keys in files: %v", err)
	}
	write(t, filepath.Join(h.cfg.DataDir, gateway.DemoMark), "")
	if err := startError(t, h, production); err == nil || !strings.Contains(err.Error(), "demonstration") {
		t.Errorf("a demonstration's folder: %v", err)
	}
	if err := startError(t, h, func(*config.Config) {}); err != nil {
		t.Errorf("a demonstration's folder, not in production: %v", err)
	}
}

// TestStartWithBadIssuers does not start without the keys of an issuer.
func TestStartWithBadIssuers(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.stop()
	for name, change := range map[string]func(*config.Config){
		"no key file":        func(c *config.Config) { c.Issuers[0].JWKSFile = "/nowhere/keys.json" },
		"not a key file":     func(c *config.Config) { c.Issuers[0].JWKSFile = "gateway.go" },
		"two of one name":    func(c *config.Config) { c.Issuers = append(c.Issuers, c.Issuers[0]) },
		"role of no meaning": func(c *config.Config) { c.Issuers[0].Roles = append(c.Issuers[0].Roles, "root") },
		"log origin":         func(c *config.Config) { c.Log.Origin = "two words" },
	} {
		err := startError(t, h, func(c *config.Config) {
			c.Issuers = append([]config.Issuer(nil), c.Issuers...)
			change(c)
		})
		if err == nil {
			t.Errorf("%s: the gateway started", name)
		}
	}
	// Another origin is another log: this folder holds none of that name.
	if err := startError(t, h, func(c *config.Config) { c.Log.Origin = "concord.example/other" }); err == nil && h.stored().entries > 0 {
		t.Error("the gateway started on another log's folder")
	}
}

// TestServedDescription serves the description that it is held against, and a
// page made of it, to whoever has a token.
func TestServedDescription(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	var doc struct {
		OpenAPI string `json:"openapi"`
		Paths   map[string]map[string]json.RawMessage
	}
	h.call("operator", http.MethodGet, "/openapi.json", nil).want(http.StatusOK, &doc)
	n := 0
	for _, methods := range doc.Paths {
		n += len(methods)
	}
	if doc.OpenAPI != "3.1.0" || n != len(accessTable())+len(public()) {
		t.Errorf("%s with %d routes", doc.OpenAPI, n)
	}
	page := h.call("operator", http.MethodGet, "/docs", nil).want(http.StatusOK, nil)
	if !strings.Contains(string(page.body), "/v1/profiles/subject") || strings.Contains(string(page.body), "<script") {
		t.Error("the page does not show the routes, or brings a script")
	}
}
