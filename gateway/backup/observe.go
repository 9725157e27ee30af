package backup

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/erasure"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/keyring"
	"github.com/concord-gateway/concord/gateway/record"
)

// observer gathers from the two logs what a restore needs. What it gathers counts
// only once both are verified.
//
// Every erasure of the log counts, also those that the backup knows of: it may have
// been made between the entry and the deletion. Their sealed parts are read from the
// backup, since a newer log that is an export has none.
type observer struct {
	ctx  context.Context //nolint:containedctx // of the one reading that owns the observer
	keys keyring.Keyring
	// known is the size of the log in the backup, and roots the root at that size.
	known int64
	root  []byte
	// size is that of the log so far.
	size int64
	// vkeys are the log keys that were brought in.
	vkeys []string
	// collected says where each submission stands.
	collected map[string]erasure.Collected
	// since are the submissions that were logged after the backup's log ended.
	since []Submission
	// reach holds, for each key that was ever erased, the last erasure by index and by
	// time: a row that any erasure reaches, these reach.
	reach map[record.Key]erasure.Erasure
	// ended holds the last expiry of each provider, dataset and month, and destroyed the
	// months whose key is gone.
	ended     map[expired]erasure.Erasure
	destroyed map[record.Month]erasure.Erasure
	// erasures counts the erase entries that the backup does not know of, the last of
	// which is lastErasure.
	erasures    int64
	lastErasure int64
}

// Submission is a submission that was logged after the backup's log ended: rows of
// it are missing, unless they were stored while the backup was being made.
type Submission struct {
	Index    int64  `json:"index"`
	ID       string `json:"submission"`
	Provider string `json:"provider"`
	Dataset  string `json:"dataset"`
	Time     string `json:"time"`
}

func newObserver(ctx context.Context, keys keyring.Keyring) *observer {
	return &observer{
		ctx: ctx, keys: keys, lastErasure: -1,
		collected: map[string]erasure.Collected{}, reach: map[record.Key]erasure.Erasure{},
		ended: map[expired]erasure.Erasure{}, destroyed: map[record.Month]erasure.Erasure{},
	}
}

// expired is what an expiry is about.
type expired struct {
	provider, dataset string
	month             record.Month
}

// admins calls f with each entry of action admin; what cannot be read is left to
// Verify.
func admins(b *audit.Batch, f func(index int64, e *audit.Entry)) {
	_ = entries(b, func(index int64, e *audit.Entry) error {
		if e.Action == audit.Admin {
			f(index, e)
		}
		return nil
	})
}

// entries calls f with each entry of the actions that matter here.
func entries(b *audit.Batch, f func(index int64, e *audit.Entry) error) error {
	for i, raw := range b.Entries {
		columns, err := audit.ColumnsOf(raw)
		if err != nil {
			continue
		}
		switch columns.Action {
		case audit.Admin, audit.Collect, audit.Erase:
		default:
			continue
		}
		var e audit.Entry
		if err := json.Unmarshal(raw, &e); err != nil {
			continue
		}
		if err := f(b.First+int64(i), &e); err != nil {
			return err
		}
	}
	return nil
}

// backup takes in a batch of the log in the backup.
func (o *observer) backup(b *audit.Batch) error {
	return entries(b, func(index int64, e *audit.Entry) error {
		switch {
		case e.Action == audit.Admin && e.Admin["kind"] == kindLogKey:
			o.vkeys = append(o.vkeys, e.Admin["vkey"])
		case e.Action == audit.Erase:
			return o.done(b, index, e)
		}
		return nil
	})
}

// newer takes in a batch of the newer log, which begins with that of the backup.
func (o *observer) newer(b *audit.Batch) error {
	o.size = b.Size
	if b.Size == o.known {
		o.root = b.Root
	}
	return entries(b, func(index int64, e *audit.Entry) error {
		switch {
		case e.Action == audit.Admin && e.Admin["kind"] == kindLogKey:
			o.vkeys = append(o.vkeys, e.Admin["vkey"])
		case e.Action == audit.Collect:
			o.collect(index, e)
		case e.Action == audit.Erase && index >= o.known:
			return o.erase(b, index, e)
		}
		return nil
	})
}

func (o *observer) collect(index int64, e *audit.Entry) {
	id, c := erasure.CollectedBy(index, e)
	if !o.collected[id].Known {
		o.collected[id] = c
	}
	const none = "0"
	if index >= o.known && (e.Admin["accepted"] != none || e.Admin["corrected"] != none) {
		o.since = append(o.since, Submission{
			Index: index, ID: id, Provider: e.Provider, Dataset: e.Admin["dataset"], Time: e.Time,
		})
	}
}

// done takes in an erasure that the backup knows of. One so old that the log key of
// its month was destroyed was carried out long before the backup.
func (o *observer) done(b *audit.Batch, index int64, e *audit.Entry) error {
	err := o.reaches(b, index, e)
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	return unreadable(index, err)
}

// erase takes in an erasure that the backup does not know of.
func (o *observer) erase(b *audit.Batch, index int64, e *audit.Entry) error {
	o.erasures++
	o.lastErasure = index
	return unreadable(index, o.reaches(b, index, e))
}

// unreadable says that nobody can tell what was erased.
func unreadable(index int64, err error) error {
	if err == nil || fault.Is(err, fault.Unavailable) {
		return err
	}
	return fault.Wrap(fault.Invalid, "backup.Restore", fmt.Sprintf(
		"Entry %d of the log says that records were erased, and which ones cannot be read: "+
			"an export of the API has no sealed parts, and another keyring does not open them.", index), err)
}

// reaches takes in what an erase entry reaches. It opens one that is sealed.
func (o *observer) reaches(b *audit.Batch, index int64, e *audit.Entry) error {
	var private audit.Private
	if !erasure.Open(e) {
		opened, sealed, err := b.Open(o.ctx, o.keys, index)
		if err != nil {
			return err
		}
		e, private = &opened, sealed
	}
	erased, err := erasure.Of(index, e, &private)
	if err != nil {
		return err
	}
	switch erased.Kind {
	case erasure.Destroyed:
		o.destroyed[erased.Month] = erased
	case erasure.Expired:
		k := expired{erased.Provider, erased.Dataset, erased.Month}
		erased.Time = later(o.ended[k].Time, erased.Time)
		o.ended[k] = erased
	case erasure.Withdrawn:
		for _, k := range erased.Keys {
			last := o.reach[k]
			o.reach[k] = erasure.Erasure{Index: max(last.Index, index), Time: later(last.Time, erased.Time)}
		}
	}
	return nil
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// erased reports whether a record of the backup was erased.
func (o *observer) erased(r *record.Record) bool {
	month := record.Month{Agreement: r.Agreement, KeyMonth: r.KeyMonth}
	destroyed, over := o.destroyed[month], o.ended[expired{r.Provider, r.Dataset, month}]
	if destroyed.Covers(r) || over.Covers(r) {
		return true
	}
	e, ok := o.reach[r.Key]
	return ok && e.Reaches(r.Received, o.collected[r.Submission])
}
