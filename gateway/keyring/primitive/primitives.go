package primitive

import (
	"crypto"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"io"
	"sync"
	"sync/atomic"

	"github.com/tink-crypto/tink-go/v2/tink"

	"github.com/concord-gateway/concord/gateway/fault"
)

// Sealer implements keyring.Sealer over a cipher that is set up once.
type Sealer struct{ state atomic.Pointer[sealerState] }

// sealerState is a cipher, or the reason why there is none any more.
type sealerState struct {
	aead tink.AEAD
	gone *fault.Error
}

func newSealer(p tink.AEAD) *Sealer {
	s := new(Sealer)
	s.state.Store(&sealerState{aead: p})
	return s
}

// Forget drops the key; every later call answers why.
func (s *Sealer) Forget(why *fault.Error) { s.state.Store(&sealerState{gone: why}) }

// Seal seals with associated data.
func (s *Sealer) Seal(plaintext, associated []byte) ([]byte, error) {
	state := s.state.Load()
	if state.gone != nil {
		return nil, state.gone
	}
	sealed, err := state.aead.Encrypt(plaintext, associated)
	if err != nil {
		return nil, fault.Wrap(fault.Internal, "keyring.Sealer.Seal", "the data cannot be sealed", err)
	}
	return sealed, nil
}

// Open opens what Seal sealed with the same associated data.
func (s *Sealer) Open(ciphertext, associated []byte) ([]byte, error) {
	state := s.state.Load()
	if state.gone != nil {
		return nil, state.gone
	}
	opened, err := state.aead.Decrypt(ciphertext, associated)
	if err != nil {
		return nil, fault.Wrap(fault.Internal, "keyring.Sealer.Open", "the data is not what was sealed", err)
	}
	return opened, nil
}

// hashKeySize is the length of a hashing key in bytes.
const hashKeySize = 32

// Hasher implements keyring.Hasher. Its states are pooled, so that the key is
// expanded once for each and not for each hash.
type Hasher struct{ states sync.Pool }

// hashState is an HMAC and room for the length of a part and the part.
type hashState struct {
	mac    hash.Hash
	buffer []byte
}

func newHasher(key []byte) *Hasher {
	h := new(Hasher)
	h.states.New = func() any { return &hashState{mac: hmac.New(sha256.New, key)} }
	return h
}

// Hash hashes the parts, as package keyring defines it.
func (h *Hasher) Hash(parts ...string) (sum [sha256.Size]byte) {
	state := h.states.Get().(*hashState) //nolint:errcheck,forcetypeassert // the pool holds nothing else
	defer h.states.Put(state)
	state.mac.Reset()
	b := state.buffer[:0]
	for _, p := range parts {
		b = binary.BigEndian.AppendUint64(b, uint64(len(p)))
		b = append(b, p...)
	}
	state.mac.Write(b) // never fails, see hash.Hash
	state.mac.Sum(sum[:0])
	clear(b) // it may hold an identifier
	state.buffer = b[:0]
	return sum
}

// Signer implements crypto.Signer. The key is behind a pointer, so that no
// print of it shows the key.
type Signer struct{ key *ed25519.PrivateKey }

func newSigner(seed []byte) *Signer {
	key := ed25519.NewKeyFromSeed(seed)
	return &Signer{&key}
}

// Public is an ed25519.PublicKey.
func (s *Signer) Public() crypto.PublicKey { return s.key.Public() }

// Sign signs a message that is not hashed before.
func (s *Signer) Sign(random io.Reader, message []byte, opts crypto.SignerOpts) ([]byte, error) {
	return s.key.Sign(random, message, opts)
}
