package vault

import (
	"bytes"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/keyring"
	"github.com/concord-gateway/concord/gateway/keyring/keyringtest"
	"github.com/concord-gateway/concord/gateway/keyring/vaulttest"
)

// clock is a time that a test moves.
type clock struct {
	mu  sync.Mutex // covers now
	now time.Time
}

func newClock() *clock { return &clock{now: time.Date(2026, 11, 26, 9, 0, 0, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// answer fails every call with a status.
func answer(status int, body string) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, _ *http.Request) bool {
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
		return true
	}
}

// world is a keyring on a house of a Vault, with a proxy in between.
type world struct {
	t     *testing.T
	house *vaulttest.House
	proxy *vaulttest.Proxy
	clock *clock
	logs  *safeBuffer
	// checked counts how often an import had its caller look at what it brought.
	checked int
}

type safeBuffer struct {
	mu sync.Mutex // covers b
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func newWorld(t *testing.T) *world {
	t.Helper()
	return worldOn(t, vaulttest.Shared(t), "1h", "2h")
}

func worldOn(t *testing.T, s *vaulttest.Server, ttl, most string) *world {
	t.Helper()
	return &world{
		t: t, house: vaulttest.NewHouse(t, s, ttl, most), proxy: vaulttest.NewProxy(t, s.Address), clock: newClock(), logs: &safeBuffer{},
	}
}

const testCache = time.Hour

func (w *world) options(l vaulttest.Login) Options {
	return Options{
		Address: w.proxy.URL, Transit: w.house.Transit, KV: w.house.KV,
		AppRole: AppRole{Mount: w.house.AppRole, RoleIDFile: l.RoleIDFile, SecretIDFile: l.SecretIDFile},
		Cache:   testCache, Timeout: 10 * time.Second, Clock: w.clock.Now, Logger: slog.New(slog.NewTextHandler(w.logs, nil)),
	}
}

// open opens a keyring, as another gateway would.
func (w *world) open(change ...func(*Options)) *Ring {
	w.t.Helper()
	o := w.options(w.house.Gateway)
	for _, c := range change {
		c(&o)
	}
	r, err := Open(w.t.Context(), o)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = r.Close() })
	return r
}

func (w *world) operator() *Operator {
	w.t.Helper()
	o, err := NewOperator(w.t.Context(), w.options(w.house.Operator))
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = o.Close() })
	return o
}

func (w *world) sealer(r *Ring, scope string) keyring.Sealer {
	w.t.Helper()
	s, err := r.Sealer(w.t.Context(), scope)
	if err != nil {
		w.t.Fatal(err)
	}
	return s
}

func seal(t *testing.T, s keyring.Sealer, text string) []byte {
	t.Helper()
	sealed, err := s.Seal([]byte(text), []byte("place"))
	if err != nil {
		t.Fatal(err)
	}
	return sealed
}

func opens(t *testing.T, s keyring.Sealer, sealed []byte, text string) {
	t.Helper()
	got, err := s.Open(sealed, []byte("place"))
	if err != nil || string(got) != text {
		t.Errorf("opened %q, %v", got, err)
	}
}

// wantReason fails the test unless the error is Unavailable and says why.
func wantReason(t *testing.T, err error, why reason) {
	t.Helper()
	f, ok := errors.AsType[*fault.Error](err)
	if !ok || f.Kind != fault.Unavailable || !strings.Contains(f.Message, string(why)) {
		t.Errorf("error is %v, want Unavailable: %s", err, why)
	}
}

// eventually waits until a condition holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	deadline := time.After(30 * time.Second)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-deadline:
			t.Fatalf("%s: not in time", what)
		case <-tick.C:
		}
	}
}

var (
	scope   = keyring.RecordScope("ISA-TH-WMP-001", "2026-11")
	another = keyring.RecordScope("ISA-TH-WMP-001", "2026-12")
)

func TestConformance(t *testing.T) {
	keyringtest.Run(t, func(t *testing.T) keyringtest.Open {
		w := newWorld(t)
		return func() keyring.Keyring { return w.open() }
	})
}

func wantCause(t *testing.T, err, cause error) {
	t.Helper()
	if !fault.Is(err, fault.Unavailable) || !errors.Is(err, cause) {
		t.Errorf("error is %v, want Unavailable: %v", err, cause)
	}
}
