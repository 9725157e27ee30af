package identity_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"math/big"
	"strings"
	"sync"
	"testing"

	"github.com/concord-gateway/concord/gateway/attacktest"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/identity"
)

// keyOf2048 is made once: making one takes a tenth of a second.
var keyOf2048 = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })

func rsaKey(t testing.TB, bits int) *rsa.PrivateKey {
	t.Helper()
	key, err := keyOf2048()
	if bits != 2048 {
		t.Setenv("GODEBUG", "rsa1024min=0")
		key, err = rsa.GenerateKey(rand.Reader, bits)
	}
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func rsaJWK(key *rsa.PrivateKey) object {
	return object{"kty": "RSA", "n": b64(key.N.Bytes()), "e": b64(big.NewInt(int64(key.E)).Bytes())}
}

func signRSA(t testing.TB, key *rsa.PrivateKey, alg string) func(string) []byte {
	return func(input string) []byte {
		sum := sha256.Sum256([]byte(input))
		sig, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
		if alg == identity.PS256 {
			sig, err = rsa.SignPSS(rand.Reader, key, crypto.SHA256, sum[:], &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
		}
		if err != nil {
			t.Fatal(err)
		}
		return sig
	}
}

// TestRSA takes RSA where the issuer is said to sign with it, by the algorithms
// that it is said to sign with, and nowhere else.
func TestRSA(t *testing.T) {
	key := rsaKey(t, 2048)
	header := func(alg string) object { return object{"alg": alg, "typ": "at+jwt", "kid": "rsa-1"} }
	for _, c := range []struct {
		allowed []string
		keyAlg  string
		alg     string
		ok      bool
	}{
		{[]string{"RS256"}, "", "RS256", true}, {[]string{"RS256", "PS256"}, "", "PS256", true}, {[]string{"RS256"}, "RS256", "RS256", true},
		{[]string{"RS256"}, "", "PS256", false}, {nil, "", "RS256", false}, {[]string{"RS256", "PS256"}, "PS256", "RS256", false},
		{[]string{"RS256", "PS256"}, "RS256", "PS256", false}, {[]string{"RS256"}, "", "RS512", false}, {[]string{"RS256"}, "", "ES256", false},
	} {
		w := newWorld(t)
		w.issuers[0].Algorithms = c.allowed
		w.issuers[0].Keys = identity.KeySet{"rsa-1": {ID: "rsa-1", Public: &key.PublicKey, Alg: c.keyAlg}}
		token := compact(header(c.alg).raw(t), analystClaims().raw(t), signRSA(t, key, c.alg))
		p, err := w.startedAt(t, now).Verify(t.Context(), bearer(token))
		if (err == nil) != c.ok {
			t.Errorf("%+v: %v", c, err)
		}
		if err != nil {
			refused(t, p, err, token)
			attacktest.TokenAlgorithm.Refused(t, "RSA "+c.alg+" where another is agreed", 1)
		}
	}
}

// TestParseFetchedJWKS: a provider's set may hold what Concord cannot use.
func TestParseFetchedJWKS(t *testing.T) {
	key := rsaJWK(rsaKey(t, 2048))
	one := func(o object) string { return string(mustJSON(o)) }
	unusable := []string{
		one(key.with("kid", "enc").with("use", "enc")), one(key.with("kid", "rs512").with("alg", "RS512")), one(key.with("kid", "e3").with("e", "Aw")), one(key),
		`{"kty":"EC","crv":"P-384","kid":"p384"}`, `{"kty":"OKP","crv":"X25519","kid":"x","x":"AA"}`, `{"kid":"what"}`, `{}`, `3`,
		one(key.with("kid", "short").with("n", b64([]byte(strings.Repeat("\x81", 128))))), one(key.with("kid", "long").with("n", b64([]byte(strings.Repeat("\x81", 1024))))),
		one(key.with("kid", "zero").with("n", "AA"+key["n"].(string))),
	}
	raw := `{"keys":[` + strings.Join(unusable, ",") + "," + one(key.with("kid", "good").with("use", "sig")) + "," + edJWK + `]}`
	set, err := identity.ParseFetchedJWKS([]byte(raw))
	if err != nil || len(set) != 2 || set["good"].Algorithm() != identity.RS256 || !set["good"].Verifies(identity.PS256) || set["ed"].Public == nil {
		t.Errorf("got %v, %v", set, err)
	}
	if _, err := identity.ParseJWKS([]byte(raw)); !fault.Is(err, fault.Invalid) {
		t.Errorf("a file with unusable keys: %v", err)
	}
	for name, raw := range map[string]string{
		"none usable": `{"keys":[` + strings.Join(unusable, ",") + `]}`, "a private key": `{"keys":[` + edJWK + `,` + one(key.with("kid", "p").with("d", "AQ")) + `]}`,
		"a private key without id": `{"keys":[` + edJWK + `,` + one(key.with("d", "AQ")) + `]}`, "a secret": `{"keys":[` + edJWK + `,{"kty":"oct","k":"AQ","kid":"s"}]}`,
		"one id twice": `{"keys":[` + edJWK + `,` + edJWK + `]}`, "too many": `{"keys":[` + strings.Repeat(`{},`, 100) + edJWK + `]}`, "not JSON": `<html>`,
	} {
		if set, err := identity.ParseFetchedJWKS([]byte(raw)); !fault.Is(err, fault.Invalid) || set != nil {
			t.Errorf("%s: got %v, %v", name, set, err)
		}
	}
}
