package config

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/concord-gateway/concord/gateway/identity"
)

// Issuer is an identity provider of one agency. An agency may have several. Its
// keys come from exactly one of JWKSFile, JWKSURL and Discovery.
type Issuer struct {
	// Name is the exact iss claim. With Discovery it is the address too below which
	// the provider describes itself (OpenID Connect Discovery 1.0).
	Name     string `yaml:"name"`
	Agency   string `yaml:"agency"`
	Audience string `yaml:"audience"`
	// JWKSFile holds the issuer's public keys (RFC 7517).
	JWKSFile string `yaml:"jwks_file"`
	// JWKSURL is where the issuer publishes them.
	JWKSURL   string `yaml:"jwks_url"`
	Discovery bool   `yaml:"discovery"`
	// CAFile holds, in PEM, the authorities that the provider's certificate may be
	// of; empty means those of the system.
	CAFile string `yaml:"ca_file"`
	// Refresh is how often the keys are fetched, and Keep how long the last ones
	// are used when the provider does not answer.
	Refresh time.Duration `yaml:"refresh"`
	Keep    time.Duration `yaml:"keep"`
	// Roles are those that the issuer may assert.
	Roles []identity.Role `yaml:"roles"`
	// Algorithms are those that its tokens may be signed with; none means EdDSA and
	// ES256.
	Algorithms []string `yaml:"algorithms"`
	// TokenType is the typ header of its access tokens; empty means at+jwt.
	TokenType string   `yaml:"token_type"`
	Claims    Claims   `yaml:"claims"`
	Binding   string   `yaml:"binding"`
	Services  Services `yaml:"services"`
}

// Claims says which claims of an issuer hold what: a name, or a JSON pointer that
// begins with a slash.
type Claims struct {
	Agency    string `yaml:"agency"`
	Roles     string `yaml:"roles"`
	Clearance string `yaml:"clearance"`
	TokenID   string `yaml:"token_id"`
	// AgencyFixed says that there is no claim of the agency: all principals are of
	// the issuer's.
	AgencyFixed bool `yaml:"agency_fixed"`
	// RoleNames gives the provider's names of roles or groups their meaning.
	RoleNames map[string]identity.Role `yaml:"role_names"`
}

// Services says which principals of an issuer are systems.
type Services struct {
	Subjects []string `yaml:"subjects"`
	Claim    string   `yaml:"claim"`
	Value    string   `yaml:"value"`
}

// The times of an issuer's keys where the file gives none.
const (
	DefaultRefresh = 5 * time.Minute
	DefaultKeep    = 24 * time.Hour
)

// bindings are the spellings of the file.
var bindings = map[string]identity.Binding{
	"": identity.BindingNone, "none": identity.BindingNone, "certificate": identity.BindingCertificate,
	"dpop": identity.BindingDPoP, "any": identity.BindingAny,
}

// Trusted is what the issuer is trusted for, but for its keys.
func (i *Issuer) Trusted() identity.Issuer {
	return identity.Issuer{
		Name: i.Name, Agency: i.Agency, Audience: i.Audience, Roles: i.Roles, Algorithms: i.Algorithms, Type: i.TokenType,
		Claims: identity.Mapping(i.Claims), Binding: bindings[i.Binding], Services: identity.Services(i.Services),
	}
}

// checkIssuers checks the issuers and what belongs to them, and gives times their
// defaults.
func (c *Config) checkIssuers() error {
	dpop := false
	for i := range c.Issuers {
		is := &c.Issuers[i]
		if is.Refresh == 0 && is.JWKSFile == "" {
			is.Refresh = DefaultRefresh
		}
		if is.Keep == 0 && is.JWKSFile == "" {
			is.Keep = DefaultKeep
		}
		if err := is.check(c.Production); err != nil {
			return fmt.Errorf("issuers[%d].%w", i, err)
		}
		dpop = dpop || is.Binding == "dpop"
	}
	switch {
	case c.PublicURL != "":
		return c.checkPublicURL()
	case dpop:
		return errors.New("public_url: required, since an issuer's tokens are bound by DPoP")
	}
	return nil
}

func (i *Issuer) check(production bool) error {
	sources := 0
	for _, given := range []bool{i.JWKSFile != "", i.JWKSURL != "", i.Discovery} {
		if given {
			sources++
		}
	}
	_, known := bindings[i.Binding]
	switch {
	case sources != 1:
		return errors.New("jwks_file: want one of jwks_file, jwks_url and discovery")
	case i.Discovery && fetchable(i.Name, production) != nil:
		return fmt.Errorf("name: with discovery: %w", fetchable(i.Name, production))
	case i.JWKSURL != "" && fetchable(i.JWKSURL, production) != nil:
		return fmt.Errorf("jwks_url: %w", fetchable(i.JWKSURL, production))
	case i.JWKSFile != "" && (i.CAFile != "" || i.Refresh != 0 || i.Keep != 0):
		return errors.New("jwks_file: ca_file, refresh and keep do not go with it")
	case i.JWKSFile == "" && (i.Refresh < 10*time.Second || i.Refresh > 24*time.Hour):
		return errors.New("refresh: want 10s to 24h")
	case i.JWKSFile == "" && (i.Keep < i.Refresh || i.Keep > 7*24*time.Hour):
		return errors.New("keep: want refresh to 168h")
	case !known:
		return errors.New("binding: want none, certificate, dpop or any")
	}
	return nil
}

// fetchable checks an address that keys are fetched from: HTTPS, or on this very
// machine, and not in production, HTTP.
func fetchable(raw string, production bool) error {
	u, err := url.Parse(raw)
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.ForceQuery || strings.Contains(raw, "#"):
		return errors.New("want an address without user, query and fragment")
	case u.Scheme == "https", u.Scheme == "http" && !production && loopback(u.Hostname()):
		return nil
	}
	return errors.New("want https")
}

func (c *Config) checkPublicURL() error {
	u, err := url.Parse(c.PublicURL)
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.ForceQuery || strings.Contains(c.PublicURL, "#"),
		!slices.Contains([]string{"https", "http"}, u.Scheme), strings.HasSuffix(c.PublicURL, "/"):
		return errors.New("public_url: want https://host, without user, query, fragment and slash at the end")
	case c.Production && u.Scheme != "https":
		return errors.New("public_url: production is reached over https only")
	}
	return nil
}
