package identity_test

import (
	"crypto/ed25519"
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/identity"
)

// The public keys of RFC 8037 appendix A.2 and RFC 7517 appendix A.1.
const (
	edJWK = `{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","kid":"ed"}`
	ecJWK = `{"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM","use":"sig","kid":"ec"}`
)

func TestParseJWKS(t *testing.T) {
	set, err := identity.ParseJWKS([]byte(`{"keys":[` + edJWK + `,` + ecJWK + `],"other":1}`))
	if err != nil {
		t.Fatal(err)
	}
	if len(set) != 2 || set["ed"].Algorithm() != identity.EdDSA || set["ec"].Algorithm() != identity.ES256 {
		t.Errorf("got %v", set)
	}
	want, err := base64.RawURLEncoding.DecodeString("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")
	if err != nil {
		t.Fatal(err)
	}
	if !ed25519.PublicKey(want).Equal(set["ed"].Public) {
		t.Error("the Ed25519 key is another one")
	}
	if _, err := set.Key(t.Context(), "ED"); !fault.Is(err, fault.NotFound) {
		t.Errorf("a key in another case: got %v, want NotFound", err)
	}
	for _, member := range []string{`"alg":"EdDSA"`, `"alg":"Ed25519"`, `"key_ops":["verify"]`, `"use":"sig"`, `"x5c":["canary"]`} {
		if _, err := identity.ParseJWKS([]byte(`{"keys":[` + strings.TrimSuffix(edJWK, "}") + `,` + member + `}]}`)); err != nil {
			t.Errorf("%s: %v", member, err)
		}
	}
}

func TestParseJWKSRefuses(t *testing.T) {
	ed := func(old, replaced string) string {
		if !strings.Contains(edJWK, old) {
			t.Fatalf("no %q to replace", old)
		}
		return `{"keys":[` + strings.Replace(edJWK, old, replaced, 1) + `]}`
	}
	cases := map[string]string{
		"empty": ``, "null": `null`, "a list": `[` + edJWK + `]`, "no keys": `{}`, "keys null": `{"keys":null}`, "keys empty": `{"keys":[]}`,
		"keys twice":      `{"keys":[` + edJWK + `],"keys":[` + ecJWK + `]}`,
		"one kid twice":   `{"keys":[` + edJWK + `,` + edJWK + `]}`,
		"private Ed25519": ed(`"kid"`, `"d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A","kid"`),
		"private empty":   ed(`"kid"`, `"d":"","kid"`),
		"private null":    ed(`"kid"`, `"d":null,"kid"`),
		"secret":          `{"keys":[{"kty":"oct","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ","kid":"s"}]}`,
		"RSA":             `{"keys":[{"kty":"RSA","n":"0vx7","e":"AQAB","kid":"r"}]}`,
		"X25519":          ed(`Ed25519`, `X25519`),
		"P-384":           `{"keys":[` + strings.Replace(ecJWK, "P-256", "P-384", 1) + `]}`,
		"kid absent":      ed(`,"kid":"ed"`, ``),
		"kid empty":       ed(`"kid":"ed"`, `"kid":""`),
		"kid a number":    ed(`"kid":"ed"`, `"kid":1`),
		"kid too long":    ed(`"kid":"ed"`, `"kid":"`+strings.Repeat("k", 256)+`"`),
		"member twice":    ed(`"kid":"ed"`, `"kid":"ed","kid":"ed"`),
		"x absent":        ed(`"x"`, `"X"`),
		"x short":         ed(`HURo"`, `HUR"`),
		"x long":          ed(`HURo"`, `HURoA"`),
		"x padded":        ed(`HURo"`, `HURo="`),
		"x with break":    ed(`HURo"`, `HUR\n"`),
		"x standard":      ed(`VS_7T`, `VS/7T`),
		"x loose bits":    ed(`HURo"`, `HURp"`),
		"off the curve":   `{"keys":[` + strings.Replace(ecJWK, `"4Etl`, `"5Etl`, 1) + `]}`,
		"use enc":         ed(`"kid"`, `"use":"enc","kid"`),
		"alg of another":  ed(`"kid"`, `"alg":"ES256","kid"`),
		"key_ops sign":    ed(`"kid"`, `"key_ops":["sign"],"kid"`),
		"trailing":        `{"keys":[` + edJWK + `]}x`,
		"not UTF-8":       ed(`"kid"`, "\"y\":\"\xff\",\"kid\""),
		"too large":       `{"keys":[` + edJWK + `],"x":"` + strings.Repeat("x", 1<<20) + `"}`,
	}
	for name, raw := range cases {
		t.Run(name, func(t *testing.T) {
			if set, err := identity.ParseJWKS([]byte(raw)); !fault.Is(err, fault.Invalid) || set != nil {
				t.Errorf("got %v, %v; want Invalid", set, err)
			}
		})
	}
}

func TestLoadJWKS(t *testing.T) {
	path := filepath.Join(t.TempDir(), "jwks.json")
	if _, err := identity.LoadJWKS(path); !fault.Is(err, fault.Unavailable) {
		t.Errorf("no file: got %v, want Unavailable", err)
	}
	if err := os.WriteFile(path, []byte(`{"keys":[`+edJWK+`]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	set, err := identity.LoadJWKS(path)
	if err != nil || len(set) != 1 {
		t.Errorf("got %v, %v", set, err)
	}
}
