package bundle

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"path"

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

// Read verifies and reads a bundle. An author whose key is not a verifier key,
// and a key that stands for two, are refused with the bundle: it could not be
// said who signed.
func Read(raw []byte, authors []Author) (*Bundle, error) {
	known, err := keysOf(authors)
	if err != nil {
		return nil, err
	}
	return read(raw, known)
}

func read(raw []byte, known []author) (*Bundle, error) {
	all, err := Unpack(raw)
	if err != nil {
		return nil, err
	}
	if err := signedSnapshot(all); err != nil {
		return nil, err
	}
	by, signed, err := signer(all[signaturesFile], known)
	if err != nil {
		return nil, err
	}
	delete(all, signaturesFile)
	if err := whole(all, signed); err != nil {
		return nil, refused(CodeSignature, "The bundle is not the one that was signed.", err)
	}
	b := &Bundle{Files: all, Author: by}
	if b.Revision, b.Sequence, err = manifest(all[manifestFile]); err != nil {
		return nil, err
	}
	delete(b.Files, manifestFile)
	if err := b.Files.Check(); err != nil {
		return nil, err
	}
	if b.Files.Revision() != b.Revision {
		return nil, refused(CodeSignature, "A file of the bundle is not the one that was signed.", errors.New("the revision differs"))
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
	if err := Files(all).Check(); err != nil {
		return nil, err
	}
	return all, nil
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
