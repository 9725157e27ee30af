package backup

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"strconv"
	"time"

	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/event"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/record"
)

// markerKind is the kind of the events of a restore: 0 before anything else is
// written, 1 after everything was, 2 when the log says so.
const markerKind = "restore"

// marker is the body of each.
type marker struct {
	Time time.Time `json:"time"`
	// SHA256 is that of the backup, BackupSize the size of the log in it, and Size
	// that of the restored log.
	SHA256     string `json:"sha256"`
	BackupSize int64  `json:"backup_size"`
	Size       int64  `json:"size"`
	// Records were restored, and Erased left out.
	Records int64 `json:"records"`
	Erased  int64 `json:"erased"`
}

// Refuse answers Conflict when a restore into the store was begun and not
// finished: nothing may be done with such a store but delete it.
func Refuse(ctx context.Context, events event.Store) error {
	return restores(ctx, events, func(e event.Event) error {
		if e.N > 0 {
			return nil
		}
		return fault.New(fault.Conflict, "backup.Refuse",
			"A restore into this store was begun and not finished. Delete the store and restore again.").WithCode("restore-unfinished")
	})
}

// restores calls f with the last row of each restore.
func restores(ctx context.Context, events event.Store, f func(event.Event) error) error {
	const page = 100
	for after := ""; ; {
		last, err := events.List(ctx, markerKind, after, page)
		if err != nil {
			return err
		}
		for _, e := range last {
			after = e.ID
			if err := f(e); err != nil {
				return err
			}
		}
		if len(last) < page {
			return nil
		}
	}
}

// Log is what Announce needs of the audit log.
type Log interface {
	Append(ctx context.Context, r audit.Request) (audit.Receipt, error)
}

// Announce logs each restore that the log does not speak of yet, before the gateway
// takes requests: what a partner submitted may be missing, and the log says from
// when on. A stop between entry and event logs a restore twice.
func Announce(ctx context.Context, events event.Store, log Log, origin string) error {
	return restores(ctx, events, func(e event.Event) error {
		if e.N != 1 {
			return nil
		}
		var m marker
		if err := json.Unmarshal(e.Body, &m); err != nil {
			return fault.Wrap(fault.Internal, "backup.Announce", "A restore cannot be read.", err)
		}
		_, err := log.Append(ctx, audit.Request{
			ID: markerKind + "/" + e.ID, Actor: audit.Actor{Agency: origin, Subject: markerKind},
			Drafts: []audit.Draft{{Action: audit.Admin, Admin: map[string]string{
				"kind": "restored", "backup_sha256": m.SHA256, "backup_size": strconv.FormatInt(m.BackupSize, 10),
				"size": strconv.FormatInt(m.Size, 10), "restored": audit.FormatTime(m.Time),
				"records": strconv.FormatInt(m.Records, 10), "erased": strconv.FormatInt(m.Erased, 10),
			}}},
		})
		if err != nil {
			return err
		}
		err = events.Insert(ctx, event.Event{Kind: markerKind, ID: e.ID, N: 2, Body: e.Body})
		if fault.Is(err, fault.Conflict) {
			return nil // another gateway was faster
		}
		return err
	})
}

// occupied refuses a store in which something was found.
func occupied(what string) error {
	return fault.New(fault.Conflict, "backup.Restore",
		"The store is not empty: it has "+what+". A restore needs an empty one.").WithCode("store-not-empty")
}

// Empty answers Conflict for a store that has anything in it.
func (s Stores) Empty(ctx context.Context) error {
	if err := Refuse(ctx, s.Events); err != nil {
		return err
	}
	if _, err := s.Log.LastBatch(ctx); !fault.Is(err, fault.NotFound) {
		return orOccupied(err, "a log")
	}
	if _, _, err := s.Log.LastCheckpoint(ctx); !fault.Is(err, fault.NotFound) {
		return orOccupied(err, "a checkpoint")
	}
	if err := s.Events.Walk(ctx, func(*event.Event) error { return occupied("events") }); err != nil {
		return err
	}
	return s.Records.Scan(ctx, record.Filter{}, func(*record.Record) error { return occupied("records") })
}

func orOccupied(err error, what string) error {
	if err != nil {
		return err
	}
	return occupied(what)
}

// mark writes row n of a restore.
func (s *Stores) mark(ctx context.Context, id string, n int64, m marker) error {
	raw, err := json.Marshal(m)
	if err != nil {
		return fault.Wrap(fault.Internal, "backup.Restore", "The restore cannot be recorded.", err)
	}
	return s.Events.Insert(ctx, event.Event{Kind: markerKind, ID: id, N: n, Body: raw})
}

func newMarker() string {
	id := make([]byte, 16)
	_, _ = rand.Read(id) // never fails (documented)
	return hex.EncodeToString(id)
}
