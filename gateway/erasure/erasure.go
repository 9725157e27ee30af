// Package erasure says how the log records that records are erased, and which
// stored rows such an entry reaches.
//
// # What it guarantees
//
// The entry of an erasure is durable before the first row goes. So whoever has
// the newest log can erase again what an older store still holds: after a crash
// between the entry and the deletion, and after a restore from a backup that is
// older than the erasure.
//
// Every entry of action erase is of one of three kinds:
//
//   - A withdrawal by the provider. The open part holds dataset, agreement and counts;
//     the sealed part names the records by their blind source ids, for the provider of
//     the entry.
//   - An expiry: what is past the retention of its agreement goes, of one provider,
//     dataset, agreement and month. The open part holds these and counts, and nothing
//     names a record.
//   - The destruction of the key of an agreement and month (crypto-erasure), once no
//     record under it is stored. It reaches what backups hold.
//
// # Which rows a withdrawal reaches
//
// A provider may send a record again after it withdrew it, and that row must
// stay, however often the erasure is applied again. What decides is the order of
// the log: a row goes when the entry of the submission that brought it stands
// before the erasure. That is exact, whatever the clocks say: a submission stores
// its rows before its entry is appended, an erasure deletes them after its own.
//
//	rows of S stored ──▶ entry of S          entry of E ──▶ rows deleted
//
// A submission that was cut off has no entry, or one that was made up for it long
// after its rows were stored; there the times decide, of the submission and of the
// erasure. Of a submission that was under way beside the erasure nobody can say
// which came first, and either answer is right.
//
// # Which rows the end of retention reaches
//
// An expiry reaches the versions of its provider, dataset, agreement and month that
// expired by the time of the entry; the expiry is plain in the row, and bound into its
// ciphertext. So no order of the log matters, and a row that is sent again expires
// later. The destruction of a key reaches every version under it.
//
// A record goes as a whole when the version in force expires, with earlier versions
// that an agreement of longer retention brought: no erasure brings an earlier version
// into force. A backup that is older than the last correction of such a record may
// still bring the earlier version back, for what is left of its own retention.
package erasure

import (
	"encoding/hex"
	"strconv"
	"time"

	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/record"
)

// keysEach is how many records one entry names: some 110 bytes each, of the 1 MiB
// that a private part may have.
const keysEach = 5000

// The members of Entry.Admin that are read again.
const (
	adminWithdrawal  = "withdrawal"
	adminDataset     = "dataset"
	adminSubmission  = "submission"
	adminState       = "state"
	stateInterrupted = "interrupted"
)

// Withdrawal is a withdrawal as the log records it.
type Withdrawal struct {
	ID       string
	Provider string
	Dataset  string
	// Keys are the records that go, by the agreement that they are under.
	Keys map[string][]record.Key
	// Absent counts the source ids that name no record.
	Absent int
	// Merged says that they go because they were merged into another record.
	Merged bool
	// Reason and Client go into the sealed part.
	Reason, Client string
}

// Drafts are the entries of a withdrawal: at least one, and more where it names
// more records than an entry holds or more than one agreement. The first counts
// the absent ones.
func (w *Withdrawal) Drafts() []audit.Draft {
	var drafts []audit.Draft
	for _, part := range w.parts() {
		admin := map[string]string{
			adminWithdrawal: w.ID, adminDataset: w.Dataset, "records": strconv.Itoa(len(part.keys)),
		}
		if w.Merged {
			admin["merged"] = "true"
		}
		if part.agreement != "" {
			admin[adminAgreement] = part.agreement
		}
		if len(drafts) == 0 {
			admin["absent"] = strconv.Itoa(w.Absent)
		}
		private := audit.Private{Client: w.Client, Justification: w.Reason}
		for _, k := range part.keys {
			private.Erased = append(private.Erased, audit.Erased{Dataset: k.Dataset, Source: hex.EncodeToString(k.Source[:])})
		}
		drafts = append(drafts, audit.Draft{Action: audit.Erase, Provider: w.Provider, Admin: admin, Private: private})
	}
	return drafts
}

// Erasure is what one erase entry says.
type Erasure struct {
	Index int64
	Time  time.Time
	Kind  Kind
	// Withdrawal is the id of the withdrawal that it belongs to, and Keys the records
	// that it names.
	Withdrawal string
	Keys       []record.Key
	// Month is the key that is destroyed, or under which what expired was sealed;
	// Provider and Dataset are those of an expiry.
	Month             record.Month
	Provider, Dataset string
}

// Of reads an erase entry with its private part, which counts for withdrawals alone.
func Of(index int64, e *audit.Entry, p *audit.Private) (Erasure, error) {
	const op = "erasure.Of"
	at, err := time.Parse(time.RFC3339, e.Time)
	if err != nil || e.Action != audit.Erase || e.Provider == "" && !Open(e) {
		return Erasure{}, fault.Wrap(fault.Internal, op, "entry "+strconv.FormatInt(index, 10)+" is no erasure that can be read", err)
	}
	out := Erasure{Index: index, Time: at, Withdrawal: e.Admin[adminWithdrawal]}
	if Open(e) {
		return out, out.ofRetention(e)
	}
	for _, named := range p.Erased {
		source, err := hex.DecodeString(named.Source)
		if err != nil || len(source) != len(record.Ref{}) || named.Dataset == "" {
			return Erasure{}, fault.Wrap(fault.Internal, op, "entry "+strconv.FormatInt(index, 10)+" names a record that cannot be read", err)
		}
		out.Keys = append(out.Keys, record.Key{Provider: e.Provider, Dataset: named.Dataset, Source: record.Ref(source)})
	}
	return out, nil
}

// Collected says where a submission stands in the log. The zero value is one that
// has no entry, or none that was made when its rows were stored.
type Collected struct {
	// Known is set when the submission came to its end and was logged then, as
	// entry Index.
	Known bool
	Index int64
}

// CollectedBy reads an entry of action collect.
func CollectedBy(index int64, e *audit.Entry) (submission string, c Collected) {
	submission = e.Admin[adminSubmission]
	if e.Admin[adminState] == stateInterrupted {
		return submission, Collected{}
	}
	return submission, Collected{Known: true, Index: index}
}

// Reaches reports whether a withdrawal reaches a row of one of its keys that was
// received at a time, by a submission.
func (e *Erasure) Reaches(received time.Time, c Collected) bool {
	if c.Known {
		return c.Index < e.Index
	}
	return !received.After(e.Time)
}
