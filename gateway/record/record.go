// Package record holds what partners submitted: sealed records, and the port
// through which they are stored and found.
//
// What is plain at rest is the fields of Record, and nothing else: dataset,
// provider, agreement, blind source id, blind indexes, area code, event month,
// indicator codes, version and expiry. Event month and indicator codes are
// empty for special category datasets, where they are inside the sealed body.
// The body is one AEAD ciphertext under the key of its agreement and month,
// with AssociatedData as associated data, so that a ciphertext moved to another
// row, or whose row was changed, does not open.
package record

import (
	"context"
	"encoding/binary"
	"strconv"
	"time"
)

// Ref is a keyed hash: of a source id, or of an identifier (a blind index).
type Ref [32]byte

// Key names a record: one row of one provider in one dataset.
type Key struct {
	Provider string
	Dataset  string
	// Source is the keyed hash of the provider's own source id.
	Source Ref
}

// Record is one version of one record, as stored.
type Record struct {
	Key

	// Version counts from 1. A correction is a new version; the highest one
	// is in force.
	Version   int64
	Agreement string
	// Submission is the id of the submission that brought this version.
	Submission string
	// Digest is the keyed hash of the normalised content. Equal digests of the
	// same key mean unchanged content.
	Digest Ref
	// Indexes are the blind indexes by which this version is found.
	Indexes []Ref
	// Area is the ONS code of the local authority, or empty.
	Area string
	// EventMonth is "2006-01", or empty.
	EventMonth string
	// Indicators are the ids of the indicators this record counts for.
	Indicators []string
	// Received is when the version arrived, in UTC with microseconds.
	Received time.Time
	// Expires is when the agreement's retention ends.
	Expires time.Time
	// KeyMonth is the month of the sealing key, "2006-01".
	KeyMonth string
	// Body is the ciphertext.
	Body []byte
}

// AssociatedData is what the ciphertext of a record is bound to: every plain
// field, so that a row whose plain part was changed does not open. Each part is
// preceded by its length and each list by its number, so that no two records
// have the same. Times count in microseconds, as the store keeps them.
func (r *Record) AssociatedData() []byte {
	b := make([]byte, 0, 512)
	b = appendText(b, "concord record v2")
	for _, s := range []string{r.Provider, r.Dataset, r.Agreement, r.KeyMonth, r.Submission, r.Area, r.EventMonth} {
		b = appendText(b, s)
	}
	for _, n := range []int64{r.Version, r.Received.UnixMicro(), r.Expires.UnixMicro()} {
		b = appendText(b, strconv.FormatInt(n, 10))
	}
	b = append(b, r.Source[:]...)
	b = append(b, r.Digest[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(len(r.Indexes)))
	for i := range r.Indexes {
		b = append(b, r.Indexes[i][:]...)
	}
	b = binary.BigEndian.AppendUint64(b, uint64(len(r.Indicators)))
	for _, s := range r.Indicators {
		b = appendText(b, s)
	}
	return b
}

func appendText(b []byte, s string) []byte {
	return append(binary.BigEndian.AppendUint64(b, uint64(len(s))), s...)
}

// Stamp is what a writer needs to know of the version in force.
type Stamp struct {
	Version   int64
	Agreement string
	// Submission is the id of the submission that brought the version.
	Submission string
	KeyMonth   string
	Digest     Ref
}

// Month names a sealing key: one agreement and one month, "2006-01".
type Month struct {
	Agreement string
	KeyMonth  string
}

// Due is a version whose time is over, by its plain columns.
type Due struct {
	Record

	// InForce is whether no later version replaced this one when the store was asked.
	InForce bool
}

// Filter chooses records for a scan. Empty fields match everything.
type Filter struct {
	Provider string
	Dataset  string
}

// Store keeps records. All methods are safe for concurrent use; what Insert
// acknowledged is durable and visible to every later call. Names are compared
// byte by byte; a nil and an empty list or body are the same, and times come
// back in UTC, cut to microseconds. Every method answers a fault of kind
// Unavailable when the store cannot answer or the context is over.
type Store interface {
	// Stamps returns the stamp of the version in force of each key that has
	// one.
	Stamps(ctx context.Context, keys []Key) (map[Key]Stamp, error)
	// Insert adds versions. A version whose (Key, Version) is taken is not
	// stored, and its position in records is returned in taken, ascending; all
	// others are stored with their indexes. An error of kind Unavailable means
	// that the outcome is unknown: inserting the same versions again is safe.
	// Nothing is stored and the answer is Invalid when a record has no provider,
	// no dataset or a version below 1.
	Insert(ctx context.Context, records []Record) (taken []int, err error)
	// Find returns the records of one provider and dataset whose version in
	// force carries any of the indexes, ordered by Source, each once.
	Find(ctx context.Context, provider, dataset string, indexes []Ref) ([]Record, error)
	// Scan calls yield with the version in force of every record that the
	// filter matches, in the order of provider, dataset, source. The record
	// is only valid during the call. It stops at the first error of yield and
	// returns it. A scan is no snapshot: of what others write meanwhile it may
	// see some. yield may call the store.
	Scan(ctx context.Context, f Filter, yield func(*Record) error) error
	// Withdraw removes every version of the keys, with their indexes, and
	// returns the keys that had any.
	Withdraw(ctx context.Context, keys []Key) ([]Key, error)
	// Count returns how many records are in force.
	Count(ctx context.Context, f Filter) (int64, error)
	// Months returns each agreement and month under which any version that is
	// stored is sealed, once, ordered by agreement and month in byte order.
	// Versions without an agreement or a month are sealed under none.
	Months(ctx context.Context) ([]Month, error)
	// Due calls yield with every version sealed under a month whose Expires is not
	// after at, those that expire first at the beginning. The record is only valid
	// during the call. It stops at the first error of yield and returns it. It is no
	// snapshot: of what others write meanwhile it may see some. yield may call the
	// store, and prune what it was given.
	Due(ctx context.Context, m Month, at time.Time, yield func(*Due) error) error
	// Prune removes versions that Due gave, with their indexes, and returns how many
	// are gone by it. What counts of them is Key, Version and Submission. A version that is replaced by a later one is removed alone.
	// One that is in force is removed with every earlier version of its record,
	// whatever these expire: no erasure brings an earlier version into force, also not
	// for a moment or when it is cut off. What is no longer there as it was, because it
	// was withdrawn, or withdrawn and then submitted again, is left; so is a
	// version whose Expires is after at, and every later version.
	Prune(ctx context.Context, at time.Time, due []Due) (int, error)
}
