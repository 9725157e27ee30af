package retention_test

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/event"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/keyring"
	"github.com/concord-gateway/concord/gateway/keyring/local"
	"github.com/concord-gateway/concord/gateway/record"
	"github.com/concord-gateway/concord/gateway/retention"
	"github.com/concord-gateway/concord/gateway/spool"
	"github.com/concord-gateway/concord/gateway/store/sqlite"
)

const origin = "concord.example/test"

// tester is what *testing.T and *rapid.T have in common.
type tester interface {
	Context() context.Context
	Helper()
	Errorf(format string, args ...any)
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

// world is a sweeper over a real store, keyring and log, with a weak spot in front of
// each.
type world struct {
	tester

	dir   string
	db    *sqlite.DB
	keys  *local.Ring
	log   *audit.Log
	clock time.Time
	weak  *weakness
	sweep *retention.Sweeper
}

func newWorld(t tester, dir string) *world {
	t.Helper()
	w := &world{tester: t, dir: dir, clock: time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC), weak: &weakness{at: -1}}
	var err error
	if w.db, err = sqlite.Open(t.Context(), filepath.Join(dir, "data"), sqlite.Options{}); err != nil {
		t.Fatal(err)
	}
	if w.keys, err = local.Open(filepath.Join(dir, "keys")); err != nil {
		t.Fatal(err)
	}
	w.log, err = audit.Open(t.Context(), audit.Config{Store: w.db.Log(), Keys: w.keys, Origin: origin, Clock: func() time.Time { return w.clock }})
	if err != nil {
		t.Fatal(err)
	}
	w.sweep = w.sweeper()
	return w
}

func (w *world) sweeper() *retention.Sweeper {
	return retention.New(retention.Deps{
		Records: weakRecords{w.db.Records(), w.weak}, Events: weakEvents{w.db.Events(), w.weak}, Spool: weakSpool{w.db.Spool(), w.weak},
		Keys: weakKeys{w.keys, w.weak}, Log: weakLog{w.log, w.weak}, Clock: func() time.Time { return w.clock }, Origin: origin,
	})
}

func (w *world) close() {
	_ = w.log.Close(context.WithoutCancel(w.Context()))
	_ = w.keys.Close()
	_ = w.db.Close()
}

// day moves the clock on.
func (w *world) day(n int) { w.clock = w.clock.AddDate(0, 0, n) }

func (w *world) mustSweep() retention.Report {
	w.Helper()
	r, err := w.sweep.Sweep(w.Context())
	if err != nil {
		w.Fatal(err)
	}
	return r
}

// put seals and stores a version that is kept for some days.
func (w *world) put(source byte, version int64, agreement string, days int) record.Record {
	w.Helper()
	r := record.Record{
		Key:     record.Key{Provider: "homes", Dataset: "housing.tenancy", Source: record.Ref{source}},
		Version: version, Agreement: agreement, KeyMonth: keyring.Month(w.clock), Submission: fmt.Sprint("S", w.clock.UnixMicro()),
		Received: w.clock, Expires: w.clock.AddDate(0, 0, days),
	}
	if err := record.Seal(w.Context(), w.keys, &r, []byte("Canary")); err != nil {
		w.Fatal(err)
	}
	if taken, err := w.db.Records().Insert(w.Context(), []record.Record{r}); err != nil || len(taken) > 0 {
		w.Fatal(taken, err)
	}
	return r
}

// stored returns the versions that are in the store, however old, as source and
// version.
func (w *world) stored() (all []string) {
	w.Helper()
	months, err := w.db.Records().Months(w.Context())
	if err != nil {
		w.Fatal(err)
	}
	for _, m := range months {
		if err := w.db.Records().Due(w.Context(), m, w.clock.AddDate(100, 0, 0), func(d *record.Due) error {
			all = append(all, fmt.Sprint(d.Source[0], " ", d.Version))
			return nil
		}); err != nil {
			w.Fatal(err)
		}
	}
	slices.Sort(all)
	return all
}

// destroyed reports whether the key of an agreement and month is gone.
func (w *world) destroyed(agreement, month string) bool {
	w.Helper()
	_, err := w.keys.Sealer(w.Context(), keyring.RecordScope(agreement, month))
	if err != nil && !fault.Is(err, fault.NotFound) {
		w.Fatal(err)
	}
	return err != nil
}

// verify verifies the log in full.
func (w *world) verify() {
	w.Helper()
	if err := w.log.Publish(w.Context()); err != nil {
		w.Fatal(err)
	}
	report, err := audit.Verify(w.Context(), audit.StoreSource(w.db.Log()), audit.VerifyOptions{Keys: w.log.VKeys()})
	if err != nil || !report.OK {
		w.Fatalf("the log does not verify: %+v, %v", report, err)
	}
}

// erased returns the erase entries, oldest first, with their sealed parts.
func (w *world) erased() (entries []audit.Indexed, private []audit.Private) {
	w.Helper()
	entries, err := w.log.Search(w.Context(), audit.Query{Action: audit.Erase, Limit: 1000})
	if err != nil {
		w.Fatal(err)
	}
	slices.Reverse(entries)
	for _, e := range entries {
		p, err := w.log.OpenPrivate(w.Context(), e.Index)
		if err != nil {
			w.Fatal(err)
		}
		private = append(private, p)
	}
	return entries, private
}

// weakness makes one write fail: before it is done, or after.
type weakness struct {
	mu    sync.Mutex // covers the fields below
	n     int
	at    int // the number of the write that fails, from 0; -1 for none
	after bool
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

// do runs a write, or fails before or after it. Nothing is done after a failure, as if
// the process had ended.
func (w *weakness) do(write func() error) error {
	w.mu.Lock()
	hit, dead, after := w.n == w.at, w.at >= 0 && w.n > w.at, w.after
	w.n++
	w.mu.Unlock()
	if dead || hit && !after {
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

func (w weakRecords) Prune(ctx context.Context, at time.Time, due []record.Due) (n int, err error) {
	err = w.do(func() error {
		n, err = w.Store.Prune(ctx, at, due)
		return err
	})
	return n, err
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

func (w weakSpool) Expire(ctx context.Context, at time.Time) (n int64, err error) {
	err = w.do(func() error {
		n, err = w.Store.Expire(ctx, at)
		return err
	})
	return n, err
}

type weakKeys struct {
	keyring.Keyring

	*weakness
}

func (w weakKeys) Destroy(ctx context.Context, scope string) error {
	return w.do(func() error { return w.Keyring.Destroy(ctx, scope) })
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
