package erasure

import (
	"strconv"

	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/record"
)

// The members of Entry.Admin of an erasure at the end of retention.
const (
	adminReason    = "reason"
	adminAgreement = "agreement"
	adminMonth     = "month"
	adminKey       = "key"
	retention      = "retention"
	keyDestroyed   = "destroyed"
)

// Kind says why an erasure was made.
type Kind int

// The kinds.
const (
	// Withdrawn is a withdrawal by the provider. Its sealed part names the records.
	Withdrawn Kind = iota
	// Expired erases what is past its retention of one provider, dataset, agreement
	// and month.
	Expired
	// Destroyed destroys the key of an agreement and month, which has no records any
	// more, and so what copies hold of it.
	Destroyed
)

// Expiry is what goes, at the end of its retention, of one provider's dataset that
// was received under one agreement in one month.
type Expiry struct {
	Provider string
	Dataset  string
	Month    record.Month
	// Records counts the records that go with every version, and Versions the
	// versions that go because a later one has replaced them.
	Records, Versions int
}

// Draft is the entry of an expiry. It names no record: what it reaches follows from
// its open part and its time. An erasure that was cut off is logged again, so the
// counts of several entries may include the same records.
func (x *Expiry) Draft() audit.Draft {
	return audit.Draft{Action: audit.Erase, Provider: x.Provider, Admin: map[string]string{
		adminReason: retention, adminDataset: x.Dataset, adminAgreement: x.Month.Agreement, adminMonth: x.Month.KeyMonth,
		"records": strconv.Itoa(x.Records), "versions": strconv.Itoa(x.Versions),
	}}
}

// DestroyedDraft is the entry of the destruction of a key. It belongs to no provider's
// register: each has the entries of its own records.
func DestroyedDraft(m record.Month) audit.Draft {
	return audit.Draft{Action: audit.Erase, Admin: map[string]string{
		adminReason: retention, adminKey: keyDestroyed, adminAgreement: m.Agreement, adminMonth: m.KeyMonth,
	}}
}

// Open reports whether the open part of an erase entry says all that Of reads, so
// that nothing has to be unsealed.
func Open(e *audit.Entry) bool { return e.Admin[adminReason] == retention }

// ofRetention reads an entry of which Open holds.
func (out *Erasure) ofRetention(e *audit.Entry) error {
	out.Provider, out.Dataset = e.Provider, e.Admin[adminDataset]
	out.Month = record.Month{Agreement: e.Admin[adminAgreement], KeyMonth: e.Admin[adminMonth]}
	destroyed := e.Admin[adminKey] == keyDestroyed
	if out.Kind = Expired; destroyed {
		out.Kind = Destroyed
	}
	if out.Month.Agreement == "" || out.Month.KeyMonth == "" || !destroyed && (out.Provider == "" || out.Dataset == "") {
		return fault.New(fault.Internal, "erasure.Of",
			"entry "+strconv.FormatInt(out.Index, 10)+" is an erasure at the end of retention that does not say of what")
	}
	return nil
}

// Covers reports whether an erasure at the end of retention reaches a version: it
// was over by the time of the entry, or its key is gone.
func (out *Erasure) Covers(r *record.Record) bool {
	if r.Agreement != out.Month.Agreement || r.KeyMonth != out.Month.KeyMonth {
		return false
	}
	switch out.Kind {
	case Expired:
		return r.Provider == out.Provider && r.Dataset == out.Dataset && !r.Expires.After(out.Time)
	case Destroyed:
		return true
	default:
		return false
	}
}
