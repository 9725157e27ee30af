package devissuer

import (
	"crypto/ed25519"
	"crypto/rand"
	"io/fs"
	"path/filepath"
	"slices"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/identity"
)

// Audience is the audience of the tokens that are minted here.
const Audience = "https://concord.example"

// MaxLifetime is the longest lifetime of a token.
const MaxLifetime = 24 * time.Hour

// Police is the agency that runs the gateway. Its issuer may assert every role;
// those of the others only what a partner's staff do.
const Police = "west-mercia-police"

var partnerRoles = []identity.Role{identity.Submitter, identity.Analyst, identity.PartnerIG, identity.Approver}

// Issuer mints tokens for several agencies. It is safe for concurrent use once
// Clock is set.
type Issuer struct {
	// Clock tells the time at which tokens are minted; time.Now by default.
	Clock func() time.Time

	dir  string
	keys map[string]ed25519.PrivateKey // by agency
}

// Claims is what a token asserts.
type Claims struct {
	// Subject is the identifier of the person or system, for example
	// "analyst@west-mercia-police.example".
	Subject string
	// Agency is one that the issuer has a key of.
	Agency string
	Roles  []identity.Role
	// Clearance is a level of identity.Principal, or empty.
	Clearance string
	// Key is the thumbprint (RFC 7638) of the caller's key that the token is bound to
	// (RFC 9449 section 6.1), or empty.
	Key string
}

// Name returns the iss claim of an agency's issuer.
func Name(agency string) string { return "https://id." + agency + ".example" }

// Mint returns a token that is valid from now on for the lifetime given. It
// asserts what it is told to: what an issuer may assert is for the verifier to
// check. It answers a fault of kind NotFound for an agency that has no key,
// Invalid for a lifetime below one second or above MaxLifetime.
func (i *Issuer) Mint(c Claims, lifetime time.Duration) (string, error) {
	private, ok := i.keys[c.Agency]
	if !ok {
		return "", fault.New(fault.NotFound, "devissuer.Mint", "The issuer has no key of this agency.")
	}
	if lifetime < time.Second || lifetime > MaxLifetime {
		return "", fault.New(fault.Invalid, "devissuer.Mint", "A token lives from one second to 24 hours.")
	}
	now := i.Clock().Unix()
	claims := jwt.MapClaims{
		"iss": Name(c.Agency), "aud": Audience, "sub": c.Subject, "jti": rand.Text(),
		"iat": now, "nbf": now, "exp": now + int64(lifetime/time.Second),
		"agency": c.Agency, "roles": c.Roles,
	}
	if c.Clearance != "" {
		claims["clearance"] = c.Clearance
	}
	if c.Key != "" {
		claims["cnf"] = map[string]string{"jkt": c.Key}
	}
	if slices.Contains(c.Roles, identity.CaseSystem) { // a system, which is its own client
		claims["client_id"] = c.Subject
	}
	token := jwt.NewWithClaims(jwt.SigningMethodEdDSA, claims)
	token.Header["typ"] = "at+jwt"
	public, _ := private.Public().(ed25519.PublicKey)
	token.Header["kid"] = thumbprint(public)
	signed, err := token.SignedString(private)
	if err != nil {
		return "", fault.Wrap(fault.Internal, "devissuer.Mint", "The token could not be signed.", err)
	}
	return signed, nil
}

// Agencies returns the agencies that the issuer has keys of, sorted.
func (i *Issuer) Agencies() []string {
	out := make([]string, 0, len(i.keys))
	for a := range i.keys {
		out = append(out, a)
	}
	slices.Sort(out)
	return out
}

// Trusted returns what a verifier needs to accept the issuer's tokens.
func (i *Issuer) Trusted() ([]identity.Issuer, error) { return Trusted(i.dir) }

// Trusted returns the issuers of a folder, for a verifier, sorted by agency. It
// reads public keys only. It answers a fault of kind NotFound where there are
// none, and Invalid where others may use the folder and so put keys into it.
func Trusted(dir string) ([]identity.Issuer, error) {
	if err := narrow(dir, fs.ModeDir); err != nil {
		return nil, err
	}
	agencies, err := agenciesWith(dir, jwksSuffix)
	if err != nil {
		return nil, err
	}
	if len(agencies) == 0 {
		return nil, fault.New(fault.NotFound, "devissuer.Trusted", "The folder holds no public keys of an issuer.")
	}
	out := make([]identity.Issuer, len(agencies))
	for n, a := range agencies {
		keys, err := identity.LoadJWKS(KeySetFile(dir, a))
		if err != nil {
			return nil, err
		}
		out[n] = identity.Issuer{Name: Name(a), Agency: a, Audience: Audience, Keys: keys, Roles: Roles(a)}
	}
	return out, nil
}

// KeySetFile returns the path of an agency's public keys.
func KeySetFile(dir, agency string) string { return filepath.Join(dir, agency+jwksSuffix) }

// Roles returns what the issuer of an agency may assert.
func Roles(agency string) []identity.Role {
	if agency == Police {
		return identity.Roles()
	}
	return slices.Clone(partnerRoles)
}
