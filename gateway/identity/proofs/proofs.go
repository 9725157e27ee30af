// Package proofs keeps, for all the gateways of one store, which DPoP proofs were
// taken (RFC 9449 section 11.1).
//
// It guarantees that of all the calls of Take with one digest, at whatever gateway
// and before or after a restart, at most one is told that it was the first, until
// the row may go. It rests on one thing alone: of two inserts of one piece into the
// store (package spool) exactly one succeeds, and is durable. There is no update, no
// conditional write and no expiry by the server.
//
// A row is the digest, 16 random bytes that name the call which took it, and when the
// row may go. The digest is of the key's thumbprint and the proof's own id, and tells
// neither; the time is that of a quarter of an hour. Retention removes rows that are
// over, as it removes other pieces, at least Margin after no gateway takes the proof
// any more: by so much the clocks of gateways may differ.
//
// What is not certain is not accepted. Where the store does not answer, Take answers
// Unavailable, and the proof counts as used or not, as it may be: callers make another
// for each attempt.
package proofs

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"time"

	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/spool"
)

const (
	// kind is that of the pieces.
	kind = "dpop-proof"
	// Margin is how long a row is kept at least after it was needed, and how coarse
	// its time is.
	Margin = 15 * time.Minute
	// patience bounds one Take: a caller waits for it.
	patience = 5 * time.Second
	// attempts is how often an insert whose outcome is unknown is made again.
	attempts = 3
	// nonceSize is enough that no two calls have the same.
	nonceSize = 16
)

// Store implements identity.Proofs. It is safe for concurrent use.
type Store struct{ pieces spool.Store }

// New returns the proofs of those who share the store of pieces.
func New(pieces spool.Store) *Store { return &Store{pieces: pieces} }

// Take implements identity.Proofs.
func (s *Store) Take(ctx context.Context, digest [sha256.Size]byte, until time.Time) (first bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	row := spool.Piece{
		Kind: kind, ID: base64.RawURLEncoding.EncodeToString(digest[:]),
		Expires: until.UTC().Truncate(Margin).Add(2 * Margin), Body: make([]byte, nonceSize),
	}
	_, _ = rand.Read(row.Body) // never fails
	for range attempts {
		err = s.pieces.Insert(ctx, row)
		switch {
		case err == nil:
			return true, nil
		case fault.Is(err, fault.Conflict):
			return s.own(ctx, &row)
		case !fault.Is(err, fault.Unavailable):
			return false, unavailable(err)
		}
		// The outcome is unknown: the same row again settles it.
	}
	return false, unavailable(err)
}

// own reports whether the row that is there is the one of this very call: then an
// insert that seemed to fail, or was sent twice, took the proof.
func (s *Store) own(ctx context.Context, row *spool.Piece) (bool, error) {
	there, err := s.pieces.Get(ctx, row.Kind, row.ID, row.N)
	if err != nil {
		return false, unavailable(err)
	}
	return subtle.ConstantTimeCompare(there.Body, row.Body) == 1, nil
}

func unavailable(cause error) error {
	return fault.Wrap(fault.Unavailable, "proofs.Take", "Whether a proof was used before cannot be established at the moment.", cause)
}
