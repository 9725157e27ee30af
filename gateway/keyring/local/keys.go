package local

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/insecuresecretdataaccess"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/mac"
	"github.com/tink-crypto/tink-go/v2/mac/hmac"
	tinkpb "github.com/tink-crypto/tink-go/v2/proto/tink_go_proto"
	"github.com/tink-crypto/tink-go/v2/signature"
	"github.com/tink-crypto/tink-go/v2/signature/ed25519"
)

// newKey makes a key for a use, as the content of its file.
func newKey(u use) ([]byte, error) {
	var template *tinkpb.KeyTemplate
	switch u {
	case sealing:
		template = aead.AES256GCMKeyTemplate()
	case hashing:
		template = mac.HMACSHA256Tag256KeyTemplate() // its key has 32 bytes
	case signing:
		template = signature.ED25519KeyWithoutPrefixTemplate()
	default:
		return nil, fmt.Errorf("no key is made for %q", u)
	}
	handle, err := keyset.NewHandle(template)
	if err != nil {
		return nil, err
	}
	var file bytes.Buffer
	if err := insecurecleartextkeyset.Write(handle, keyset.NewJSONWriter(&file)); err != nil {
		return nil, err
	}
	return file.Bytes(), nil
}

// parseKey reads the content of a key file. Its errors never repeat any of it.
func parseKey(u use, raw []byte) (any, error) {
	handle, err := insecurecleartextkeyset.Read(keyset.NewJSONReader(bytes.NewReader(raw)))
	if err != nil {
		return nil, errors.New("a key file is damaged: put it back from the backup of the keys")
	}
	if u == sealing {
		p, err := aead.New(handle)
		if err != nil {
			return nil, fmt.Errorf("a key file for %s holds another key", u)
		}
		return newSealer(p), nil
	}
	primary, err := handle.Primary()
	if err != nil {
		return nil, errors.New("a key file has no primary key")
	}
	secret := insecuresecretdataaccess.Token{}
	switch k := primary.Key().(type) {
	case *hmac.Key:
		if u == hashing && k.KeyBytes().Len() == hashKeySize {
			return newHasher(k.KeyBytes().Data(secret)), nil
		}
	case *ed25519.PrivateKey:
		if u == signing {
			return newSigner(k.PrivateKeyBytes().Data(secret)), nil
		}
	}
	return nil, fmt.Errorf("a key file for %s holds another key", u)
}
