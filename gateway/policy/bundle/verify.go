package bundle

import (
	"bytes"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"

	"github.com/open-policy-agent/opa/v1/bundle"
	"github.com/open-policy-agent/opa/v1/keys"

	"github.com/concord-gateway/concord/gateway/notekey"
)

// author is an Author whose key has been read.
type author struct {
	subject string
	name    string
	key     ed25519.PublicKey
}

// keysOf reads the keys of the authors.
func keysOf(authors []Author) ([]author, error) {
	out := make([]author, len(authors))
	seen := map[string]bool{}
	for i, a := range authors {
		name, key, err := notekey.Verifier(a.Key)
		if err != nil {
			return nil, refused(CodeSignature, "The key of a policy author is not a verifier key.", err)
		}
		if seen[string(key)] {
			return nil, refused(CodeSignature, "The key of a policy author is registered twice.", errors.New("nobody could say who signed"))
		}
		seen[string(key)] = true
		out[i] = author{a.Subject, name, key}
	}
	return out, nil
}

// signer returns the author whose key verifies the signature, and what it says
// of each file. Each key is tried by itself, with the one algorithm: which key
// and algorithm a signature names is not believed.
func signer(raw []byte, known []author) (subject string, signed map[string]bundle.FileInfo, err error) {
	var signatures bundle.SignaturesConfig
	if err := decode(raw, &signatures); err != nil {
		return "", nil, refused(CodeSignature, "The signature of the bundle cannot be read.", err)
	}
	if signatures.Plugin != "" { // another judge than the one that this package names
		return "", nil, refused(CodeSignature, "The signature of the bundle asks for a plug-in.", errors.New("plugin"))
	}
	tried := errors.New("no policy author is configured")
	for _, a := range known {
		der, err := x509.MarshalPKIXPublicKey(a.key)
		if err != nil {
			return "", nil, refused(CodeSignature, "The key of a policy author cannot be used.", err)
		}
		public := string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
		cfg := bundle.NewVerificationConfig(map[string]*keys.Config{a.name: {Key: public, Algorithm: algorithm}}, a.name, "", nil)
		if signed, tried = bundle.VerifyBundleSignature(signatures, cfg); tried == nil {
			return a.subject, signed, nil
		}
	}
	return "", nil, refused(CodeSignature, "The bundle is not signed by a policy author that this gateway knows.", tried)
}

// whole holds the files against what was signed: all of them, and no other.
func whole(files Files, signed map[string]bundle.FileInfo) error {
	for _, name := range files.Names() {
		if signed[name].Algorithm != string(bundle.SHA256) {
			return fmt.Errorf("%s: it is not signed, or not by its SHA-256", name)
		}
		if err := bundle.VerifyBundleFile(name, *bytes.NewBuffer(files[name]), signed); err != nil {
			return err
		}
	}
	for name := range signed { // VerifyBundleFile takes out what it has found
		return fmt.Errorf("%s: it is signed and not there", name)
	}
	return nil
}

// manifest reads the revision and the author's count from the manifest.
func manifest(raw []byte) (revision string, sequence int64, err error) {
	var m bundle.Manifest
	if err := decode(raw, &m); err != nil {
		return "", 0, refused(CodeForm, "The manifest of the bundle cannot be read.", err)
	}
	if n, ok := m.Metadata["sequence"].(json.Number); ok {
		if i, err := n.Int64(); err == nil && i >= 1 {
			return m.Revision, i, nil
		}
	}
	return "", 0, refused(CodeForm, "The manifest of the bundle has no sequence number.", errors.New("metadata.sequence"))
}

// decode reads one JSON document and nothing after it.
func decode(raw []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows the document")
	}
	return nil
}
