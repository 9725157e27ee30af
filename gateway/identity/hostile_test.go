package identity_test

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"hash"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/concord-gateway/concord/gateway/attacktest"
)

// TestHostileTokens is the table of attacks on a token. Each is refused, with
// the same answer.
func TestHostileTokens(t *testing.T) {
	w := newWorld(t)
	var fetched atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { fetched.Add(1) }))
	defer server.Close()

	for sort, attacks := range map[attacktest.Sort]map[string]string{
		attacktest.TokenAlgorithm: algorithmAttacks(t, w), attacktest.TokenHeader: headerAttacks(t, w, server.URL),
		attacktest.TokenClaims: claimAttacks(t, w), attacktest.TokenTimes: timeAttacks(t, w),
		attacktest.TokenForm: formAttacks(t, w), attacktest.OtherTokens: otherTokens(t, w),
	} {
		for name, token := range attacks {
			t.Run(name, func(t *testing.T) {
				p, err := w.verifier.Verify(t.Context(), bearer(token))
				refused(t, p, err, token)
				sort.Refused(t, name, 1)
			})
		}
	}
	if n := fetched.Load(); n != 0 {
		t.Errorf("%d requests went out because a token asked for them", n)
	}
}

// otherTokens are good tokens of the issuer's that are for something else.
func otherTokens(t *testing.T, w *world) map[string]string {
	t.Helper()
	out := map[string]string{}
	for name, value := range map[string]any{
		"nonce": "n", "at_hash": "h", "c_hash": "h", "s_hash": "h", "htm": "GET", "htu": "https://concord.example/", "ath": "h", "events": object{},
		"azp": audience, "client_id": audience, "appid": audience, "typ": "ID", "token_use": "id",
	} {
		out["access token with "+name] = w.ed(t, edHeader(), analystClaims().with(name, value))
	}
	return out
}

func algorithmAttacks(t *testing.T, w *world) map[string]string {
	t.Helper()
	out := map[string]string{}
	nothing := func(string) []byte { return nil }
	for _, alg := range []string{"none", "None", "NONE", "nOnE", "", " none", "none\x00", "EdDSA ", "eddsa", "EDDSA", "es256", "Ed25519", "ES384", "ES512", "PS256", "RS256"} {
		h := edHeader().with("alg", alg).raw(t)
		out["alg "+alg+" unsigned"] = compact(h, analystClaims().raw(t), nothing)
		out["alg "+alg+" signed"] = compact(h, analystClaims().raw(t), signEd(w.edKey))
	}
	for name, alg := range map[string]any{"missing": nil, "a number": 1, "a list": []string{"EdDSA"}} {
		out["alg "+name] = w.ed(t, edHeader().with("alg", alg), analystClaims())
	}
	out["alg absent"] = w.ed(t, edHeader().without("alg"), analystClaims())
	der, err := x509.MarshalPKIXPublicKey(&w.ecKey.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	edDER, err := x509.MarshalPKIXPublicKey(w.edKey.Public())
	if err != nil {
		t.Fatal(err)
	}
	public := map[string][]byte{
		"DER": der, "PEM": pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}),
		"Ed25519 DER": edDER, "raw Ed25519": w.edKey.Public().(ed25519.PublicKey),
	}
	for name, secret := range public {
		for alg, h := range map[string]func() hash.Hash{"HS256": sha256.New, "HS512": sha512.New} {
			sign := func(input string) []byte {
				mac := hmac.New(h, secret)
				mac.Write([]byte(input))
				return mac.Sum(nil)
			}
			for _, kid := range []string{"ed-1", "ec-1"} {
				out[alg+" with the public key as "+name+" "+kid] = compact(edHeader().with("alg", alg).with("kid", kid).raw(t), analystClaims().raw(t), sign)
			}
		}
	}
	out["EdDSA over a P-256 key"] = w.ed(t, edHeader().with("kid", "ec-1"), analystClaims())
	out["ES256 over an Ed25519 key"] = w.ec(t, ecHeader().with("kid", "ed-1"), analystClaims())
	return out
}

func headerAttacks(t *testing.T, w *world, url string) map[string]string {
	t.Helper()
	own := map[string]string{"kty": "OKP", "crv": "Ed25519", "kid": "mine", "x": b64(w.housingKey.Public().(ed25519.PublicKey))}
	out := map[string]string{}
	forge := func(name string, h object) {
		out[name] = compact(h.raw(t), analystClaims().raw(t), signEd(w.housingKey))
	}
	forge("jwk of the attacker", edHeader().with("kid", "mine").with("jwk", own))
	forge("jwk of the attacker under a known kid", edHeader().with("jwk", own))
	forge("jku of the attacker", edHeader().with("kid", "mine").with("jku", url+"/jwks.json"))
	forge("x5u of the attacker", edHeader().with("kid", "mine").with("x5u", url+"/cert.pem"))
	forge("x5c of the attacker", edHeader().with("x5c", []string{"MIIB"}))
	forge("kid of another issuer", edHeader().with("kid", "housing-1"))
	forge("known kid, key of another issuer", edHeader())
	for name, kid := range map[string]any{
		"path": "../../../../dev/null", "absolute path": "/proc/self/environ", "SQL": "x' UNION SELECT 'key' --", "NUL": "ed-1\x00",
		"4 KiB": strings.Repeat("k", 4<<10), "other case": "ED-1", "prefix": "ed", "suffix": "ed-1 ", "empty": "", "null": nil, "a number": 1,
		"a list": []string{"ed-1"}, "full-width": "ed－1", "a URL": url + "/key",
	} {
		out["kid "+name] = w.ed(t, edHeader().with("kid", kid), analystClaims())
	}
	out["kid 10 KiB"] = w.ed(t, edHeader().with("kid", strings.Repeat("k", 10<<10)), analystClaims())
	out["kid absent"] = w.ed(t, edHeader().without("kid"), analystClaims())
	for _, typ := range []any{"JWT", "jwt", "dpop+jwt", "logout+jwt", "secevent+jwt", "AT+JWT", "at+jwt ", "application/jwt", "", nil, 1} {
		out["typ "+string(mustJSON(typ))] = w.ed(t, edHeader().with("typ", typ), analystClaims())
	}
	out["typ absent"] = w.ed(t, edHeader().without("typ"), analystClaims())
	out["unknown crit"] = w.ed(t, edHeader().with("crit", []string{"exp"}).with("exp", 1), analystClaims())
	out["empty crit"] = w.ed(t, edHeader().with("crit", []string{}), analystClaims())
	out["crit null"] = w.ed(t, edHeader().with("crit", nil), analystClaims())
	out["b64 false"] = w.ed(t, edHeader().with("b64", false).with("crit", []string{"b64"}), analystClaims())
	out["b64 false without crit"] = w.ed(t, edHeader().with("b64", false), analystClaims())
	for name, h := range map[string]string{
		"alg twice":        `{"alg":"none","alg":"EdDSA","typ":"at+jwt","kid":"ed-1"}`,
		"alg twice, typ":   `{"alg":"EdDSA","typ":"JWT","typ":"at+jwt","kid":"ed-1"}`,
		"kid twice":        `{"alg":"EdDSA","typ":"at+jwt","kid":"x","kid":"ed-1"}`,
		"kid twice, coded": `{"alg":"EdDSA","typ":"at+jwt","\u006bid":"x","kid":"ed-1"}`,
		"case of names":    `{"Alg":"EdDSA","Typ":"at+jwt","Kid":"ed-1"}`,
		"not an object":    `["EdDSA"]`,
		"null":             `null`,
		"two objects":      `{"alg":"EdDSA","typ":"at+jwt","kid":"ed-1"}{}`,
		"not UTF-8":        "{\"alg\":\"EdDSA\",\"typ\":\"at+jwt\",\"kid\":\"ed-1\",\"x\":\"\xff\"}",
		"empty":            ``,
	} {
		out["header "+name] = compact([]byte(h), analystClaims().raw(t), signEd(w.edKey))
	}
	return out
}

func claimAttacks(t *testing.T, w *world) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, name := range []string{"iss", "aud", "sub", "exp", "nbf", "iat", "agency", "roles"} {
		out[name+" absent"] = w.ed(t, edHeader(), analystClaims().without(name))
		out[name+" null"] = w.ed(t, edHeader(), analystClaims().with(name, nil))
		out[name+" an object"] = w.ed(t, edHeader(), analystClaims().with(name, object{"x": "canary"}))
		out[name+" empty"] = w.ed(t, edHeader(), analystClaims().with(name, ""))
	}
	set := func(label, name string, value any) {
		out[label] = w.ed(t, edHeader(), analystClaims().with(name, value))
	}
	set("issuer with trailing slash", "iss", police+"/")
	set("issuer in capitals", "iss", strings.ToUpper(police))
	set("issuer of another agency", "iss", housing)
	set("issuer unknown", "iss", "https://canary.example")
	set("issuer a list", "iss", []string{police})
	set("audience prefix", "aud", audience+"/api")
	set("audience shortened", "aud", audience[:len(audience)-1])
	set("audience with slash", "aud", audience+"/")
	set("audience of another service", "aud", "https://canary.example")
	set("audience among others", "aud", []string{audience, "https://canary.example"})
	set("audience twice", "aud", []string{audience, audience})
	set("audience of none", "aud", []string{})
	set("audience nested", "aud", [][]string{{audience}})
	set("audience with null", "aud", []any{audience, nil})
	set("agency of another", "agency", "telford-housing")
	set("agency in capitals", "agency", "West-Mercia-Police")
	set("agency a list", "agency", []string{"west-mercia-police", "telford-housing"})
	set("role unknown", "roles", []string{"analyst", "root"})
	set("role in capitals", "roles", []string{"Analyst"})
	set("role empty", "roles", []string{""})
	set("roles as text", "roles", "analyst")
	set("roles none", "roles", []string{})
	set("roles with null", "roles", []any{"analyst", nil})
	set("roles with a number", "roles", []any{"analyst", 1})
	set("clearance unknown", "clearance", "cosmic")
	set("clearance null", "clearance", nil)
	set("clearance a list", "clearance", []string{"dv"})
	set("subject with line break", "sub", "canary\r\nx: y")
	set("subject with escape", "sub", "canary\x1b[2J")
	set("subject with bidi override", "sub", "canary\u202e")
	set("subject too long", "sub", strings.Repeat("s", 256))
	set("bound to a certificate", "cnf", object{"x5t#S256": "canary"})
	set("bound to a key", "cnf", object{"jkt": "canary"})
	out["role the issuer may not assert"] = compact(edHeader().with("kid", "housing-1").raw(t),
		housingClaims().with("roles", []string{"ig-lead"}).raw(t), signEd(w.housingKey))
	out["agency the issuer may not assert"] = compact(edHeader().with("kid", "housing-1").raw(t),
		housingClaims().with("agency", "west-mercia-police").raw(t), signEd(w.housingKey))
	body := strings.TrimSuffix(string(analystClaims().raw(t)), "}")
	for name, payload := range map[string]string{
		"sub twice":         body + `,"sub":"canary"}`,
		"roles twice":       body + `,"roles":["operator"]}`,
		"agency twice":      body + `,"\u0061gency":"west-mercia-police"}`,
		"unknown twice":     body + `,"x":1,"x":2}`,
		"exp in other case": strings.Replace(body, `"exp"`, `"EXP"`, 1) + `}`,
		"not UTF-8":         body + ",\"x\":\"\xff\"}",
		"not JSON":          body,
		"a list":            `[` + body + `}]`,
		"null":              `null`,
		"empty":             ``,
		"two objects":       body + `}{}`,
	} {
		out["claims "+name] = compact(edHeader().raw(t), []byte(payload), signEd(w.edKey))
	}
	return out
}

func timeAttacks(t *testing.T, w *world) map[string]string {
	t.Helper()
	out := map[string]string{
		"expired":                  w.ed(t, edHeader(), life(-time.Hour, -30*time.Second)),
		"not yet valid":            w.ed(t, edHeader(), analystClaims().with("nbf", now.Add(31*time.Second).Unix())),
		"issued in the future":     w.ed(t, edHeader(), analystClaims().with("iat", now.Add(31*time.Second).Unix())),
		"lives too long":           w.ed(t, edHeader(), life(0, 24*time.Hour+time.Second)),
		"ends before it begins":    w.ed(t, edHeader(), life(20*time.Second, 10*time.Second)),
		"ends before it is issued": w.ed(t, edHeader(), analystClaims().with("iat", now.Add(20*time.Second).Unix()).with("exp", now.Add(10*time.Second).Unix())),
		"ends before it is valid":  w.ed(t, edHeader(), analystClaims().with("nbf", now.Add(20*time.Second).Unix()).with("exp", now.Add(10*time.Second).Unix())),
	}
	body := strings.TrimSuffix(string(analystClaims().without("exp").without("nbf").without("iat").raw(t)), "}")
	good := map[string]string{"exp": "1772447400", "nbf": "1772443800", "iat": "1772443800"}
	payload := body
	for _, name := range []string{"exp", "nbf", "iat"} {
		payload += `,"` + name + `":` + good[name]
	}
	if _, err := w.verifier.Verify(t.Context(), bearer(compact(edHeader().raw(t), []byte(payload+"}"), signEd(w.edKey)))); err != nil {
		t.Fatalf("the token that the attacks on times start from: %v", err)
	}
	for claim := range good {
		for _, bad := range []string{
			`"1772447400"`, "1772447400.0", "1772447400.5", "1.7724474e9", "-1", "-0", "9223372036854775807", "9223372036854775808",
			"18446744073709551616", "1e400", "253402300800", "true", "[1772447400]", "{}", "null", `""`,
		} {
			payload := body
			for name, value := range good {
				if name == claim {
					value = bad
				}
				payload += `,"` + name + `":` + value
			}
			out[claim+" as "+bad] = compact(edHeader().raw(t), []byte(payload+"}"), signEd(w.edKey))
		}
	}
	return out
}

func formAttacks(t *testing.T, w *world) map[string]string {
	t.Helper()
	ed, ec := w.ed(t, edHeader(), analystClaims()), w.ec(t, ecHeader(), analystClaims())
	parts := strings.Split(ed, ".")
	sig, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil {
		t.Fatal(err)
	}
	ecInput := ec[:strings.LastIndexByte(ec, '.')+1]
	edInput := parts[0] + "." + parts[1] + "."
	out := map[string]string{
		"empty": "", "one dot": ".", "two dots": "..", "8 MiB of dots": strings.Repeat(".", 8<<20), "8 KiB of dots": strings.Repeat(".", 8<<10),
		"one part": parts[0], "two parts": parts[0] + "." + parts[1], "four parts": ed + ".x", "JWE of five parts": ed + ".x.x",
		"unsigned": edInput, "signature of another token": edInput + strings.Split(w.ed(t, edHeader(), housingClaims()), ".")[2],
		"padded": ed + "==", "leading space": " " + ed, "trailing line break": ed + "\n", "line break inside": edInput + "\r\n" + parts[2],
		"standard alphabet":    strings.NewReplacer("-", "+", "_", "/").Replace(edInput) + base64.RawStdEncoding.EncodeToString([]byte(strings.Repeat("\xff", 64))),
		"JSON serialisation":   `{"payload":"` + parts[1] + `","signatures":[{"protected":"` + parts[0] + `","signature":"` + parts[2] + `"}]}`,
		"bearer prefix":        "Bearer " + ed,
		"too large by one":     compact(edHeader().raw(t), analystClaims().with("x", strings.Repeat("x", 8<<10)).raw(t), signEd(w.edKey)),
		"zero signature EdDSA": edInput + b64(make([]byte, 64)), "zero signature ES256": ecInput + b64(make([]byte, 64)),
		"short signature": edInput + b64(sig[:63]), "long signature": edInput + b64(append(sig, 0)),
		"ES256 with r and s as n":  ecInput + b64(append(w.ecKey.Params().N.Bytes(), w.ecKey.Params().N.Bytes()...)),
		"ES256 in ASN.1":           ecInput + b64([]byte{0x30, 6, 2, 1, 1, 2, 1, 1}),
		"malleable EdDSA, s + L":   edInput + b64(addOrder(sig)),
		"trailing bits of base64":  ed[:len(ed)-1] + nextLetter(ed[len(ed)-1]),
		"header of another token":  strings.Split(ec, ".")[0] + "." + parts[1] + "." + parts[2],
		"deeply nested claims":     compact(edHeader().raw(t), []byte(strings.Repeat(`{"a":`, 1000)+"1"+strings.Repeat("}", 1000)), signEd(w.edKey)),
		"signed by nobody's curve": compact(ecHeader().raw(t), analystClaims().raw(t), func(string) []byte { return []byte(strings.Repeat("\x01", 64)) }),
	}
	return out
}

// addOrder adds the order of the Ed25519 group to s (RFC 8032 section 5.1.7
// wants s below it).
func addOrder(sig []byte) []byte {
	order := []byte{
		0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
		0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
	}
	out := append([]byte(nil), sig...)
	carry := 0
	for i := range order {
		carry += int(out[32+i]) + int(order[i])
		out[32+i] = byte(carry)
		carry >>= 8
	}
	return out
}

// nextLetter changes the last two bits of a base64url letter that ends 64
// octets; they carry nothing.
func nextLetter(c byte) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	return string(alphabet[strings.IndexByte(alphabet, c)^1])
}
