// Package notekey takes apart keys as signed notes write them
// (c2sp.org/signed-note), for signatures that are not notes and for telling
// whether two keys are one:
//
//	PRIVATE+KEY+<name>+<hash>+<base64 of type and seed>    a signer key
//	<name>+<hash>+<base64 of type and public key>          a verifier key
//
// A key whose hash is not that of its name and bytes, and one that is not for
// Ed25519, is refused. White space around a key means nothing. No error says
// anything of a private key.
package notekey

import (
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

// Signer returns the name and the private key of a signer key.
func Signer(key string) (name string, private ed25519.PrivateKey, err error) {
	key = strings.TrimSpace(key)
	signer, err := note.NewSigner(key)
	if err != nil {
		return "", nil, err
	}
	parts := strings.SplitN(key, "+", 5) // five, or NewSigner would have refused it
	seed, err := body(parts[len(parts)-1])
	if err != nil {
		return "", nil, err
	}
	return signer.Name(), ed25519.NewKeyFromSeed(seed), nil
}

// Verifier returns the name and the public key of a verifier key.
func Verifier(key string) (name string, public ed25519.PublicKey, err error) {
	key = strings.TrimSpace(key)
	verifier, err := note.NewVerifier(key)
	if err != nil {
		return "", nil, err
	}
	parts := strings.SplitN(key, "+", 3)
	raw, err := body(parts[len(parts)-1])
	if err != nil {
		return "", nil, err
	}
	return verifier.Name(), ed25519.PublicKey(raw), nil
}

var errBody = errors.New("the key is not one for Ed25519")

// body is what follows the type, which note has checked: seeds and public keys
// have one length.
func body(encoded string) ([]byte, error) {
	raw, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil || len(raw) != 1+ed25519.SeedSize {
		return nil, errBody
	}
	return raw[1:], nil
}
