package config_test

import (
	"strings"
	"testing"

	"github.com/concord-gateway/concord/gateway/config"
	"github.com/concord-gateway/concord/gateway/identity"
)

const fetchedIssuer = `
listen: 127.0.0.1:0
data_dir: data
log: {origin: concord.example/log}
issuers:
  - name: https://login.west-mercia.example/realms/concord
    agency: west-mercia-police
    audience: concord
    discovery: true
    ca_file: ca.pem
    algorithms: [RS256]
    token_type: JWT
    roles: [analyst, supervisor]
    binding: any
    claims:
      roles: /realm_access/roles
      agency_fixed: true
      token_id: uti
      role_names: {SOC Analysts: analyst}
    services: {claim: idtyp, value: app, subjects: [nightly]}
public_url: https://concord.example
`

func TestIssuers(t *testing.T) {
	c, err := config.Parse([]byte(fetchedIssuer))
	if err != nil {
		t.Fatal(err)
	}
	is := c.Issuers[0]
	if is.Refresh != config.DefaultRefresh || is.Keep != config.DefaultKeep || is.CAFile != "ca.pem" {
		t.Errorf("got %+v", is)
	}
	got := is.Trusted()
	if got.Binding != identity.BindingAny || got.Claims.RoleNames["SOC Analysts"] != identity.Analyst || got.Services.Value != "app" ||
		got.Type != "JWT" || !got.Claims.AgencyFixed || got.Algorithms[0] != identity.RS256 {
		t.Errorf("got %+v", got)
	}
}

func TestIssuersRefused(t *testing.T) {
	for name, c := range map[string]struct{ old, replaced, want string }{
		"no source of keys":       {"    discovery: true\n", "", "issuers[0].jwks_file"},
		"two sources of keys":     {"discovery: true", "discovery: true\n    jwks_url: https://x.example/keys", "issuers[0].jwks_file"},
		"file with authorities":   {"discovery: true", "jwks_file: keys.json", "issuers[0].jwks_file"},
		"discovery over http":     {"name: https://", "name: http://", "issuers[0].name"},
		"discovery with a query":  {"realms/concord", "realms/concord?x=1", "issuers[0].name"},
		"discovery with a # part": {"realms/concord", "realms/concord#", "issuers[0].name"},
		"keys over http":          {"discovery: true", "jwks_url: http://x.example/keys", "issuers[0].jwks_url"},
		"keys from a user":        {"discovery: true", "jwks_url: https://a:b@x.example/keys", "issuers[0].jwks_url"},
		"loopback in production":  {"discovery: true", "jwks_url: http://127.0.0.1/keys\n    production", "jwks_url"},
		"refresh too often":       {"discovery: true", "discovery: true\n    refresh: 1s", "issuers[0].refresh"},
		"keep below refresh":      {"discovery: true", "discovery: true\n    keep: 1m", "issuers[0].keep"},
		"binding unknown":         {"binding: any", "binding: some", "issuers[0].binding"},
		"dpop without an address": {"binding: any", "binding: dpop", "public_url"},
		"address with a slash":    {"https://concord.example\n", "https://concord.example/\n", "public_url"},
		"address of no scheme":    {"public_url: https://concord.example", "public_url: concord.example", "public_url"},
	} {
		raw := strings.Replace(fetchedIssuer, c.old, c.replaced, 1)
		switch name {
		case "loopback in production":
			raw = strings.Replace(fetchedIssuer, "discovery: true", "jwks_url: http://127.0.0.1/keys", 1)
			raw += "production: true\ntls: {cert: a, key: b}\npolicy: {bundle: b, authors: []}\n"
		case "dpop without an address":
			raw = strings.Replace(raw, "public_url: https://concord.example\n", "", 1)
		}
		if raw == fetchedIssuer {
			t.Fatalf("%s: nothing replaced", name)
		}
		if _, err := config.Parse([]byte(raw)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %s", name, err, c.want)
		}
	}
	plain := strings.Replace(fetchedIssuer, "discovery: true", "jwks_url: http://127.0.0.1:80/keys", 1)
	if _, err := config.Parse([]byte(plain)); err != nil {
		t.Errorf("plain HTTP on this machine, for development: %v", err)
	}
}
