package identity

import (
	"strings"

	"github.com/concord-gateway/concord/gateway/fault"
)

// wellKnown is where a provider describes itself (OpenID Connect Discovery 1.0
// section 4).
const wellKnown = "/.well-known/openid-configuration"

// DiscoveryURL returns where the provider of that name describes itself.
func DiscoveryURL(issuer string) string { return strings.TrimSuffix(issuer, "/") + wellKnown }

// ParseDiscovery reads the description of a provider and returns where it
// publishes its keys. The description must be the one of that issuer, byte for
// byte (section 4.3). Errors are faults of kind Invalid. The address is for the
// caller to check.
func ParseDiscovery(raw []byte, issuer string) (jwksURI string, err error) {
	m, err := members(raw)
	if err == nil {
		var name string
		if name, err = text(m, "issuer"); err == nil && (name != issuer || name == "") {
			err = refusal("it describes another issuer")
		}
	}
	if err == nil {
		jwksURI, err = text(m, "jwks_uri")
	}
	if err != nil {
		return "", fault.Wrap(fault.Invalid, "identity.ParseDiscovery", "The description of the provider is not usable.", err)
	}
	return jwksURI, nil
}
