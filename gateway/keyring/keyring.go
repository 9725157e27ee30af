// Package keyring says what Concord asks of the holder of its keys.
//
// Three things are done with keys: sealing (authenticated encryption of record
// bodies and of the private part of log entries), hashing (keyed, so that
// nobody without the key can confirm a guess) and signing (checkpoints of the
// log). Every key lives in a scope, a path-like name; destroying the key of a
// scope makes all that was sealed under it unreadable, in backups too.
//
// Adapters (keyring/local, keyring/vault) hand out sealers and hashers that work in
// memory: no call to a key server per record, field or request.
package keyring

import (
	"context"
	"crypto"
	"errors"
	"strconv"
	"time"
)

// Keyring holds keys by scope. All methods are safe for concurrent use.
//
// A scope that does not exist is made on first use, except one that was
// destroyed: that answers a fault of kind NotFound forever. Keys that cannot
// be had answer Unavailable. The primitives returned stay valid until Destroy or
// Close, but those of a key server hold their key for a bounded time: when it is over
// and the server does not give the key again, a sealer answers Unavailable, and works
// again when the server does. A hasher cannot fail: ask for it anew for each piece of
// work, which needs a sealer too (nothing is released without a log entry, and that
// is sealed).
type Keyring interface {
	// Sealer returns the sealing primitive of scope.
	Sealer(ctx context.Context, scope string) (Sealer, error)
	// Hasher returns the keyed hash of scope. Its key is independent of the
	// sealing key of the same scope, and is destroyed with it.
	Hasher(ctx context.Context, scope string) (Hasher, error)
	// Signer returns the Ed25519 signing key called name. It may ask a key server to
	// sign, and its Sign answers Unavailable when that cannot be had.
	Signer(ctx context.Context, name string) (crypto.Signer, error)
	// Destroy erases the keys of scope for good. Destroying a scope that never
	// existed, or twice, is not an error.
	Destroy(ctx context.Context, scope string) error
	// Existing is the same keyring, with the same keys in memory, for whoever may not
	// make any: what does not exist answers Unavailable, with ErrAbsent as a cause, and
	// nothing is written anywhere. Its Destroy answers Forbidden. Closing one closes both.
	Existing() Keyring
	// Close forgets every key held in memory.
	Close() error
}

// ErrAbsent says that a key is not there, and was not made because whoever asked may
// not make any.
var ErrAbsent = errors.New("there is no such key")

// Sealer seals and opens with associated data (AEAD). Open answers a fault of
// kind Internal when the ciphertext or the associated data is not what was
// sealed.
type Sealer interface {
	Seal(plaintext, associated []byte) ([]byte, error)
	Open(ciphertext, associated []byte) ([]byte, error)
}

// Hasher computes HMAC-SHA-256 over its parts, each preceded by its length as
// eight bytes big-endian, so that no two lists of parts collide.
type Hasher interface {
	Hash(parts ...string) [32]byte
}

// RecordScope is the scope of the record bodies and content digests of one
// agreement in one month ("2026-11"), the unit of crypto-erasure.
func RecordScope(agreement string, month string) string {
	return "record/" + agreement + "/" + month
}

// LogScope is the scope of the private parts of log entries of one month.
func LogScope(t time.Time) string { return "log/" + Month(t) }

// IndexScope is the scope of the blind indexes of one dataset. It differs for
// each dataset, so that an index does not link across datasets.
func IndexScope(dataset string) string { return "index/" + dataset }

// RefScope is the scope of the subject references of one year of the log.
func RefScope(t time.Time) string { return "ref/" + strconv.Itoa(t.UTC().Year()) }

// LinkScope is the scope of the keyed hashes over which case links are kept, and
// of the rows in which they are sealed.
const LinkScope = "case-link"

// EditionScope is the scope under which frozen editions are sealed.
const EditionScope = "edition"

// RejectedScope is the scope of the rows that are kept for an error file.
func RejectedScope(month string) string { return "rejected/" + month }

// Month formats the calendar month of t in UTC, as "2006-01".
func Month(t time.Time) string { return t.UTC().Format("2006-01") }

// RevocationScope is the scope under which the rows of the list of revocations are
// sealed.
const RevocationScope = "revocation"
