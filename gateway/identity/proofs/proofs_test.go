package proofs_test

import (
	"context"
	"crypto/sha256"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/identity/proofs"
	"github.com/concord-gateway/concord/gateway/store/mongo"
	"github.com/concord-gateway/concord/gateway/store/mongotest"
	"github.com/concord-gateway/concord/gateway/store/sqlite"
	"github.com/concord-gateway/concord/gateway/store/storetest"
)

// now is when the proofs are over.
var now = time.Date(2026, 3, 2, 9, 31, 7, 0, time.UTC) //nolint:gochecknoglobals // a constant

// engines are both stores, each with two gateways that have it open. The embedded one
// has a second only in tests: a gateway locks its folder.
func engines(t *testing.T, test func(t *testing.T, one, other storetest.Engine)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		if err := os.Chmod(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		open := func() storetest.Engine {
			db, err := sqlite.Open(t.Context(), filepath.Join(dir, "data"), sqlite.Options{})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = db.Close() })
			return db
		}
		test(t, open(), open())
	})
	t.Run("mongo", func(t *testing.T) {
		t.Parallel()
		o := mongo.Options{URI: mongotest.URI(t), Database: mongotest.Database(t)}
		open := func() storetest.Engine {
			db, err := mongo.Open(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = db.Close() })
			return db
		}
		test(t, open(), open())
	})
}

func digest(i int) [sha256.Size]byte { return sha256.Sum256([]byte(strconv.Itoa(i))) }

func take(t *testing.T, s *proofs.Store, i int, want bool) {
	t.Helper()
	if first, err := s.Take(t.Context(), digest(i), now); err != nil || first != want {
		t.Errorf("proof %d: first %v, %v; want %v", i, first, err, want)
	}
}

// TestTakenOnce: at two gateways, one after the other and by 64 at once.
func TestTakenOnce(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, a, b storetest.Engine) {
		one, other := proofs.New(a.Spool()), proofs.New(b.Spool())
		for i, s := range []*proofs.Store{one, other} {
			take(t, s, i, true)
			take(t, one, i, false)
			take(t, other, i, false)
		}
		const callers = 64
		for i := range 3 {
			var won atomic.Int32
			var all sync.WaitGroup
			for c := range callers {
				all.Go(func() {
					first, err := []*proofs.Store{one, other}[c%2].Take(t.Context(), digest(10+i), now)
					if err != nil {
						t.Error(err)
					}
					if first {
						won.Add(1)
					}
				})
			}
			all.Wait()
			if n := won.Load(); n != 1 {
				t.Errorf("of %d at once %d were the first", callers, n)
			}
		}
	})
}

// TestUnknownOutcome: a write that failed, that seemed to fail or that was sent twice
// neither loses the proof to the caller who took it nor gives it to a second one.
func TestUnknownOutcome(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, a, b storetest.Engine) {
		for i, c := range []struct {
			what  storetest.Hostility
			times int
		}{
			{storetest.Failed, 1}, {storetest.Failed, 2}, {storetest.Persisted, 1}, {storetest.Retried, 1},
		} {
			left := c.times
			hostile := storetest.Intercept(a, func(_ storetest.Write, do func() error) error {
				if left--; left >= 0 {
					return c.what.Do(do)
				}
				return do()
			})
			take(t, proofs.New(hostile.Spool()), i, true)
			take(t, proofs.New(b.Spool()), i, false)
			take(t, proofs.New(hostile.Spool()), i, false)
		}
	})
}

// TestStoreDown: what is not known is not accepted.
func TestStoreDown(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, a, _ storetest.Engine) {
		for i, what := range []storetest.Hostility{storetest.Failed, storetest.Persisted} {
			down := storetest.Intercept(a, func(w storetest.Write, do func() error) error {
				if what == storetest.Persisted && w.N > 0 {
					return storetest.Failed.Do(do)
				}
				return what.Do(do)
			})
			if first, err := proofs.New(down.Spool()).Take(t.Context(), digest(i), now); first || !fault.Is(err, fault.Unavailable) {
				t.Errorf("%v: first %v, %v", what, first, err)
			}
		}
		over, cancel := context.WithCancel(t.Context())
		cancel()
		if first, err := proofs.New(a.Spool()).Take(over, digest(9), now); first || !fault.Is(err, fault.Unavailable) {
			t.Errorf("a caller that is gone: first %v, %v", first, err)
		}
		if err := a.Close(); err != nil {
			t.Fatal(err)
		}
		if first, err := proofs.New(a.Spool()).Take(t.Context(), digest(9), now); first || !fault.Is(err, fault.Unavailable) {
			t.Errorf("a store that is closed: first %v, %v", first, err)
		}
	})
}

// TestExpires keeps a row for Margin after its end, and at most twice as long.
func TestExpires(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, a, _ storetest.Engine) {
		s := proofs.New(a.Spool())
		take(t, s, 1, true)
		for _, c := range []struct {
			after time.Duration
			first bool
		}{{0, false}, {proofs.Margin, false}, {2 * proofs.Margin, true}} {
			if _, err := a.Spool().Expire(t.Context(), now.Add(c.after)); err != nil {
				t.Fatal(err)
			}
			take(t, s, 1, c.first)
		}
	})
}

// BenchmarkTake is what a proof costs, on the embedded store.
func BenchmarkTake(b *testing.B) {
	for _, callers := range []int{1, 16} {
		b.Run("callers="+strconv.Itoa(callers), func(b *testing.B) {
			dir := b.TempDir()
			if err := os.Chmod(dir, 0o700); err != nil {
				b.Fatal(err)
			}
			db, err := sqlite.Open(b.Context(), filepath.Join(dir, "data"), sqlite.Options{})
			if err != nil {
				b.Fatal(err)
			}
			defer db.Close()
			s := proofs.New(db.Spool())
			var n atomic.Int64
			b.SetParallelism(callers)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if first, err := s.Take(b.Context(), digest(int(n.Add(1))), now); err != nil || !first {
						b.Error(first, err)
					}
				}
			})
		})
	}
}
