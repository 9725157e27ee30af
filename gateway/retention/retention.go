// Package retention ends the life of what has been kept for as long as was agreed.
//
// The law asks for it: personal data is kept in a form that identifies people for no
// longer than is necessary (UK GDPR Article 5(1)(e); for law enforcement, Data
// Protection Act 2018 s.39(1)), and time limits are set for looking at what is still
// needed (s.39(2)). The time limit of a record is its agreement's retention; this
// package keeps it.
//
// # What it guarantees
//
// A sweep erases every version whose Expires is not after now, and nothing before its
// time, except the earlier versions of a record whose version in force goes (see
// record.Store.Prune). Before a version goes, an entry of the log is durable that says
// of which provider, dataset, agreement and month how many do; it names none of them
// (package erasure).
//
// When nothing is kept any more under the key of an agreement and month, that key is
// destroyed, and the log says so first. From then on no backup shows what was sealed
// under it, also not what was withdrawn early:
//
//	key begun ──▶ records sealed ──▶ the last one expires, or is withdrawn ──▶ key destroyed
//
// A key is left for one whole month after its own, because a submission may still be
// sealing with it. Keys of rejected rows go when the rows do. What the gateway
// keeps for a while (package spool) goes when its time is over, without an entry: it
// never was a record.
//
// A sweep that is cut off anywhere, or fails, loses nothing: the next one finishes
// what it began. It may log the same erasure again. Several gateways may sweep one
// store at the same time: each version goes once, and some may be counted by two
// entries. Every gateway makes its own keyring forget a key that another has
// destroyed, and one that came back with an old copy of the keys is destroyed again.
//
// # What it trusts
//
// Not the column that says when a version expires: that lies open to an administrator
// of the store, who could have a record erased by it that is not over, and logged as if it
// were. The expiry is bound into the ciphertext, so the sweep opens each version before
// it believes that it is over, as a profile does before it is released. One that does not open
// as it is stays where it is, for whoever asks for it to be refused and for the
// operator to look into: Report.Altered counts these. One whose key is destroyed is
// over.
//
// Who makes a column say more than was sealed keeps a row that is of no use, and with it
// the key of its month: Report.Held tells how many months that are over still have
// records, and since when the oldest.
//
// It trusts the clock: a gateway whose clock is years ahead erases what it believes to be
// over, and keys do not come back.
//
// It needs no rules: what an agreement says of retention went into Expires when the
// record was received. What it opens it does not read.
package retention

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/erasure"
	"github.com/concord-gateway/concord/gateway/event"
	"github.com/concord-gateway/concord/gateway/keyring"
	"github.com/concord-gateway/concord/gateway/record"
	"github.com/concord-gateway/concord/gateway/spool"
)

// Log is what a sweep needs of the audit log, as audit.Log does it.
type Log interface {
	Append(ctx context.Context, r audit.Request) (audit.Receipt, error)
}

// Deps is what a sweeper works with.
type Deps struct {
	Records record.Store
	Events  event.Store
	Spool   spool.Store
	Keys    keyring.Keyring
	Log     Log
	Clock   func() time.Time
	// Origin is the name of the log, in whose name the sweeper acts.
	Origin string
}

// Sweeper erases what is over. It is safe for concurrent use; its sweeps take
// turns.
type Sweeper struct {
	Deps

	months *erasure.Months

	mu sync.Mutex // held by the sweep under way; covers gone
	// gone are the keys that this process has destroyed.
	gone map[record.Month]bool
}

// New returns a sweeper.
func New(d Deps) *Sweeper {
	return &Sweeper{Deps: d, months: erasure.NewMonths(d.Events), gone: map[record.Month]bool{}}
}

// Report says what a sweep did.
type Report struct {
	// Versions counts the versions that were erased.
	Versions int
	// Altered counts the versions that are over by their plain columns and do not open
	// with them: somebody has changed the row. They are left.
	Altered int
	// Keys counts the keys that were destroyed because their month is over.
	Keys int
	// Pieces counts what was kept for a while and went.
	Pieces int64
	// Held counts the agreements and months that are over, except that records
	// are kept under them, and Oldest is the first of these months, or empty.
	Held   int
	Oldest string
}

// Sweep erases what is over by now. One thing that fails does not keep it from the
// others: the report says what was done, and the error joins what was not. A context
// that ends stops it between two steps, as a stop of the gateway does.
func (s *Sweeper) Sweep(ctx context.Context) (Report, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var r Report
	err := errors.Join(s.expire(ctx, &r), s.destroy(ctx, &r))
	pieces, spoolErr := s.Spool.Expire(ctx, s.now())
	r.Pieces = pieces
	return r, errors.Join(err, spoolErr, s.destroyAgain(ctx))
}

// now is the time as stores and the log keep it.
func (s *Sweeper) now() time.Time { return s.Clock().UTC().Truncate(time.Microsecond) }
