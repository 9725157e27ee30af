package bundle

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"path"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/bundle"
	"github.com/open-policy-agent/opa/v1/keys"

	"github.com/concord-gateway/concord/gateway/fault"
)

// Bundle is a bundle whose author's signature holds.
type Bundle struct {
	Files Files
	// Revision is that of Files, and Sequence the author's count.
	Revision string
	Sequence int64
	// Author is the subject of the author who signed.
	Author string
	// SHA256 is the digest of the file as a whole, in hexadecimal.
	SHA256 string
}

// Read verifies and reads a bundle.
func Read(raw []byte, authors []Author) (*Bundle, error) {
	all, err := Unpack(raw)
	if err != nil {
		return nil, err
	}
	if err := signedSnapshot(all); err != nil {
		return nil, err
	}
	author, verification, err := signer(all[signaturesFile], authors)
	if err != nil {
		return nil, err
	}
	loader, err := bundle.NewFSLoader(Files(all).FS())
	if err != nil {
		return nil, refused(CodeForm, "The bundle cannot be read.", err)
	}
	loader = loader.WithPathFormat(bundle.SlashRooted) // the other form loses the dot of a leading dotfile
	read, err := bundle.NewCustomReader(loader).WithBundleVerificationConfig(verification).
		WithRegoVersion(ast.RegoV1).WithSizeLimitBytes(MaxBytes).Read()
	if err != nil {
		return nil, refused(CodeSignature, "The signature of the bundle does not hold.", err)
	}
	b := &Bundle{Files: Files(all), Revision: read.Manifest.Revision, Author: author}
	delete(b.Files, manifestFile)
	delete(b.Files, signaturesFile)
	if err := b.Files.check(); err != nil {
		return nil, err
	}
	if b.Files.Revision() != b.Revision {
		return nil, refused(CodeSignature, "A file of the bundle is not the one that was signed.", errors.New("the revision differs"))
	}
	if b.Sequence, err = sequence(read.Manifest); err != nil {
		return nil, err
	}
	sum := sha256.Sum256(raw)
	b.SHA256 = hex.EncodeToString(sum[:])
	return b, nil
}

// Contents reads the files of a bundle without asking who signed it, for those
// who want to know what it would do. Nothing comes into force this way.
func Contents(raw []byte) (Files, error) {
	all, err := Unpack(raw)
	if err != nil {
		return nil, err
	}
	delete(all, manifestFile)
	delete(all, signaturesFile)
	return all, Files(all).check()
}

func refused(code, message string, cause error) error {
	return fault.Wrap(fault.Invalid, "bundle.Read", message, cause).WithCode(code)
}

// signedSnapshot refuses a delta, which carries no signature, and what has
// none.
func signedSnapshot(files map[string][]byte) error {
	for name := range files {
		if path.Base(name) == deltaFile {
			return refused(CodeDelta, "The bundle is a delta; only whole bundles are taken.", errors.New("it holds "+deltaFile))
		}
	}
	if len(files[signaturesFile]) == 0 {
		return refused(CodeUnsigned, "The bundle is not signed.", errors.New("there is no "+signaturesFile))
	}
	return nil
}

// signer returns the author whose key verifies the signature, and the
// configuration with which OPA holds the files against it. Each key is tried by
// itself: which key a signature names is not believed.
func signer(raw []byte, authors []Author) (subject string, cfg *bundle.VerificationConfig, err error) {
	var signatures bundle.SignaturesConfig
	if err := json.Unmarshal(raw, &signatures); err != nil {
		return "", nil, refused(CodeSignature, "The signature of the bundle cannot be read.", err)
	}
	tried := errors.New("no policy author is configured")
	for _, a := range authors {
		name, key, err := publicKey(a.Key)
		if err != nil {
			return "", nil, err
		}
		der, err := x509.MarshalPKIXPublicKey(key)
		if err != nil {
			return "", nil, refused(CodeSignature, "The key of a policy author cannot be used.", err)
		}
		public := string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
		cfg := bundle.NewVerificationConfig(map[string]*keys.Config{name: {Key: public, Algorithm: algorithm}}, name, "", nil)
		if _, tried = bundle.VerifyBundleSignature(signatures, cfg); tried == nil {
			return a.Subject, cfg, nil
		}
	}
	return "", nil, refused(CodeSignature, "The bundle is not signed by a policy author that this gateway knows.", tried)
}

// sequence reads the author's count from the manifest.
func sequence(m bundle.Manifest) (int64, error) {
	if n, ok := m.Metadata["sequence"].(json.Number); ok {
		if i, err := n.Int64(); err == nil && i >= 1 {
			return i, nil
		}
	}
	return 0, refused(CodeForm, "The manifest of the bundle has no sequence number.", errors.New("metadata.sequence"))
}
