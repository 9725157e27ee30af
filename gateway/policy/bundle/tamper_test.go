package bundle

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"strings"
	"testing"

	"github.com/open-policy-agent/opa/v1/bundle"

	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/notekey"
)

func unpacked(tb testing.TB, raw []byte) map[string][]byte {
	tb.Helper()
	parts, err := Unpack(raw)
	if err != nil {
		tb.Fatal(err)
	}
	return parts
}

func packed(tb testing.TB, parts map[string][]byte) []byte {
	tb.Helper()
	raw, err := Pack(parts)
	if err != nil {
		tb.Fatal(err)
	}
	return raw
}

func signerOf(tb testing.TB, by pen) (string, ed25519.PrivateKey) {
	tb.Helper()
	name, key, err := notekey.Signer(by.private)
	if err != nil {
		tb.Fatal(err)
	}
	return name, key
}

func pemOf(tb testing.TB, key ed25519.PublicKey) string {
	tb.Helper()
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		tb.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

// token is the one token of .signatures.json, in its three parts.
func token(tb testing.TB, parts map[string][]byte) []string {
	tb.Helper()
	var s struct {
		Signatures []string `json:"signatures"`
	}
	if err := json.Unmarshal(parts[signaturesFile], &s); err != nil || len(s.Signatures) != 1 {
		tb.Fatal("not one signature", err)
	}
	return strings.Split(s.Signatures[0], ".")
}

func signatures(tokens ...string) []byte {
	raw, _ := json.Marshal(map[string]any{"signatures": tokens}) // of strings it cannot fail
	return raw
}

func header(alg, kid string) string {
	return base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, `{"alg":%q,"kid":%q}`, alg, kid))
}

func TestReadTampered(t *testing.T) {
	t.Parallel()
	by, other := newPen(t, "police/author"), newPen(t, "police/deputy")
	public := by.Key
	raw := built(t, few(), 1, by)
	const rule, purposes = "concord/release/release.rego", "purposes.json"
	cases := []struct {
		name, code string
		tamper     func(parts map[string][]byte)
	}{
		{"no signature", CodeUnsigned, func(p map[string][]byte) { delete(p, signaturesFile) }},
		{"an empty signature file", CodeUnsigned, func(p map[string][]byte) { p[signaturesFile] = nil }},
		{"no token", CodeSignature, func(p map[string][]byte) { p[signaturesFile] = signatures() }},
		{"no JSON", CodeSignature, func(p map[string][]byte) { p[signaturesFile] = []byte("x") }},
		{"two documents", CodeSignature, func(p map[string][]byte) { p[signaturesFile] = append(p[signaturesFile], "{}"...) }},
		{"two signatures", CodeSignature, func(p map[string][]byte) {
			one := strings.Join(token(t, p), ".")
			p[signaturesFile] = signatures(one, one)
		}},
		{"a token of two parts", CodeSignature, func(p map[string][]byte) {
			p[signaturesFile] = signatures(strings.Join(token(t, p)[:2], "."))
		}},
		{"alg none", CodeSignature, func(p map[string][]byte) {
			p[signaturesFile] = signatures(header("none", by.Subject) + "." + token(t, p)[1] + ".")
		}},
		{"alg HS256 under the public key", CodeSignature, func(p map[string][]byte) {
			_, key, err := notekey.Verifier(public)
			if err != nil {
				t.Fatal(err)
			}
			for _, secret := range []string{public, string(key), pemOf(t, key)} {
				text := header("HS256", "police/author") + "." + token(t, p)[1]
				mac := hmac.New(sha256.New, []byte(secret))
				mac.Write([]byte(text))
				p[signaturesFile] = signatures(text + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil)))
			}
		}},
		{"kid of another author", CodeSignature, func(p map[string][]byte) {
			p[signaturesFile] = signatures(header("EdDSA", "police/deputy") + "." + token(t, p)[1] + "." + token(t, p)[2])
		}},
		{"a plug-in", CodeSignature, func(p map[string][]byte) {
			p[signaturesFile] = []byte(strings.Replace(string(p[signaturesFile]), "{", `{"plugin":"_default",`, 1))
		}},
		{"the signature of another bundle", CodeSignature, func(p map[string][]byte) {
			p[signaturesFile] = unpacked(t, built(t, few(), 2, by))[signaturesFile]
		}},
		{"a file added", CodeSignature, func(p map[string][]byte) { p["concord/more.rego"] = []byte("package concord.more\n") }},
		{"a file removed", CodeSignature, func(p map[string][]byte) { delete(p, rule) }},
		{"a file renamed", CodeSignature, func(p map[string][]byte) { p["concord/release/other.rego"] = p[rule]; delete(p, rule) }},
		{"two files swapped", CodeSignature, func(p map[string][]byte) { p[rule], p[purposes] = p[purposes], p[rule] }},
		{"no manifest", CodeSignature, func(p map[string][]byte) { delete(p, manifestFile) }},
		{"a delta", CodeDelta, func(p map[string][]byte) { p[deltaFile] = []byte(`{"data":[]}`) }},
		{"a delta in a folder", CodeDelta, func(p map[string][]byte) { p["concord/patch.json"] = []byte(`{}`) }},
		{"a delta without a signature", CodeDelta, func(p map[string][]byte) { clear(p); p[deltaFile] = []byte(`{}`) }},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			parts := unpacked(t, raw)
			c.tamper(parts)
			refuses(t, c.code, packed(t, parts), by.Author, other.Author)
		})
	}
}

// TestReadFlipped flips one byte of each file, in its middle and at its ends.
func TestReadFlipped(t *testing.T) {
	t.Parallel()
	by := newPen(t, "police/author")
	files := all(t)
	raw := built(t, files, 3, by)
	for name, content := range unpacked(t, raw) {
		for _, at := range []int{0, len(content) / 2, len(content) - 1} {
			parts := unpacked(t, raw)
			parts[name][at] ^= 1
			if b, err := Read(packed(t, parts), []Author{by.Author}); b != nil || code(err) != CodeSignature {
				t.Errorf("%s at %d: code %q, %v", name, at, code(err), err)
			}
		}
	}
}

// TestReadFlippedFile flips each bit of a whole bundle file. What still reads
// must be the same bundle: a byte of the container may mean nothing.
func TestReadFlippedFile(t *testing.T) {
	t.Parallel()
	by := newPen(t, "police/author")
	raw := built(t, Files{"places.json": []byte("[]")}, 1, by)
	for i := range raw {
		for bit := range 8 {
			altered := append([]byte(nil), raw...)
			altered[i] ^= 1 << bit
			b, err := Read(altered, []Author{by.Author})
			if (b == nil) == (err == nil) {
				t.Fatalf("byte %d: %v beside %v", i, b, err)
			}
			if b != nil && (b.Sequence != 1 || b.Author != by.Subject || string(b.Files["places.json"]) != "[]" || len(b.Files) != 1) {
				t.Errorf("byte %d, bit %d gives another bundle", i, bit)
			}
		}
	}
}

// TestReadSignedWrong is about authors who sign what is no bundle of ours.
func TestReadSignedWrong(t *testing.T) {
	t.Parallel()
	by := newPen(t, "police/author")
	base := built(t, few(), 1, by)
	revision := few().Revision()
	for name, metadata := range map[string]any{
		"no metadata": nil, "no sequence": map[string]any{}, "zero": seq(0), "negative": seq(-1), "a float": seq(1.5),
		"a whole float": map[string]any{"sequence": json.RawMessage("1.0")}, "2^63": map[string]any{"sequence": json.RawMessage("9223372036854775808")},
		"a text": seq("1"), "null": seq(nil), "a list": seq([]int{1}),
	} {
		parts := unpacked(t, base)
		parts[manifestFile] = manifestOf(t, revision, metadata)
		raw := resigned(t, parts, by)
		t.Run("sequence: "+name, func(t *testing.T) { refuses(t, CodeForm, raw, by.Author) })
	}
	for name, c := range map[string]struct {
		code   string
		change func(parts map[string][]byte)
	}{
		"another revision":   {CodeSignature, func(p map[string][]byte) { p[manifestFile] = manifestOf(t, strings.Repeat("0", 64), seq(1)) }},
		"no revision":        {CodeSignature, func(p map[string][]byte) { p[manifestFile] = manifestOf(t, "", seq(1)) }},
		"an unknown member":  {CodeForm, func(p map[string][]byte) { p[manifestFile] = []byte(`{"revison":"x"}`) }},
		"a file of no kind":  {CodeFile, func(p map[string][]byte) { p["notes.txt"] = []byte("x") }},
		"a test":             {CodeFile, func(p map[string][]byte) { p["concord/a_test.rego"] = []byte("package a_test\n") }},
		"a hidden manifest":  {CodeFile, func(p map[string][]byte) { p["concord/.manifest"] = []byte(`{}`) }},
		"a second signature": {CodeFile, func(p map[string][]byte) { p["concord/.signatures.json"] = []byte(`{}`) }},
	} {
		parts := unpacked(t, base)
		c.change(parts)
		raw := resigned(t, parts, by)
		t.Run(name, func(t *testing.T) { refuses(t, c.code, raw, by.Author) })
	}
}

// TestReadWeakHash is about an author who signs by a hash under which two files
// can be made alike.
func TestReadWeakHash(t *testing.T) {
	t.Parallel()
	by := newPen(t, "police/author")
	parts := unpacked(t, built(t, few(), 1, by))
	name, key := signerOf(t, by)
	for algorithm, want := range map[bundle.HashingAlgorithm]string{bundle.SHA256: "", bundle.MD5: CodeSignature, bundle.SHA1: CodeSignature, bundle.SHA512: CodeSignature} {
		infos := []bundle.FileInfo{}
		delete(parts, signaturesFile)
		hasher, err := bundle.NewSignatureHasher(algorithm)
		if err != nil {
			t.Fatal(err)
		}
		for file, content := range parts {
			var value any = content
			if file == manifestFile {
				value = nil
				if err := decode(content, &value); err != nil {
					t.Fatal(err)
				}
			}
			sum, err := hasher.HashFile(value)
			if err != nil {
				t.Fatal(err)
			}
			infos = append(infos, bundle.NewFile(file, hex.EncodeToString(sum), string(algorithm)))
		}
		private, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			t.Fatal(err)
		}
		pemKey := string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}))
		jwt, err := bundle.GenerateSignedToken(infos, bundle.NewSigningConfig(pemKey, "EdDSA", ""), name)
		if err != nil {
			t.Fatal(err)
		}
		parts[signaturesFile] = signatures(jwt)
		if b, err := Read(packed(t, parts), []Author{by.Author}); (b != nil) != (want == "") || code(err) != want {
			t.Errorf("%s: code %q, %v", algorithm, code(err), err)
		}
	}
}

func seq(n any) map[string]any { return map[string]any{"sequence": n} }

func TestReadAuthors(t *testing.T) {
	t.Parallel()
	by, other := newPen(t, "police/author"), newPen(t, "police/deputy")
	raw := built(t, few(), 1, by)
	refuses(t, CodeSignature, raw)
	refuses(t, CodeSignature, raw, other.Author)
	refuses(t, CodeSignature, raw, by.Author, Author{Subject: "somebody else", Key: by.Key})
	refuses(t, CodeSignature, raw, by.Author, Author{Subject: "a", Key: "police/x+00000000+AA=="})
	refuses(t, CodeSignature, raw, by.Author, Author{Subject: "a", Key: strings.Replace(other.Key, "deputy", "devil", 1)})

	// Two authors may call their keys alike; the key decides.
	double := newPen(t, "police/author")
	double.Subject = "double"
	b, err := Read(built(t, few(), 1, double), []Author{by.Author, double.Author})
	if err != nil || b.Author != "double" {
		t.Errorf("of two keys with one name: %+v, %v", b, err)
	}
	if _, err := Read(raw, []Author{other.Author}); !fault.Is(err, fault.Invalid) || strings.Contains(err.Error(), by.Key) {
		t.Errorf("got %v", err)
	}
}
