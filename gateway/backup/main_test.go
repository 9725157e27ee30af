package backup_test

import (
	"context"
	"crypto"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/backup"
	"github.com/concord-gateway/concord/gateway/event"
	"github.com/concord-gateway/concord/gateway/identity"
	"github.com/concord-gateway/concord/gateway/intake"
	"github.com/concord-gateway/concord/gateway/keyring/local"
	"github.com/concord-gateway/concord/gateway/policy/bundle"
	"github.com/concord-gateway/concord/gateway/record"
	"github.com/concord-gateway/concord/gateway/rulebook"
	"github.com/concord-gateway/concord/gateway/spool"
	"github.com/concord-gateway/concord/gateway/store/mongo"
	"github.com/concord-gateway/concord/gateway/store/mongotest"
	"github.com/concord-gateway/concord/gateway/store/sqlite"
	"github.com/concord-gateway/concord/gateway/submission"
	"github.com/concord-gateway/concord/policies"
	"github.com/concord-gateway/concord/schemas"
)

const origin = "concord.example/test"

// clock is a time at which no two readings are alike.
type clock struct {
	mu  sync.Mutex // covers now
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(time.Millisecond)
	return c.now
}

// world is a Concord without its face: store, keys, log and submissions.
type world struct {
	t      *testing.T
	dir    string
	stores backup.Stores
	keys   *local.Ring
	log    *audit.Log
	clock  *clock
	serve  *submission.Service
	vkey   string
}

// engines are those that a backup goes from and to, each with what opens a new,
// empty database.
func engines() map[string]func(*testing.T) backup.Stores {
	return map[string]func(*testing.T) backup.Stores{"sqlite": newStores, "mongo": newMongoStores}
}

// newMongoStores opens the stores of a new database on the server of the tests.
func newMongoStores(t *testing.T) backup.Stores {
	t.Helper()
	db, err := mongo.Open(t.Context(), mongo.Options{URI: mongotest.URI(t), Database: mongotest.Database(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return backup.Stores{Log: db.Log(), Events: db.Events(), Records: db.Records()}
}

// newStores opens the stores of a new, empty database of the embedded engine.
func newStores(t *testing.T) backup.Stores {
	t.Helper()
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "data"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return backup.Stores{Log: db.Log(), Events: db.Events(), Records: db.Records()}
}

func newWorld(t *testing.T) *world {
	t.Helper()
	return newWorldOn(t, newStores(t))
}

func newWorldOn(t *testing.T, stores backup.Stores) *world {
	t.Helper()
	w := &world{t: t, dir: t.TempDir(), stores: stores, clock: &clock{now: time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)}}
	var err error
	if w.keys, err = local.Open(filepath.Join(w.dir, "keys")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.keys.Close() })
	w.vkey = w.open(w.stores)
	return w
}

// open starts the log and the submissions on stores.
func (w *world) open(s backup.Stores) (vkey string) {
	w.t.Helper()
	var err error
	w.log, err = audit.Open(w.t.Context(), audit.Config{Store: s.Log, Keys: w.keys, Origin: origin, Clock: w.clock.Now})
	if err != nil {
		w.t.Fatal(err)
	}
	log := w.log
	w.t.Cleanup(func() { _ = log.Close(context.WithoutCancel(w.t.Context())) })
	w.serve = w.service(s)
	return w.log.VKey()
}

func (w *world) service(s backup.Stores) *submission.Service {
	w.t.Helper()
	return submission.New(submission.Deps{
		Rules: rulebook.NewBook(builtIn(w.t)), Keys: w.keys, Clock: w.clock.Now, Records: s.Records, Events: s.Events, Log: w.log,
		Spool: w.spool(),
	})
}

// spool is for what no copy holds.
func (w *world) spool() spool.Store {
	w.t.Helper()
	db, err := sqlite.Open(w.t.Context(), filepath.Join(w.t.TempDir(), "spool"), sqlite.Options{})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = db.Close() })
	return db.Spool()
}

// builtIn are the rules of the repository with every agreement live.
func builtIn(t *testing.T) *rulebook.Rules {
	t.Helper()
	files, err := bundle.Gather(policies.Files, schemas.Files)
	if err != nil {
		t.Fatal(err)
	}
	draft, err := rulebook.Read(files)
	if err != nil {
		t.Fatal(err)
	}
	rules, err := draft.Rules(t.Context(), draft.Newest())
	if err != nil {
		t.Fatal(err)
	}
	return rules
}

func housing() identity.Principal {
	return identity.Principal{Subject: "s@telford-housing.example", Agency: "telford-housing", Roles: []identity.Role{identity.Submitter}}
}

// submit sends a tenancy for each source id.
func (w *world) submit(sources ...string) *submission.Result {
	w.t.Helper()
	var b strings.Builder
	for _, source := range sources {
		raw, err := json.Marshal(map[string]any{
			"source_id": source, "given_name": "Rowan", "family_name": "Ashdown", "date_of_birth": "1990-04-12", "postcode": "TF1 5AB",
			"area": "E06000020", "uprn": "100023336956", "tenancy_type": "secure", "tenancy_status": "current", "tenancy_start": "2024-03-04",
			"fact_or_opinion": "fact", "subject_category": "not_known",
		})
		if err != nil {
			w.t.Error(err)
		}
		b.Write(raw)
		b.WriteByte('\n')
	}
	res, err := w.serve.Submit(w.t.Context(), submission.Upload{
		Principal: housing(), RequestID: "submit " + sources[0], Client: "c",
		Dataset: "housing.tenancy", Agreement: "ISA-TH-WMP-001", Format: intake.NDJSON, Body: strings.NewReader(b.String()),
	})
	if err != nil || res.Rejected > 0 {
		w.t.Errorf("%+v, %v", res, err)
	}
	return res
}

func (w *world) withdraw(sources ...string) {
	w.t.Helper()
	res, err := w.serve.Withdraw(w.t.Context(), submission.Withdrawal{
		Principal: housing(), RequestID: "withdraw " + sources[0], Client: "c", Dataset: "housing.tenancy", Sources: sources, Reason: "in error",
	})
	if err != nil || res.Withdrawn != len(sources) {
		w.t.Errorf("%+v, %v", res, err)
	}
}

func (w *world) publish() {
	w.t.Helper()
	if err := w.log.Publish(w.t.Context()); err != nil {
		w.t.Error(err)
	}
}

// source is a copy of the world.
func (w *world) source(change ...func(*backup.Copy)) backup.Copy {
	c := backup.Copy{
		Stores: w.stores, Origin: origin, Keys: []string{w.vkey}, Clock: w.clock.Now,
		Sign: func(ctx context.Context, version int, message []byte) ([]byte, error) {
			signer, err := w.keys.Signer(ctx, audit.SignerName(version))
			if err != nil {
				return nil, err
			}
			return signer.Sign(rand.Reader, message, crypto.Hash(0))
		},
	}
	for _, f := range change {
		f(&c)
	}
	return c
}

func logOnly(c *backup.Copy) { c.LogOnly = true }

// backup publishes and makes a copy in a new file.
func (w *world) backup(change ...func(*backup.Copy)) (path string) {
	w.t.Helper()
	w.publish()
	path = filepath.Join(w.t.TempDir(), "copy")
	if _, err := backup.WriteFile(w.t.Context(), path, w.source(change...)); err != nil {
		w.t.Fatal(err)
	}
	return path
}

// restore restores into stores.
func (w *world) restore(into backup.Stores, file, log string, change ...func(*backup.Restore)) (backup.Restored, error) {
	w.t.Helper()
	r := backup.Restore{Open: func(context.Context) (backup.Stores, error) { return into, nil }, Keys: []string{w.vkey}, Own: []string{w.vkey}, Keyring: w.keys, Clock: w.clock.Now}
	for _, f := range change {
		f(&r)
	}
	return r.Run(w.t.Context(), file, log)
}

func (w *world) mustRestore(file, log string) (backup.Stores, backup.Restored) {
	w.t.Helper()
	into := newStores(w.t)
	res, err := w.restore(into, file, log)
	if err != nil {
		w.t.Fatal(err)
	}
	report, err := audit.Verify(w.t.Context(), audit.StoreSource(into.Log), audit.VerifyOptions{Keys: []string{w.vkey}})
	if err != nil || !report.OK || report.Size != res.Size {
		w.t.Fatalf("the restored log: %+v, %v", report, err)
	}
	return into, res
}

// holds returns the source ids, of those given, of which the stores have a record.
func (w *world) holds(s backup.Stores, sources ...string) []string {
	w.t.Helper()
	h, err := w.keys.Hasher(w.t.Context(), "index/housing.tenancy")
	if err != nil {
		w.t.Fatal(err)
	}
	var held []string
	for _, source := range sources {
		k := record.Key{Provider: "telford-housing", Dataset: "housing.tenancy", Source: h.Hash("source", "telford-housing", source)}
		stamps, err := s.Records.Stamps(w.t.Context(), []record.Key{k})
		if err != nil {
			w.t.Fatal(err)
		}
		if len(stamps) > 0 {
			held = append(held, source)
		}
	}
	return held
}

// content is everything in stores but the rows of restores.
type content struct {
	Batches    []audit.Batch
	Checkpoint string
	Events     []event.Event
	Records    []record.Record
}

func contentOf(t *testing.T, s backup.Stores) content {
	t.Helper()
	var c content
	for b, err := range audit.StoreSource(s.Log).Batches(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		c.Batches = append(c.Batches, *b)
	}
	_, note, err := s.Log.LastCheckpoint(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	c.Checkpoint = string(note)
	if err := s.Events.Walk(t.Context(), func(e *event.Event) error {
		if e.Kind != "restore" {
			kept := *e
			kept.Body = slices.Clone(e.Body)
			c.Events = append(c.Events, kept)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if err := s.Records.Scan(t.Context(), record.Filter{}, func(r *record.Record) error {
		kept := *r
		kept.Body = slices.Clone(r.Body)
		c.Records = append(c.Records, kept)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return c
}

// wantSame fails unless two stores have the same content.
func wantSame(t *testing.T, a, b backup.Stores) {
	t.Helper()
	if diff := cmp.Diff(contentOf(t, a), contentOf(t, b)); diff != "" {
		t.Errorf("restored (-was +is):\n%.4000s", diff)
	}
}

// wantEmpty fails when anything was written.
func wantEmpty(t *testing.T, s backup.Stores) {
	t.Helper()
	if n, err := s.Records.Count(t.Context(), record.Filter{}); n != 0 || err != nil {
		t.Errorf("%d records, %v", n, err)
	}
	if err := s.Events.Walk(t.Context(), func(e *event.Event) error { return fmt.Errorf("an event %s", e.Kind) }); err != nil {
		t.Error(err)
	}
	if _, err := s.Log.LastBatch(t.Context()); err == nil {
		t.Error("there is a log")
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func write(t *testing.T, raw []byte) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "written")
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
