package identity_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"testing"
	"time"

	"github.com/concord-gateway/concord/gateway/identity"
)

const (
	police   = "https://id.west-mercia-police.example"
	housing  = "https://id.telford-housing.example"
	audience = "https://concord.example"
)

// now is the time of every test here.
var now = time.Date(2026, 3, 2, 9, 30, 0, 0, time.UTC)

func clock() time.Time { return now }

// world is two issuers with their private keys, and a verifier that trusts
// both.
type world struct {
	edKey      ed25519.PrivateKey // of the police, kid "ed-1"
	ecKey      *ecdsa.PrivateKey  // of the police, kid "ec-1"
	housingKey ed25519.PrivateKey // of the housing provider, kid "housing-1"
	issuers    []identity.Issuer
	verifier   *identity.Verifier
}

func newWorld(t testing.TB) *world {
	t.Helper()
	seed := sha256.Sum256([]byte("police"))
	other := sha256.Sum256([]byte("housing"))
	w := &world{edKey: ed25519.NewKeyFromSeed(seed[:]), housingKey: ed25519.NewKeyFromSeed(other[:])}
	var err error
	if w.ecKey, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		t.Fatal(err)
	}
	w.issuers = []identity.Issuer{
		{
			Name: police, Agency: "west-mercia-police", Audience: audience, Roles: identity.Roles(),
			Keys: identity.KeySet{
				"ed-1": {ID: "ed-1", Public: w.edKey.Public()},
				"ec-1": {ID: "ec-1", Public: &w.ecKey.PublicKey},
			},
		},
		{
			Name: housing, Agency: "telford-housing", Audience: audience,
			Roles: []identity.Role{identity.Submitter, identity.PartnerIG},
			Keys:  identity.KeySet{"housing-1": {ID: "housing-1", Public: w.housingKey.Public()}},
		},
	}
	if w.verifier, err = identity.NewVerifier(w.issuers, clock); err != nil {
		t.Fatal(err)
	}
	return w
}

// bearer presents a token without any proof.
func bearer(token string) identity.Presented {
	return identity.Presented{Scheme: identity.SchemeBearer, Token: token}
}

// object is a header or a set of claims before it is signed.
type object map[string]any

// with returns a copy with one member set.
func (o object) with(name string, value any) object {
	c := maps.Clone(o)
	c[name] = value
	return c
}

// without returns a copy without one member.
func (o object) without(name string) object {
	c := maps.Clone(o)
	delete(c, name)
	return c
}

func (o object) raw(t testing.TB) []byte {
	t.Helper()
	return mustJSON(o)
}

func mustJSON(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}

func edHeader() object { return object{"alg": "EdDSA", "typ": "at+jwt", "kid": "ed-1"} }

func ecHeader() object { return object{"alg": "ES256", "typ": "at+jwt", "kid": "ec-1"} }

func analystClaims() object {
	return object{
		"iss": police, "aud": audience, "sub": "analyst@west-mercia-police.example", "jti": "1",
		"iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(time.Hour).Unix(),
		"agency": "west-mercia-police", "roles": []string{"emergency", "analyst"}, "clearance": "nppv3",
	}
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// compact signs a header and claims given as bytes.
func compact(header, payload []byte, sign func(input string) []byte) string {
	input := b64(header) + "." + b64(payload)
	return input + "." + b64(sign(input))
}

func signEd(key ed25519.PrivateKey) func(string) []byte {
	return func(input string) []byte { return ed25519.Sign(key, []byte(input)) }
}

func signEC(t testing.TB, key *ecdsa.PrivateKey) func(string) []byte {
	return func(input string) []byte {
		sum := sha256.Sum256([]byte(input))
		r, s, err := ecdsa.Sign(rand.Reader, key, sum[:])
		if err != nil {
			t.Fatal(err)
		}
		sig := make([]byte, 64)
		r.FillBytes(sig[:32])
		s.FillBytes(sig[32:])
		return sig
	}
}

// ed signs with the Ed25519 key of the police.
func (w *world) ed(t testing.TB, header, claims object) string {
	t.Helper()
	return compact(header.raw(t), claims.raw(t), signEd(w.edKey))
}

// ec signs with the P-256 key of the police.
func (w *world) ec(t testing.TB, header, claims object) string {
	t.Helper()
	return compact(header.raw(t), claims.raw(t), signEC(t, w.ecKey))
}
