package local

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

// sealer implements keyring.Sealer over a cipher that is set up once.
type sealer struct{ state atomic.Pointer[sealerState] }

// sealerState is a cipher, or the reason why there is none any more.
type sealerState struct {
	aead tink.AEAD
	gone *fault.Error
}

func newSealer(p tink.AEAD) *sealer {
	s := new(sealer)
	s.state.Store(&sealerState{aead: p})
	return s
}

// forget drops the key; every later call answers why.
func (s *sealer) forget(why *fault.Error) { s.state.Store(&sealerState{gone: why}) }

func (s *sealer) Seal(plaintext, associated []byte) ([]byte, error) {
	state := s.state.Load()
	if state.gone != nil {
		return nil, state.gone
	}
	sealed, err := state.aead.Encrypt(plaintext, associated)
	if err != nil {
		return nil, fault.Wrap(fault.Internal, "local.Sealer.Seal", "the data cannot be sealed", err)
	}
	return sealed, nil
}

func (s *sealer) Open(ciphertext, associated []byte) ([]byte, error) {
	state := s.state.Load()
	if state.gone != nil {
		return nil, state.gone
	}
	opened, err := state.aead.Decrypt(ciphertext, associated)
	if err != nil {
		return nil, fault.Wrap(fault.Internal, "local.Sealer.Open", "the data is not what was sealed", err)
	}
	return opened, nil
}

// hashKeySize is the length of a hashing key in bytes.
const hashKeySize = 32

// hasher implements keyring.Hasher. Its states are pooled, so that the key is
// expanded once for each and not for each hash.
type hasher struct{ states sync.Pool }

// hashState is an HMAC and room for the length of a part and the part.
type hashState struct {
	mac    hash.Hash
	buffer []byte
}

func newHasher(key []byte) *hasher {
	h := new(hasher)
	h.states.New = func() any { return &hashState{mac: hmac.New(sha256.New, key)} }
	return h
}

func (h *hasher) Hash(parts ...string) (sum [sha256.Size]byte) {
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

// signer implements crypto.Signer. The key is behind a pointer, so that no
// print of it shows the key.
type signer struct{ key *ed25519.PrivateKey }

func newSigner(seed []byte) *signer {
	key := ed25519.NewKeyFromSeed(seed)
	return &signer{&key}
}

func (s *signer) Public() crypto.PublicKey { return s.key.Public() }

func (s *signer) Sign(random io.Reader, message []byte, opts crypto.SignerOpts) ([]byte, error) {
	return s.key.Sign(random, message, opts)
}
