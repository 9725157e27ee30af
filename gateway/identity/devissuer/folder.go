package devissuer

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/concord-gateway/concord/gateway/fault"
)

const (
	keySuffix  = ".key"
	jwksSuffix = ".jwks.json"
	pemType    = "PRIVATE KEY"
)

// agencyPattern keeps file names inside the folder.
var agencyPattern = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)

// Create makes the folder if need be, and a key for each agency in it, and
// opens it. It answers a fault of kind Conflict, and changes nothing, where the
// folder holds a key of any issuer already.
func Create(dir string, agencies ...string) (*Issuer, error) {
	if len(agencies) == 0 {
		return nil, fault.New(fault.Invalid, "devissuer.Create", "No agency is named.")
	}
	for _, a := range agencies {
		if !agencyPattern.MatchString(a) {
			return nil, fault.New(fault.Invalid, "devissuer.Create", "An agency is lower-case words with hyphens.")
		}
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, unavailable("devissuer.Create", err)
	}
	if err := narrow(dir, fs.ModeDir); err != nil {
		return nil, err
	}
	held, err := agenciesWith(dir, keySuffix)
	if err != nil {
		return nil, err
	}
	if len(held) > 0 {
		return nil, fault.New(fault.Conflict, "devissuer.Create", "The folder holds keys of an issuer already.")
	}
	for _, a := range slices.Compact(slices.Sorted(slices.Values(agencies))) {
		if err := create(dir, a); err != nil {
			return nil, err
		}
	}
	return Open(dir)
}

// Open loads the private keys of a folder that Create made. It answers a fault
// of kind Invalid where the folder or a key may be read by others or is not
// what Create writes, NotFound where there is no key at all.
func Open(dir string) (*Issuer, error) {
	if err := narrow(dir, fs.ModeDir); err != nil {
		return nil, err
	}
	agencies, err := agenciesWith(dir, keySuffix)
	if err != nil {
		return nil, err
	}
	if len(agencies) == 0 {
		return nil, fault.New(fault.NotFound, "devissuer.Open", "The folder holds no keys of an issuer.")
	}
	i := &Issuer{Clock: time.Now, dir: dir, keys: make(map[string]ed25519.PrivateKey, len(agencies))}
	for _, a := range agencies {
		if i.keys[a], err = load(filepath.Join(dir, a+keySuffix)); err != nil {
			return nil, err
		}
	}
	return i, nil
}

func create(dir, agency string) error {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return fault.Wrap(fault.Internal, "devissuer.Create", "No key could be made.", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return fault.Wrap(fault.Internal, "devissuer.Create", "No key could be made.", err)
	}
	set, err := json.MarshalIndent(keySet{Keys: []webKey{newWebKey(public)}}, "", "  ")
	if err != nil {
		return fault.Wrap(fault.Internal, "devissuer.Create", "No key could be made.", err)
	}
	// The public half first: a private key is only there once it can be used.
	if err := write(filepath.Join(dir, agency+jwksSuffix), append(set, '\n')); err != nil {
		return err
	}
	return write(filepath.Join(dir, agency+keySuffix), pem.EncodeToMemory(&pem.Block{Type: pemType, Bytes: der}))
}

// write makes a file that was not there before and syncs it.
func write(path string, content []byte) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return unavailable("devissuer.Create", err)
	}
	_, err = f.Write(content)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return unavailable("devissuer.Create", err)
	}
	return nil
}

func load(path string) (ed25519.PrivateKey, error) {
	if err := narrow(path, 0); err != nil {
		return nil, err
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, unavailable("devissuer.Open", err)
	}
	notKey := fault.New(fault.Invalid, "devissuer.Open", "A key file does not hold an Ed25519 private key.")
	block, rest := pem.Decode(raw)
	if block == nil || block.Type != pemType || len(rest) > 0 {
		return nil, notKey
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, notKey
	}
	private, ok := parsed.(ed25519.PrivateKey)
	if !ok {
		return nil, notKey
	}
	return private, nil
}

// narrow refuses what group or others may use, and what is not of the type
// wanted: a link is never followed.
func narrow(path string, want fs.FileMode) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fault.Wrap(fault.NotFound, "devissuer.Open", "There is no such folder or key.", err)
	case err != nil:
		return unavailable("devissuer.Open", err)
	case info.Mode().Type() != want:
		return fault.New(fault.Invalid, "devissuer.Open", "The issuer's folder or a key in it is not what it should be.")
	case info.Mode().Perm()&0o077 != 0:
		return fault.New(fault.Invalid, "devissuer.Open", "The issuer's folder or a key in it may be read by others; the modes are 0700 and 0600.")
	}
	return nil
}

// agenciesWith returns, sorted, the agencies that have a file with the suffix.
func agenciesWith(dir, suffix string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, unavailable("devissuer.Open", err)
	}
	var out []string
	for _, e := range entries {
		if a, ok := strings.CutSuffix(e.Name(), suffix); ok && agencyPattern.MatchString(a) {
			out = append(out, a)
		}
	}
	return out, nil
}

func unavailable(op string, cause error) error {
	return fault.Wrap(fault.Unavailable, op, "The issuer's folder cannot be used.", cause)
}

// keySet and webKey are written in the order of RFC 8037 appendix A.2.
type keySet struct {
	Keys []webKey `json:"keys"`
}

type webKey struct {
	Kty string `json:"kty"`
	Crv string `json:"crv"`
	X   string `json:"x"`
	Kid string `json:"kid"`
	Use string `json:"use"`
	Alg string `json:"alg"`
}

func newWebKey(public ed25519.PublicKey) webKey {
	return webKey{
		Kty: "OKP", Crv: "Ed25519", X: base64.RawURLEncoding.EncodeToString(public),
		Kid: thumbprint(public), Use: "sig", Alg: "EdDSA",
	}
}

// thumbprint is the JWK thumbprint of the key (RFC 7638, RFC 8037 appendix A.3),
// by which tokens name it.
func thumbprint(public ed25519.PublicKey) string {
	sum := sha256.Sum256([]byte(`{"crv":"Ed25519","kty":"OKP","x":"` + base64.RawURLEncoding.EncodeToString(public) + `"}`))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}
