package identity_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/concord-gateway/concord/gateway/attacktest"
	"github.com/concord-gateway/concord/gateway/identity"
)

const asked = "https://concord.example/v1/profiles/subject"

// caller is a partner's system with a key of its own.
type caller struct {
	key ed25519.PrivateKey
	jwk object
}

func newCaller(seed string) caller {
	sum := sha256.Sum256([]byte(seed))
	key := ed25519.NewKeyFromSeed(sum[:])
	return caller{key: key, jwk: object{"kty": "OKP", "crv": "Ed25519", "x": b64(key.Public().(ed25519.PublicKey))}}
}

// jkt is the thumbprint of the caller's key, written out as RFC 7638 has it.
func (c caller) jkt() string {
	return digest([]byte(`{"crv":"Ed25519","kty":"OKP","x":"` + c.jwk["x"].(string) + `"}`))
}

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

func (c caller) header() object { return object{"typ": "dpop+jwt", "alg": "EdDSA", "jwk": c.jwk} }

func (c caller) claims(token string) object {
	return object{"jti": rand.Text(), "htm": "POST", "htu": asked, "iat": now.Unix(), "ath": digest([]byte(token))}
}

func (c caller) sign(header, claims object) string {
	return compact(mustJSON(header), mustJSON(claims), signEd(c.key))
}

func byDPoP(token, proof string) identity.Presented {
	return identity.Presented{Scheme: identity.SchemeDPoP, Token: token, Proof: proof, Method: "POST", URL: asked}
}

func TestDPoP(t *testing.T) {
	w, c := newWorld(t), newCaller("partner")
	token := w.ed(t, edHeader(), analystClaims().with("cnf", object{"jkt": c.jkt()}))
	for name, change := range map[string]func(o object) object{
		"plain":                   func(o object) object { return o },
		"query in htu":            func(o object) object { return o.with("htu", asked+"?x=1#y") },
		"capitals in the host":    func(o object) object { return o.with("htu", "HTTPS://Concord.Example/v1/profiles/subject") },
		"the default port":        func(o object) object { return o.with("htu", "https://concord.example:443/v1/profiles/subject") },
		"needless escapes":        func(o object) object { return o.with("htu", "https://concord.example/v1/profiles/%73ubjec%74") },
		"a minute old":            func(o object) object { return o.with("iat", now.Add(-time.Minute).Unix()) },
		"by a clock ahead":        func(o object) object { return o.with("iat", now.Add(30*time.Second).Unix()) },
		"with an end of its own":  func(o object) object { return o.with("exp", now.Add(time.Second).Unix()) },
		"claims that are unknown": func(o object) object { return o.with("nonce", "n") },
	} {
		v := w.startedAt(t, now.Add(-time.Hour))
		for range 2 { // the second from the cache
			got, err := v.Verify(t.Context(), byDPoP(token, c.sign(c.header(), change(c.claims(token)))))
			if diff := cmp.Diff(analyst, got); diff != "" || err != nil {
				t.Errorf("%s: %v %s", name, err, diff)
			}
		}
	}
	for name, key := range map[string]otherCaller{
		"P-256": p256Caller(t, w.ecKey), "RSA": rsaCaller(t, "RS256"), "RSA-PSS": rsaCaller(t, "PS256"),
	} {
		token := w.ed(t, edHeader(), analystClaims().with("cnf", object{"jkt": key.jkt}))
		proof := compact(mustJSON(key.header), mustJSON(c.claims(token)), key.sign)
		if _, err := w.verifier.Verify(t.Context(), byDPoP(token, proof)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// startedAt is the world's verifier, as if it had been started at that time.
func (w *world) startedAt(t testing.TB, at time.Time) *identity.Verifier {
	t.Helper()
	first := true
	v, err := identity.NewVerifier(w.issuers, func() time.Time {
		if first {
			first = false
			return at
		}
		return now
	})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// otherCaller is a caller with a key of another sort.
type otherCaller struct {
	header object
	sign   func(string) []byte
	jkt    string
}

func p256Caller(t testing.TB, key *ecdsa.PrivateKey) otherCaller {
	t.Helper()
	point, err := key.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	x, y := b64(point[1:33]), b64(point[33:])
	jwk := object{"kty": "EC", "crv": "P-256", "x": x, "y": y, "use": "sig"}
	return otherCaller{
		header: object{"typ": "dpop+jwt", "alg": "ES256", "jwk": jwk}, sign: signEC(t, key),
		jkt: digest([]byte(`{"crv":"P-256","kty":"EC","x":"` + x + `","y":"` + y + `"}`)),
	}
}

func rsaCaller(t testing.TB, alg string) otherCaller {
	t.Helper()
	key := rsaKey(t, 2048)
	jwk := rsaJWK(key)
	return otherCaller{
		header: object{"typ": "dpop+jwt", "alg": alg, "jwk": jwk}, sign: signRSA(t, key, alg),
		jkt: digest([]byte(`{"e":"AQAB","kty":"RSA","n":"` + jwk["n"].(string) + `"}`)),
	}
}

// TestHostileProofs: the token is good in every case; what comes with it is not.
func TestHostileProofs(t *testing.T) {
	w, c, other := newWorld(t), newCaller("partner"), newCaller("thief")
	token := w.ed(t, edHeader(), analystClaims().with("cnf", object{"jkt": c.jkt()}))
	second := w.ed(t, edHeader(), analystClaims().with("jti", "2").with("cnf", object{"jkt": c.jkt()}))
	plain := w.ed(t, edHeader(), analystClaims())
	good := func() string { return c.sign(c.header(), c.claims(token)) }
	attacks := map[string]identity.Presented{
		"no proof": byDPoP(token, ""), "as a bearer token": bearer(token),
		"as a bearer token with its proof": {Scheme: "Bearer", Token: token, Proof: good(), Method: "POST", URL: asked},
		"a bearer token with a proof":      {Scheme: "Bearer", Token: plain, Proof: good(), Method: "POST", URL: asked},
		"a bearer token by DPoP":           byDPoP(plain, c.sign(c.header(), c.claims(plain))),
		"proof used as the token":          byDPoP(good(), good()), "proof as bearer token": bearer(good()),
		"token used as the proof": byDPoP(token, token), "the scheme in another case": {Scheme: "dpop", Token: token, Proof: good(), Method: "POST", URL: asked},
		"key of another":                    byDPoP(token, other.sign(other.header(), other.claims(token))),
		"key shown, signed by another":      byDPoP(token, other.sign(c.header(), c.claims(token))),
		"proof for another token":           byDPoP(second, c.sign(c.header(), c.claims(token))),
		"gateway without an address":        {Scheme: "DPoP", Token: token, Proof: good(), Method: "POST"},
		"replayed with another method":      {Scheme: "DPoP", Token: token, Proof: good(), Method: "DELETE", URL: asked},
		"replayed with a method in letters": {Scheme: "DPoP", Token: token, Proof: good(), Method: "post", URL: asked},
		"replayed at another path":          {Scheme: "DPoP", Token: token, Proof: good(), Method: "POST", URL: asked + "s"},
		"replayed at another host":          {Scheme: "DPoP", Token: token, Proof: good(), Method: "POST", URL: "https://evil.example/v1/profiles/subject"},
		"8 MiB of dots":                     byDPoP(token, strings.Repeat(".", 8<<20)), "two proofs in one": byDPoP(token, good()+","+good()),
	}
	for name, h := range proofHeaders(c) {
		attacks["header "+name] = byDPoP(token, c.sign(h, c.claims(token)))
	}
	for name, o := range proofClaims(c, token) {
		attacks["claims "+name] = byDPoP(token, c.sign(c.header(), o))
	}
	body := strings.TrimSuffix(string(mustJSON(c.claims(token))), "}")
	attacks["claims jti twice"] = byDPoP(token, compact(mustJSON(c.header()), []byte(body+`,"jti":"x"}`), signEd(c.key)))
	attacks["header jwk twice"] = byDPoP(token, compact([]byte(`{"typ":"dpop+jwt","alg":"EdDSA","jwk":`+string(mustJSON(other.jwk))+`,"jwk":`+string(mustJSON(c.jwk))+`}`),
		mustJSON(c.claims(token)), signEd(c.key)))
	attacks["unsigned"] = byDPoP(token, compact(mustJSON(c.header()), mustJSON(c.claims(token)), func(string) []byte { return nil }))
	for _, name := range slices.Sorted(maps.Keys(attacks)) {
		p, err := w.verifier.Verify(t.Context(), attacks[name])
		refused(t, p, err, attacks[name].Token)
		if err == nil {
			t.Errorf("%s was accepted", name)
		}
		attacktest.Proofs.Refused(t, name, 1)
	}
	if _, err := w.verifier.Verify(t.Context(), byDPoP(token, good())); err != nil {
		t.Errorf("the proof that the attacks start from: %v", err)
	}
}

func proofHeaders(c caller) map[string]object {
	h := c.header()
	out := map[string]object{
		"typ JWT": h.with("typ", "JWT"), "typ at+jwt": h.with("typ", "at+jwt"), "typ absent": h.without("typ"), "typ in capitals": h.with("typ", "DPOP+JWT"),
		"alg none": h.with("alg", "none"), "alg HS256": h.with("alg", "HS256"), "alg of another key": h.with("alg", "ES256"), "alg absent": h.without("alg"),
		"jwk absent": h.without("jwk"), "jwk null": h.with("jwk", nil), "jwk a text": h.with("jwk", "x"), "jwk a list": h.with("jwk", []any{c.jwk}),
		"kid in place of jwk": h.without("jwk").with("kid", "ed-1"),
		"private member":      h.with("jwk", c.jwk.with("d", b64(c.key.Seed()))), "empty private member": h.with("jwk", c.jwk.with("d", "")),
		"symmetric key":   h.with("jwk", object{"kty": "oct", "k": "AAAA"}),
		"key for secrecy": h.with("jwk", c.jwk.with("use", "enc")),
	}
	for _, name := range []string{"jku", "x5u", "x5c", "crit", "b64"} {
		out[name] = h.with(name, "https://canary.example")
	}
	return out
}

func proofClaims(c caller, token string) map[string]object {
	o := c.claims(token)
	out := map[string]object{
		"another method": o.with("htm", "GET"), "method in small letters": o.with("htm", "post"),
		"another path": o.with("htu", asked+"/x"), "another host": o.with("htu", "https://evil.example/v1/profiles/subject"),
		"another scheme": o.with("htu", strings.Replace(asked, "https", "http", 1)), "another port": o.with("htu", "https://concord.example:8443/v1/profiles/subject"),
		"a relative address": o.with("htu", "/v1/profiles/subject"), "an address with a user": o.with("htu", "https://concord.example@evil.example/v1/profiles/subject"),
		"a user before the host": o.with("htu", "https://x@concord.example/v1/profiles/subject"), "an escaped slash": o.with("htu", "https://concord.example/v1/profiles%2Fsubject"),
		"dot segments": o.with("htu", "https://concord.example/v1/x/../profiles/subject"),
		"too old":      o.with("iat", now.Add(-61*time.Second).Unix()), "of tomorrow": o.with("iat", now.Add(31*time.Second).Unix()),
		"iat as text": o.with("iat", "1772443800"), "iat with a fraction": o.with("iat", 1772443800.5), "iat negative": o.with("iat", -1), "iat 2^63": o.with("iat", uint64(1<<63)),
		"over": o.with("exp", now.Unix()), "yet to begin": o.with("nbf", now.Add(time.Minute).Unix()), "an end as text": o.with("exp", "x"),
		"ath of another token": o.with("ath", digest([]byte("x"))), "ath padded": o.with("ath", o["ath"].(string)+"="), "ath as hex": o.with("ath", strings.Repeat("ab", 32)),
		"jti too long": o.with("jti", strings.Repeat("j", 4<<10+1)),
	}
	for _, name := range []string{"jti", "htm", "htu", "iat", "ath"} {
		out[name+" absent"], out[name+" null"], out[name+" empty"], out[name+" a number"] = o.without(name), o.with(name, nil), o.with(name, ""), o.with(name, []int{1})
	}
	return out
}

// TestProofOnce: a proof is taken once, by the id and the key, and not by a
// gateway that was started after it was made.
func TestProofOnce(t *testing.T) {
	w, c := newWorld(t), newCaller("partner")
	token := w.ed(t, edHeader(), analystClaims().with("cnf", object{"jkt": c.jkt()}))
	claims := c.claims(token)
	proof := c.sign(c.header(), claims)
	if _, err := w.verifier.Verify(t.Context(), byDPoP(token, proof)); err != nil {
		t.Fatal(err)
	}
	again := c.sign(c.header().with("kid", "x"), claims) // other bytes, the same proof
	for _, replayed := range []string{proof, again} {
		p, err := w.verifier.Verify(t.Context(), byDPoP(token, replayed))
		refused(t, p, err, token)
	}
	p, err := w.startedAt(t, now.Add(time.Second)).Verify(t.Context(), byDPoP(token, c.sign(c.header(), c.claims(token))))
	refused(t, p, err, token)
	attacktest.Proofs.Refused(t, "replayed", 3)
}

func TestCertificateBinding(t *testing.T) {
	w, c := newWorld(t), newCaller("partner")
	own, stolen := &x509.Certificate{Raw: []byte("certificate")}, &x509.Certificate{Raw: []byte("of another")}
	cnf := object{"x5t#S256": identity.Thumbprint(own)}
	bound := w.ed(t, edHeader(), analystClaims().with("cnf", cnf))
	both := w.ed(t, edHeader(), analystClaims().with("cnf", cnf.with("jkt", c.jkt())))
	plain := w.ed(t, edHeader(), analystClaims())
	with := func(p identity.Presented, cert *x509.Certificate) identity.Presented {
		p.Certificate = cert
		return p
	}
	dpop := func() identity.Presented { return byDPoP(both, c.sign(c.header(), c.claims(both))) }
	for name, p := range map[string]identity.Presented{"bound": with(bearer(bound), own), "bound twice": with(dpop(), own), "not bound": with(bearer(plain), stolen)} {
		if _, err := w.verifier.Verify(t.Context(), p); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	attacks := map[string]identity.Presented{
		"no certificate": bearer(bound), "certificate of another": with(bearer(bound), stolen), "an empty certificate": with(bearer(bound), &x509.Certificate{}),
		"two bindings, one certificate only": with(bearer(both), own), "two bindings, one proof only": dpop(), "two bindings, certificate of another": with(dpop(), stolen),
	}
	for name, o := range map[string]any{
		"empty": object{}, "null": nil, "text": "x", "list": []any{cnf}, "digest null": object{"x5t#S256": nil}, "digest empty": object{"x5t#S256": ""},
		"digest short": object{"x5t#S256": "AAAA"}, "digest padded": object{"x5t#S256": identity.Thumbprint(own) + "="}, "SHA-1": object{"x5t": "AAAA"},
		"unknown besides": cnf.with("kid", identity.Thumbprint(own)), "jwk": object{"jwk": c.jwk},
	} {
		attacks["cnf "+name] = with(bearer(w.ed(t, edHeader(), analystClaims().with("cnf", o))), own)
	}
	attacks["cnf twice"] = with(bearer(compact(edHeader().raw(t), []byte(strings.TrimSuffix(string(analystClaims().raw(t)), "}")+
		`,"cnf":{"x5t#S256":"`+identity.Thumbprint(own)+`","x5t#S256":"`+identity.Thumbprint(own)+`"}}`), signEd(w.edKey))), own)
	for name, p := range attacks {
		who, err := w.verifier.Verify(t.Context(), p)
		refused(t, who, err, p.Token)
		if err == nil {
			t.Errorf("%s was accepted", name)
		}
		attacktest.Certificates.Refused(t, name, 1)
	}
}

// TestBindingRequired holds what each issuer wants against what comes.
func TestBindingRequired(t *testing.T) {
	c := newCaller("partner")
	cert := &x509.Certificate{Raw: []byte("certificate")}
	for _, want := range []identity.Binding{identity.BindingNone, identity.BindingCertificate, identity.BindingDPoP, identity.BindingAny} {
		w := newWorld(t)
		w.issuers[0].Binding = want
		v := w.startedAt(t, now)
		for _, has := range []identity.Binding{identity.BindingNone, identity.BindingCertificate, identity.BindingDPoP} {
			claims := analystClaims()
			switch has {
			case identity.BindingCertificate:
				claims = claims.with("cnf", object{"x5t#S256": identity.Thumbprint(cert)})
			case identity.BindingDPoP:
				claims = claims.with("cnf", object{"jkt": c.jkt()})
			}
			p := bearer(w.ed(t, edHeader(), claims))
			if p.Certificate = cert; has == identity.BindingDPoP {
				p = byDPoP(p.Token, c.sign(c.header(), c.claims(p.Token)))
			}
			_, err := v.Verify(t.Context(), p)
			if ok := want == identity.BindingNone || want == has || want == identity.BindingAny && has != identity.BindingNone; ok != (err == nil) {
				t.Errorf("wants %q, has %q: %v", want, has, err)
			}
			if err != nil {
				attacktest.Certificates.Refused(t, "wants "+string(want)+", has "+string(has), 1)
			}
		}
	}
}
