package identity

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"math/big"
	"os"

	"github.com/concord-gateway/concord/gateway/fault"
)

// maxJWKS is the size of the largest key set that is read.
const maxJWKS = 1 << 20

// maxKeyID is the length of the longest key id, in bytes.
const maxKeyID = 255

// maxKeys is how many keys a set may have.
const maxKeys = 100

// errSecret is why a key that is not public is refused: whoever publishes one
// cannot be trusted with the others.
const errSecret = refusal("it holds a private or secret key")

// privateMembers are the members of a JWK that hold secrets (RFC 7518 section
// 6, RFC 8037 section 2).
var privateMembers = []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k"}

// LoadJWKS reads the public keys of one issuer from a JSON Web Key Set (RFC
// 7517). Every key must be an Ed25519 key (RFC 8037), a P-256 key or an RSA key of
// 2048 to 4096 bits, meant for signatures, with an id of its own. One private key,
// one key of another sort or one member given twice refuses the whole file. Errors are faults of kind
// Invalid, or Unavailable where the file cannot be read.
func LoadJWKS(path string) (KeySet, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fault.Wrap(fault.Unavailable, "identity.LoadJWKS", "The key set cannot be read.", err)
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, maxJWKS+1))
	if err != nil {
		return nil, fault.Wrap(fault.Unavailable, "identity.LoadJWKS", "The key set cannot be read.", err)
	}
	return ParseJWKS(raw)
}

// ParseJWKS is LoadJWKS for a key set in memory.
func ParseJWKS(raw []byte) (KeySet, error) {
	set, err := readJWKS(raw, false)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, "identity.ParseJWKS", "The key set is not usable.", err)
	}
	return set, nil
}

// ParseFetchedJWKS is ParseJWKS for a set that a provider publishes for everyone:
// a key that no token for Concord can be signed with, such as one for encryption,
// is left out. A secret, an id that two usable keys have, and a set without any
// usable key refuse the whole.
func ParseFetchedJWKS(raw []byte) (KeySet, error) {
	set, err := readJWKS(raw, true)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, "identity.ParseFetchedJWKS", "The key set is not usable.", err)
	}
	return set, nil
}

func readJWKS(raw []byte, skip bool) (KeySet, error) {
	if len(raw) > maxJWKS {
		return nil, refusal("the key set is too large")
	}
	top, err := members(raw)
	if err != nil {
		return nil, err
	}
	var keys []json.RawMessage
	if err := json.Unmarshal(top["keys"], &keys); err != nil || len(keys) == 0 || len(keys) > maxKeys {
		return nil, refusal("the key set has no keys, or too many")
	}
	set := KeySet{}
	for i, one := range keys {
		k, err := parseJWK(one)
		if skip && err != nil && !errors.Is(err, errSecret) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("key %d: %w", i, err)
		}
		if _, taken := set[k.ID]; taken {
			return nil, fmt.Errorf("key %d: %w", i, refusal("its id is taken"))
		}
		set[k.ID] = k
	}
	if len(set) == 0 {
		return nil, refusal("none of its keys can be used")
	}
	return set, nil
}

func parseJWK(raw []byte) (Key, error) {
	m, err := members(raw)
	if err != nil {
		return Key{}, err
	}
	id, err := text(m, "kid")
	if noSecret(m) == nil && (err != nil || id == "" || len(id) > maxKeyID) {
		return Key{}, refusal("it has no usable kid")
	}
	k, err := publicKey(m)
	k.ID = id
	return k, err
}

// noSecret refuses a key that is not public.
func noSecret(m map[string]json.RawMessage) error {
	for _, name := range privateMembers {
		if _, ok := m[name]; ok {
			return errSecret
		}
	}
	return nil
}

// publicKey reads a key without its id.
func publicKey(m map[string]json.RawMessage) (Key, error) {
	if err := noSecret(m); err != nil {
		return Key{}, err
	}
	var k Key
	var err error
	kty, _ := text(m, "kty")
	crv, _ := text(m, "crv")
	switch {
	case kty == "OKP" && crv == "Ed25519":
		k.Public, err = ed25519Key(m)
	case kty == "EC" && crv == "P-256":
		k.Public, err = p256Key(m)
	case kty == "RSA":
		k.Alg, _ = text(m, "alg")
		k.Public, err = rsaKey(m)
	default:
		err = refusal("it is not an Ed25519, a P-256 or an RSA key")
	}
	if err != nil {
		return Key{}, err
	}
	if k.Algorithm() == "" {
		return Key{}, refusal("it is of a length or for an algorithm that is not taken")
	}
	return k, forSignatures(m, k)
}

// forSignatures checks the optional members that say what a key is for.
func forSignatures(m map[string]json.RawMessage, k Key) error {
	if _, ok := m["use"]; ok {
		if use, _ := text(m, "use"); use != "sig" {
			return refusal("its use is not sig")
		}
	}
	if _, ok := m["key_ops"]; ok {
		var ops []string
		if err := json.Unmarshal(m["key_ops"], &ops); err != nil || len(ops) != 1 || ops[0] != "verify" {
			return refusal("its key_ops is not verify")
		}
	}
	if _, ok := m["alg"]; ok {
		// RFC 9864 gives EdDSA on this curve the name Ed25519.
		alg, _ := text(m, "alg")
		if !k.Verifies(alg) && (alg != "Ed25519" || k.Algorithm() != EdDSA) {
			return refusal("its alg does not fit the key")
		}
	}
	return nil
}

func ed25519Key(m map[string]json.RawMessage) (ed25519.PublicKey, error) {
	x, err := octets(m, "x", ed25519.PublicKeySize)
	if err != nil {
		return nil, err
	}
	return ed25519.PublicKey(x), nil
}

func p256Key(m map[string]json.RawMessage) (*ecdsa.PublicKey, error) {
	x, err := octets(m, "x", 32)
	if err != nil {
		return nil, err
	}
	y, err := octets(m, "y", 32)
	if err != nil {
		return nil, err
	}
	// SEC 1 section 2.3.3, uncompressed; refuses what is not on the curve.
	public, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), append(append([]byte{4}, x...), y...))
	if err != nil {
		return nil, refusal("its point is not on the curve")
	}
	return public, nil
}

// rsaKey reads a modulus and an exponent, both without leading zeros (RFC 7518
// section 6.3.1). Their sizes are checked by Key.Algorithm.
func rsaKey(m map[string]json.RawMessage) (*rsa.PublicKey, error) {
	n, err := number(m, "n", maxRSABits/8)
	if err != nil {
		return nil, err
	}
	e, err := number(m, "e", 4)
	if err != nil {
		return nil, err
	}
	if !e.IsInt64() || e.Int64() > math.MaxInt32 || n.Bit(0) == 0 {
		return nil, refusal("its modulus or exponent is out of range")
	}
	return &rsa.PublicKey{N: n, E: int(e.Int64())}, nil
}

// number reads a member that holds a positive number of at most size bytes.
func number(m map[string]json.RawMessage, name string, size int) (*big.Int, error) {
	encoded, err := text(m, name)
	if err != nil || encoded == "" || base64.RawURLEncoding.DecodedLen(len(encoded)) > size {
		return nil, refusal("a number has the wrong length")
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(encoded)
	if err != nil || len(raw) == 0 || raw[0] == 0 || notCompactIn(encoded) {
		return nil, refusal("a number is not base64url")
	}
	return new(big.Int).SetBytes(raw), nil
}

// octets reads a member that holds strict, unpadded base64url of exactly size
// bytes.
func octets(m map[string]json.RawMessage, name string, size int) ([]byte, error) {
	encoded, err := text(m, name)
	if err != nil || base64.RawURLEncoding.DecodedLen(len(encoded)) != size {
		return nil, refusal("a coordinate has the wrong length")
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(encoded)
	if err != nil || len(raw) != size {
		return nil, refusal("a coordinate is not base64url")
	}
	return raw, nil
}
