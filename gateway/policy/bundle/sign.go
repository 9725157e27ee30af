package bundle

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"maps"

	"github.com/open-policy-agent/opa/v1/bundle"
	"github.com/open-policy-agent/opa/v1/util"

	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/notekey"
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
// key as in c2sp.org/signed-note). Sequence counts the author's bundles up. The
// same arguments give the same bytes, and what it returns is what Read takes.
func Build(files Files, sequence int64, signerKey string) ([]byte, error) {
	const op = "bundle.Build"
	if sequence < 1 {
		return nil, fault.New(fault.Invalid, op, "The sequence number of a bundle counts from 1.")
	}
	if err := files.Check(); err != nil {
		return nil, err
	}
	name, key, err := notekey.Signer(signerKey)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, op, "The author's key is not a private key as `concord agreement key` writes it.", err)
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
	out, err := Pack(all)
	if err != nil {
		return nil, err
	}
	public, _ := key.Public().(ed25519.PublicKey)
	if _, err := read(out, []author{{name: name, key: public}}); err != nil {
		return nil, fault.Wrap(fault.Invalid, op, "A gateway would not take this bundle.", err)
	}
	return out, nil
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
			// As a reader takes it: a number stays as it is written.
			if err := util.Unmarshal(files[file], &value); err != nil {
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
