package witness_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/keyring/local"
	"github.com/concord-gateway/concord/gateway/store/sqlite"
)

const origin = "concord.example/log"

// house is a data folder with its keys, a clock and what the log says.
type house struct {
	t    *testing.T
	dir  string
	keys *local.Ring
	db   *sqlite.DB

	mu   sync.Mutex // guards now and said
	now  time.Time
	said bytes.Buffer
}

func newHouse(t *testing.T) *house {
	t.Helper()
	h := &house{t: t, dir: t.TempDir(), now: time.Date(2026, 11, 3, 10, 0, 0, 0, time.UTC)}
	var err error
	if h.keys, err = local.Open(filepath.Join(h.dir, "keys")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.keys.Close() })
	h.openDB()
	return h
}

func (h *house) openDB() {
	h.t.Helper()
	db, err := sqlite.Open(h.t.Context(), filepath.Join(h.dir, "data"), sqlite.Options{})
	if err != nil {
		h.t.Fatal(err)
	}
	h.db = db
	h.t.Cleanup(func() { _ = db.Close() })
}

// Write gathers what the log says.
func (h *house) Write(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.said.Write(p)
}

func (h *house) log() []byte {
	h.mu.Lock()
	defer h.mu.Unlock()
	return bytes.Clone(h.said.Bytes())
}

func (h *house) clock() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.now
}

func (h *house) advance(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now = h.now.Add(d)
}

func (h *house) vkey() string {
	h.t.Helper()
	signer, err := h.keys.Signer(h.t.Context(), audit.SignerName(1))
	if err != nil {
		h.t.Fatal(err)
	}
	vkey, err := audit.VKey(origin, signer.Public())
	if err != nil {
		h.t.Fatal(err)
	}
	return vkey
}

func (h *house) config(quorum int, all []*litewitness) audit.Config {
	cfg := audit.Config{
		Store: h.db.Log(), Keys: h.keys, Origin: origin, Clock: h.clock,
		Logger: slog.New(slog.NewTextHandler(h, nil)), Quorum: quorum, Patience: 2 * time.Hour,
	}
	for _, w := range all {
		cfg.Witnesses = append(cfg.Witnesses, audit.WitnessConfig{Key: w.key, Witness: client(h.t, "http://"+w.address)})
	}
	return cfg
}

// open opens the log, which is closed with the test or by stop.
func (h *house) open(quorum int, all []*litewitness) (l *audit.Log, stop func()) {
	h.t.Helper()
	l, err := audit.Open(h.t.Context(), h.config(quorum, all))
	if err != nil {
		h.t.Fatal(err)
	}
	stop = sync.OnceFunc(func() { _ = l.Close(context.Background()) })
	h.t.Cleanup(stop)
	return l, stop
}

func appendOne(t *testing.T, l *audit.Log) error {
	t.Helper()
	_, err := l.Append(t.Context(), audit.Request{
		ID: "request-1", Actor: audit.Actor{Agency: "west-mercia-police", Subject: "analyst"},
		Drafts: []audit.Draft{{Action: audit.Disclose, Provider: "telford-housing"}},
	})
	return err
}

func mustAppend(t *testing.T, l *audit.Log) {
	t.Helper()
	if err := appendOne(t, l); err != nil {
		t.Fatal(err)
	}
}

// hasCode reports whether an error is Unavailable with a code.
func hasCode(err error, code string) bool {
	f, ok := errors.AsType[*fault.Error](err)
	return ok && f.Kind == fault.Unavailable && f.Code == code
}

// wantCosigned holds the published checkpoint against the keys of the witnesses.
func (h *house) wantCosigned(l *audit.Log, size int64, all []*litewitness, least int) {
	h.t.Helper()
	checkpoint, err := l.Checkpoint(h.t.Context())
	if err != nil {
		h.t.Fatal(err)
	}
	keys := make([]string, len(all))
	for i, w := range all {
		keys[i] = w.key
	}
	found, met, err := audit.Cosigned(checkpoint, keys, least)
	if err != nil || !met || l.Size() != size {
		h.t.Errorf("%d entries, cosigned by %v, want %d: %v", l.Size(), found, least, err)
	}
	for _, c := range found {
		if age := time.Since(c.Time); age < -time.Minute || age > time.Minute || !slices.Contains(keys, c.Key) {
			h.t.Errorf("%+v", c)
		}
	}
}

// TestInvariant03Quorum runs three real witnesses of which two must cosign: with
// one killed the log is published, with two it is not; entries go on until
// patience ends, then nothing is logged, and so nothing released, until a witness
// is back.
func TestInvariant03Quorum(t *testing.T) {
	h := newHouse(t)
	all := witnesses(t, 3, origin, h.vkey())
	l, stop := h.open(2, all)
	publish := func() error { return l.Publish(t.Context()) }
	mustAppend(t, l)
	if err := publish(); err != nil {
		t.Fatal(err)
	}
	h.wantCosigned(l, 3, all, 3) // a session, the entry, the heads
	all[0].stop()
	mustAppend(t, l)
	if err := publish(); err != nil {
		t.Fatal(err)
	}
	h.wantCosigned(l, 5, all, 2)
	all[1].stop()
	mustAppend(t, l)
	for range 3 {
		if err := publish(); !hasCode(err, audit.CodeUnwitnessed) {
			t.Fatalf("published with one witness of two: %v", err)
		}
	}
	if l.Size() != 7 { // the entry, and one heads entry
		t.Errorf("trying again has made the log %d entries long", l.Size())
	}
	h.alarms(l, publish)
	for range 2 {
		h.advance(2 * time.Hour)
		if err := appendOne(t, l); !hasCode(err, audit.CodeUnwitnessed) {
			t.Fatalf("appended when patience had ended: %v", err)
		}
	}
	if p := l.Publication(); !p.Refusing || len(p.Missing) != 2 || p.Witnesses != 3 || p.Quorum != 2 {
		t.Errorf("%+v", p)
	}
	all[1].start()
	if err := publish(); err != nil {
		t.Fatal(err)
	}
	mustAppend(t, l)
	if err := publish(); err != nil {
		t.Fatal(err)
	}
	h.wantCosigned(l, 11, all, 2)
	if p := l.Publication(); p.Refusing || !p.Since.IsZero() || len(p.Missing) != 1 {
		t.Errorf("%+v", p)
	}
	all[0].start() // and is brought up to date when the log is opened
	stop()
	l, _ = h.open(2, all)
	mustAppend(t, l)
	if err := publish(); err != nil {
		t.Fatal(err)
	}
	h.wantCosigned(l, 14, all, 3)
	report, err := audit.Verify(t.Context(), audit.StoreSource(h.db.Log()), audit.VerifyOptions{Keys: []string{h.vkey()}})
	if err != nil || !report.OK {
		t.Errorf("%+v, %v", report, err)
	}
}

// alarms lets ten minutes pass, in which the log is tried every ten seconds: the
// operator is told from the first minute on, once a minute.
func (h *house) alarms(l *audit.Log, publish func() error) {
	h.t.Helper()
	const line = "the log is not witnessed"
	for n := range 60 {
		if err := publish(); !hasCode(err, audit.CodeUnwitnessed) {
			h.t.Fatal(err)
		}
		if got, want := count(h.log(), "level=ERROR", line), n/6; got != want {
			h.t.Fatalf("after %d s: %d alarms, want %d", n*10, got, want)
		}
		h.advance(10 * time.Second)
	}
	if n := count(h.log(), line, "witness.example/w1", "witness.example/w2"); n != 9 {
		h.t.Errorf("%d alarms name the witnesses that are missing", n)
	}
	if n := count(h.log(), line, "witness.example/w3"); n != 0 {
		h.t.Errorf("%d alarms name the witness that is not missing", n)
	}
	mustAppend(h.t, l)
}

// TestInvariant04OlderStore puts a store back from an older copy: at the start,
// and behind the back of a gateway that runs.
func TestInvariant04OlderStore(t *testing.T) {
	h := newHouse(t)
	all := witnesses(t, 2, origin, h.vkey())
	l, stop := h.open(1, all)
	mustAppend(t, l)
	if err := l.Publish(t.Context()); err != nil {
		t.Fatal(err)
	}
	stop()
	older := h.copyData()
	l, stop = h.open(1, all)
	for range 3 {
		mustAppend(t, l)
	}
	if err := l.Publish(t.Context()); err != nil {
		t.Fatal(err)
	}
	stop()
	h.putBack(older)
	if _, err := audit.Open(t.Context(), h.config(1, all)); !hasCode(err, audit.CodeOlder) {
		t.Fatalf("an older store was opened: %v", err)
	}
	// Who cannot reach the witnesses may open it, and is stopped when they are back.
	all[0].stop()
	all[1].stop()
	l, _ = h.open(1, all)
	if n := count(h.log(), "level=WARN", "witness"); n != 2 {
		t.Errorf("%d warnings, want one for each witness", n)
	}
	all[0].start()
	if err := l.Publish(t.Context()); err != nil { // nothing was appended
		t.Fatal(err)
	}
	mustAppend(t, l)
	if err := l.Publish(t.Context()); !fault.Is(err, fault.Unavailable) {
		t.Errorf("published behind what was witnessed: %v", err)
	}
	if err := appendOne(t, l); !fault.Is(err, fault.Unavailable) {
		t.Errorf("appended behind what was witnessed: %v", err)
	}
}

// TestInvariant04Fork lets an older store grow beyond what was witnessed: the
// witness answers 422, and the log goes no further.
func TestInvariant04Fork(t *testing.T) {
	h := newHouse(t)
	all := witnesses(t, 2, origin, h.vkey())
	l, stop := h.open(1, all)
	mustAppend(t, l)
	if err := l.Publish(t.Context()); err != nil {
		t.Fatal(err)
	}
	stop()
	older := h.copyData()
	l, stop = h.open(1, all)
	mustAppend(t, l)
	if err := l.Publish(t.Context()); err != nil {
		t.Fatal(err)
	}
	stop()
	h.putBack(older)
	all[0].stop()
	all[1].stop()
	l, _ = h.open(1, all)
	for range 8 {
		mustAppend(t, l)
	}
	all[1].start()
	if err := l.Publish(t.Context()); !fault.Is(err, fault.Unavailable) {
		t.Errorf("a fork was published: %v", err)
	}
	if err := appendOne(t, l); !fault.Is(err, fault.Unavailable) {
		t.Errorf("appended to a fork: %v", err)
	}
	if n := count(h.log(), "level=ERROR", "not what was witnessed", "does not contain"); n != 1 {
		t.Errorf("%d lines say that the store was changed", n)
	}
}

// TestGatewaysShareWitnesses has two gateways publish one log, in turn.
func TestGatewaysShareWitnesses(t *testing.T) {
	h := newHouse(t)
	all := witnesses(t, 2, origin, h.vkey())
	a, _ := h.open(2, all)
	b, _ := h.open(2, all)
	for range 4 {
		for _, l := range []*audit.Log{a, b} {
			mustAppend(t, l)
			if err := l.Publish(t.Context()); err != nil {
				t.Fatal(err)
			}
			h.wantCosigned(l, l.Size(), all, 2)
		}
	}
	if p := a.Publication(); len(p.Missing) != 0 {
		t.Errorf("%+v", p)
	}
}

// copyData copies the database of a log that is closed.
func (h *house) copyData() string {
	h.t.Helper()
	if err := h.db.Close(); err != nil {
		h.t.Fatal(err)
	}
	older := filepath.Join(h.t.TempDir(), "older")
	h.copyDir(filepath.Join(h.dir, "data"), older)
	h.openDB()
	return older
}

func (h *house) putBack(older string) {
	h.t.Helper()
	data := filepath.Join(h.dir, "data")
	if err := errors.Join(h.db.Close(), os.RemoveAll(data)); err != nil {
		h.t.Fatal(err)
	}
	h.copyDir(older, data)
	h.openDB()
}

// copyDir copies the files of a folder for its owner alone.
func (h *house) copyDir(from, to string) {
	h.t.Helper()
	if err := os.Mkdir(to, 0o700); err != nil {
		h.t.Fatal(err)
	}
	files, err := os.ReadDir(from)
	if err != nil {
		h.t.Fatal(err)
	}
	for _, f := range files {
		raw, err := os.ReadFile(filepath.Join(from, f.Name()))
		if err == nil {
			err = os.WriteFile(filepath.Join(to, f.Name()), raw, 0o600)
		}
		if err != nil {
			h.t.Fatal(err)
		}
	}
}
