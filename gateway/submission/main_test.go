package submission_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/event"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/identity"
	"github.com/concord-gateway/concord/gateway/intake"
	"github.com/concord-gateway/concord/gateway/keyring/local"
	"github.com/concord-gateway/concord/gateway/policy/bundle"
	"github.com/concord-gateway/concord/gateway/record"
	"github.com/concord-gateway/concord/gateway/rulebook"
	"github.com/concord-gateway/concord/gateway/spool"
	"github.com/concord-gateway/concord/gateway/store/sqlite"
	"github.com/concord-gateway/concord/gateway/submission"
	"github.com/concord-gateway/concord/policies"
	"github.com/concord-gateway/concord/schemas"
)

// world is a submission service over a real store, keyring and log, with a
// weak spot in front of each.
type world struct {
	t     *testing.T
	db    *sqlite.DB
	log   *audit.Log
	keys  *local.Ring
	rules *rulebook.Rules
	weak  *weakness
	sizes submission.Sizes
	serve *submission.Service
}

func now() time.Time { return time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC) }

func newWorld(t *testing.T) *world { return newSmallWorld(t, submission.Sizes{}) }

// newSmallWorld is one whose jobs are short.
func newSmallWorld(t *testing.T, sizes submission.Sizes) *world {
	t.Helper()
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	rules, err := builtIn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	db, err := sqlite.Open(t.Context(), dir, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	keys, err := local.Open(filepath.Join(dir, "keys"))
	if err != nil {
		t.Fatal(err)
	}
	log, err := audit.Open(t.Context(), audit.Config{Store: db.Log(), Keys: keys, Origin: "concord.example/test", Clock: now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = log.Close(context.WithoutCancel(t.Context()))
		_ = keys.Close()
		_ = db.Close()
	})
	w := &world{t: t, db: db, log: log, keys: keys, rules: rules, weak: &weakness{at: -1}, sizes: sizes}
	w.restart()
	t.Cleanup(func() { w.serve.Close() })
	return w
}

// restart begins a service anew over what is stored, without weakness.
func (w *world) restart() {
	w.weak.arm(-1, false)
	w.serve = w.another(w.weak, 0, now)
}

// another is a service over the same store.
func (w *world) another(weak *weakness, grace time.Duration, clock func() time.Time) *submission.Service {
	return submission.New(submission.Deps{
		Rules: rulebook.NewBook(w.rules), Keys: w.keys, Clock: clock, Sizes: w.sizes, Grace: grace,
		Records: weakRecords{w.db.Records(), weak}, Events: weakEvents{w.db.Events(), weak},
		Spool: weakSpool{w.db.Spool(), weak}, Log: weakLog{w.log, weak},
	})
}

// builtIn are the rules of the repository with every agreement live.
func builtIn(ctx context.Context) (*rulebook.Rules, error) {
	files, err := bundle.Gather(policies.Files, schemas.Files)
	if err != nil {
		return nil, err
	}
	draft, err := rulebook.Read(files)
	if err != nil {
		return nil, err
	}
	return draft.Rules(ctx, draft.Newest())
}

// weakness makes one write fail: before it is done, or after.
type weakness struct {
	mu    sync.Mutex // covers the fields below
	n     int
	at    int // the number of the write that fails, from 0; -1 for none
	after bool
	// insert is called once, before the next records are inserted.
	insert func()
}

func (w *weakness) arm(at int, after bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.n, w.at, w.after = 0, at, after
}

// passed returns how many writes there were.
func (w *weakness) passed() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.n
}

// do runs a write, or fails before or after it.
func (w *weakness) do(write func() error) error {
	w.mu.Lock()
	hit, after := w.n == w.at, w.after
	w.n++
	w.mu.Unlock()
	if hit && !after {
		return fault.New(fault.Unavailable, "test", "It failed.")
	}
	err := write()
	if hit {
		return fault.New(fault.Unavailable, "test", "It failed, and was done all the same.")
	}
	return err
}

type weakRecords struct {
	record.Store

	*weakness
}

func (w weakRecords) Insert(ctx context.Context, records []record.Record) (taken []int, err error) {
	w.mu.Lock()
	first := w.insert
	w.insert = nil
	w.mu.Unlock()
	if first != nil {
		first()
	}
	err = w.do(func() error {
		taken, err = w.Store.Insert(ctx, records)
		return err
	})
	return taken, err
}

func (w weakRecords) Withdraw(ctx context.Context, keys []record.Key) (had []record.Key, err error) {
	err = w.do(func() error {
		had, err = w.Store.Withdraw(ctx, keys)
		return err
	})
	return had, err
}

type weakEvents struct {
	event.Store

	*weakness
}

func (w weakEvents) Insert(ctx context.Context, e event.Event) error {
	return w.do(func() error { return w.Store.Insert(ctx, e) })
}

type weakSpool struct {
	spool.Store

	*weakness
}

func (w weakSpool) Insert(ctx context.Context, p spool.Piece) error {
	return w.do(func() error { return w.Store.Insert(ctx, p) })
}

func (w weakSpool) Delete(ctx context.Context, kind, id string) error {
	return w.do(func() error { return w.Store.Delete(ctx, kind, id) })
}

type weakLog struct {
	*audit.Log

	*weakness
}

func (w weakLog) Append(ctx context.Context, r audit.Request) (receipt audit.Receipt, err error) {
	err = w.do(func() error {
		receipt, err = w.Log.Append(ctx, r)
		return err
	})
	return receipt, err
}

func housing() identity.Principal {
	return identity.Principal{Subject: "s@telford-housing.example", Agency: "telford-housing", Roles: []identity.Role{identity.Submitter}}
}

// tenancy is a row of a synthetic tenant.
func tenancy(source, status string) map[string]any {
	return map[string]any{
		"source_id": source, "given_name": "Rowan", "family_name": "Ashdown", "date_of_birth": "1990-04-12", "postcode": "TF1 5AB",
		"area": "E06000020", "uprn": "100023336956", "tenancy_type": "secure", "tenancy_status": status, "tenancy_start": "2024-03-04",
		"fact_or_opinion": "fact", "subject_category": "not_known",
	}
}

// tenancies are n rows of one status, as NDJSON.
func tenancies(t *testing.T, n int, status string) string {
	t.Helper()
	var b strings.Builder
	for i := range n {
		raw, err := json.Marshal(tenancy(fmt.Sprintf("T-%d", i), status))
		if err != nil {
			t.Fatal(err)
		}
		b.Write(raw)
		b.WriteByte('\n')
	}
	return b.String()
}

func (w *world) upload(body string, change ...func(*submission.Upload)) (*submission.Result, error) {
	up := submission.Upload{
		Principal: housing(), RequestID: "01a20202-f6b6-76df-9487-b2a7582ee4fe", Client: "192.0.2.1:4711",
		Dataset: "housing.tenancy", Agreement: "ISA-TH-WMP-001", Format: intake.NDJSON, Body: strings.NewReader(body),
	}
	for _, c := range change {
		c(&up)
	}
	return w.serve.Submit(w.t.Context(), up)
}

// records counts what is in force.
func (w *world) records() int64 {
	w.t.Helper()
	n, err := w.db.Records().Count(w.t.Context(), record.Filter{})
	if err != nil {
		w.t.Fatal(err)
	}
	return n
}

// collected returns the states under which the submissions are logged.
func (w *world) collected() map[string]string {
	w.t.Helper()
	found, err := w.log.Search(w.t.Context(), audit.Query{Action: audit.Collect, Limit: 1000})
	if err != nil {
		w.t.Fatal(err)
	}
	out := map[string]string{}
	for _, i := range found {
		out[i.Entry.Admin["submission"]] = i.Entry.Admin["state"]
	}
	return out
}
