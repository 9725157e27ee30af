package policy

import (
	"context"
	"errors"
	"io/fs"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/open-policy-agent/opa/v1/storage"

	"github.com/concord-gateway/concord/gateway/agreement"
	"github.com/concord-gateway/concord/gateway/dataset"
	"github.com/concord-gateway/concord/policies"
	"github.com/concord-gateway/concord/schemas"
)

// patience is what tests that are not about time allow: the race detector on a
// busy machine is slow.
const patience = 30 * time.Second

// now is the day on which the sample agreements are looked at.
const now = "2026-11-22T10:00:00Z"

func sub(tb testing.TB, fsys fs.FS, dir string) fs.FS {
	tb.Helper()
	out, err := fs.Sub(fsys, dir)
	if err != nil {
		tb.Fatal(err)
	}
	return out
}

// sample is the configuration of the shipped policies.
func sample(tb testing.TB) Config {
	tb.Helper()
	ds, err := dataset.Load(sub(tb, schemas.Files, "datasets"))
	if err != nil {
		tb.Fatal(err)
	}
	agreements, err := agreement.Load(sub(tb, policies.Files, "agreements"), ds)
	if err != nil {
		tb.Fatal(err)
	}
	raw, err := policies.Files.ReadFile("purposes.json")
	if err != nil {
		tb.Fatal(err)
	}
	purposes, err := LoadPurposes(raw)
	if err != nil {
		tb.Fatal(err)
	}
	return Config{
		Core: sub(tb, policies.Files, "concord"), Agreements: agreements,
		Purposes: purposes, Datasets: ds, Timeout: patience, Patience: patience,
	}
}

func newEngine(tb testing.TB, cfg Config) *Engine {
	tb.Helper()
	e, err := New(context.Background(), cfg)
	if err != nil {
		tb.Fatal(err)
	}
	return e
}

// allGroups asks for everything that any agreement names.
func allGroups(cfg Config) []Group {
	pairs := cfg.Agreements.Groups()
	out := make([]Group, len(pairs))
	for i, p := range pairs {
		out[i] = Group{Provider: p.Provider, Dataset: p.Dataset}
	}
	return out
}

// person is a routine request of a police analyst about a person.
func person(groups []Group) Input {
	return Input{
		Actor: Actor{
			Subject: "analyst-1", Agency: "west-mercia-police",
			Roles: []string{"analyst", "emergency"}, Clearance: "nppv3",
		},
		Request: Request{
			Kind: kindSubject, Purpose: "soc-investigation", CaseRef: "OP-LANTERN",
			CaseLink: "assigned", Time: now,
		},
		Groups: groups,
	}
}

// countingStore counts the evaluations that run at once, and lets others run
// in the middle of each.
type countingStore struct {
	storage.Store

	running, most atomic.Int32
}

func (s *countingStore) NewTransaction(ctx context.Context, p ...storage.TransactionParams) (storage.Transaction, error) {
	n := s.running.Add(1)
	for most := s.most.Load(); n > most && !s.most.CompareAndSwap(most, n); most = s.most.Load() {
		continue
	}
	return s.Store.NewTransaction(ctx, p...)
}

func (s *countingStore) Read(ctx context.Context, t storage.Transaction, path storage.Path) (any, error) {
	runtime.Gosched()
	return s.Store.Read(ctx, t, path)
}

func (s *countingStore) Abort(ctx context.Context, t storage.Transaction) {
	s.running.Add(-1)
	s.Store.Abort(ctx, t)
}

// However many decide at once, no more evaluate than there are processors, so
// that no evaluation takes long because of the others: the time-out is its own.
func TestTwoHundredDecisionsAtOnce(t *testing.T) {
	cfg := sample(t)
	in := person(allGroups(cfg))
	sources, err := readSources(cfg)
	if err != nil {
		t.Fatal(err)
	}
	compiler, err := compile(sources.modules)
	if err != nil {
		t.Fatal(err)
	}
	store := &countingStore{Store: newStore(document(cfg, sources))}
	e, err := prepare(t.Context(), cfg, compiler, store)
	if err != nil {
		t.Fatal(err)
	}
	store.most.Store(0)
	errs := make(chan error, 200)
	var all sync.WaitGroup
	for range cap(errs) {
		all.Go(func() {
			d, err := e.Decide(t.Context(), in)
			if err == nil && !d.Allow {
				err = errors.New("denied")
			}
			errs <- err
		})
	}
	all.Wait()
	close(errs)
	for err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
	if most := int(store.most.Load()); most < 1 || most > runtime.GOMAXPROCS(0) || store.running.Load() != 0 {
		t.Errorf("%d evaluations ran at once, and %d still do", most, store.running.Load())
	}
}

// Who waits for a place gives up with its caller, and not before.
func TestWaitingEndsWithTheCaller(t *testing.T) {
	e := newEngine(t, sample(t))
	e.limits.processor = time.Nanosecond // it has not begun while the caller waits
	for range cap(e.places) {
		e.places <- struct{}{}
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() {
		_, err := e.Decide(ctx, person(nil))
		done <- err
	}()
	select {
	case err := <-done:
		t.Fatalf("it did not wait: %v", err)
	case <-time.After(20 * time.Millisecond):
	}
	cancel()
	failsClosed(t, <-done, "policy-failed")
	if len(e.places) != cap(e.places) {
		t.Error("a place is lost")
	}
}
