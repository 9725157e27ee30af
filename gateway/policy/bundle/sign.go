package bundle

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"maps"
	"strings"

	"github.com/open-policy-agent/opa/v1/bundle"

	"github.com/concord-gateway/concord/gateway/fault"
)

// algorithm is how authors sign: EdDSA over Ed25519 (RFC 8037).
const algorithm = "EdDSA"

// The files of a bundle that are not content.
const (
	manifestFile   = ".manifest"
	signaturesFile = ".signatures.json"
	deltaFile      = "patch.json"
)

// Author is a policy author whose signature a gateway accepts.
type Author struct {
	// Subject is who holds the key, as tokens name them.
	Subject string
	// Key is the public key, a verifier key (c2sp.org/signed-note).
	Key string
}

// Build writes a bundle and signs it with an author's private key (a signer
// key as in c2sp.org/signed-note). Sequence counts the author's bundles up.
func Build(files Files, sequence int64, signerKey string) ([]byte, error) {
	const op = "bundle.Build"
	if sequence < 1 {
		return nil, fault.New(fault.Invalid, op, "The sequence number of a bundle counts from 1.")
	}
	if err := files.check(); err != nil {
		return nil, err
	}
	name, key, err := privateKey(signerKey)
	if err != nil {
		return nil, err
	}
	version := 1
	manifest := bundle.Manifest{
		Revision: files.Revision(), Roots: &[]string{"concord"}, RegoVersion: &version,
		Metadata: map[string]any{"sequence": sequence},
	}
	raw, err := json.Marshal(manifest)
	if err != nil {
		return nil, fault.Wrap(fault.Internal, op, "The manifest cannot be written.", err)
	}
	all := maps.Clone(map[string][]byte(files))
	all[manifestFile] = raw
	if all[signaturesFile], err = sign(all, name, key); err != nil {
		return nil, fault.Wrap(fault.Invalid, op, "The bundle cannot be signed.", err)
	}
	return Pack(all)
}

// sign returns the content of .signatures.json.
func sign(files map[string][]byte, name string, key ed25519.PrivateKey) ([]byte, error) {
	hasher, err := bundle.NewSignatureHasher(bundle.SHA256)
	if err != nil {
		return nil, err
	}
	infos := make([]bundle.FileInfo, 0, len(files))
	for _, file := range Files(files).Names() {
		var value any = files[file]
		if bundle.IsStructuredDoc(file) {
			if err := json.Unmarshal(files[file], &value); err != nil {
				return nil, err
			}
		}
		sum, err := hasher.HashFile(value)
		if err != nil {
			return nil, err
		}
		infos = append(infos, bundle.NewFile(file, hex.EncodeToString(sum), string(bundle.SHA256)))
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	private := string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	token, err := bundle.GenerateSignedToken(infos, bundle.NewSigningConfig(private, algorithm, ""), name)
	if err != nil {
		return nil, err
	}
	return json.Marshal(bundle.SignaturesConfig{Signatures: []string{token}})
}

// ed25519Note is the type byte of Ed25519 keys (c2sp.org/signed-note).
const ed25519Note = 1

// privateKey reads a signer key: PRIVATE+KEY+<name>+<hash>+<base64>.
func privateKey(signerKey string) (name string, key ed25519.PrivateKey, err error) {
	parts := strings.SplitN(strings.TrimSpace(signerKey), "+", 5)
	if len(parts) == 5 && parts[0] == "PRIVATE" && parts[1] == "KEY" {
		seed, err := base64.StdEncoding.DecodeString(parts[4])
		if err == nil && len(seed) == 1+ed25519.SeedSize && seed[0] == ed25519Note {
			return parts[2], ed25519.NewKeyFromSeed(seed[1:]), nil
		}
	}
	return "", nil, fault.New(fault.Invalid, "bundle.Build", "The author's key is not a private key as `concord agreement key` writes it.")
}

// publicKey reads a verifier key: <name>+<hash>+<base64>.
func publicKey(verifierKey string) (name string, key ed25519.PublicKey, err error) {
	parts := strings.SplitN(strings.TrimSpace(verifierKey), "+", 3)
	if len(parts) == 3 {
		raw, err := base64.StdEncoding.DecodeString(parts[2])
		if err == nil && len(raw) == 1+ed25519.PublicKeySize && raw[0] == ed25519Note {
			return parts[0], raw[1:], nil
		}
	}
	return "", nil, fault.New(fault.Invalid, "bundle.Read", "The key of a policy author is not a verifier key.")
}
