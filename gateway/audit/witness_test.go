package audit_test

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"filippo.io/torchwood"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/fault"
)

// oddWitness answers as it is told: what no real witness does, and what one may
// do at the wrong moment. (Real ones are asked in gateway/witness.)
type oddWitness struct {
	signer *torchwood.CosignatureSigner

	mu     sync.Mutex // guards answer and asked
	answer func(old, size int64, checkpoint []byte) ([]byte, error)
	asked  int
}

func newOdd(tb testing.TB, name string) *oddWitness {
	tb.Helper()
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		tb.Fatal(err)
	}
	signer, err := torchwood.NewCosignatureSigner(name, key)
	if err != nil {
		tb.Fatal(err)
	}
	return &oddWitness{signer: signer}
}

// sign cosigns whatever it is shown.
func (w *oddWitness) sign(checkpoint []byte) ([]byte, error) {
	text, _, _ := strings.Cut(string(checkpoint), "\n\n")
	signed, err := note.Sign(&note.Note{Text: text + "\n"}, w.signer)
	if err != nil {
		return nil, err
	}
	_, sigs, _ := strings.Cut(string(signed), "\n\n")
	return []byte(sigs), nil
}

func (w *oddWitness) Cosign(_ context.Context, old int64, proof []tlog.Hash, checkpoint []byte) ([]byte, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked++
	text, _, _ := strings.Cut(string(checkpoint), "\n\n")
	c, err := torchwood.ParseCheckpoint(text + "\n")
	if err != nil || len(proof) > 63 || old > c.N {
		return nil, errors.New("the request is not one")
	}
	if w.answer == nil {
		return w.sign(checkpoint)
	}
	return w.answer(old, c.N, checkpoint)
}

func (w *oddWitness) set(answer func(old, size int64, checkpoint []byte) ([]byte, error)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.answer = answer
}

func (w *oddWitness) key() string { return w.signer.Verifier().String() }

func watched(quorum int, all ...*oddWitness) func(*audit.Config) {
	return func(c *audit.Config) {
		c.Quorum = quorum
		for _, w := range all {
			c.Witnesses = append(c.Witnesses, audit.WitnessConfig{Name: w.signer.Name(), Key: w.key(), Witness: w})
		}
	}
}

// TestOddAnswers: what is not a cosignature of the witness on this checkpoint does
// not count, and does not get into the published note.
func TestOddAnswers(t *testing.T) {
	other := newOdd(t, "w.example/1")
	for name, answer := range map[string]func(w *oddWitness) func(old, size int64, checkpoint []byte) ([]byte, error){
		"nothing": func(*oddWitness) func(int64, int64, []byte) ([]byte, error) {
			return func(int64, int64, []byte) ([]byte, error) { return nil, nil }
		},
		"another's": func(*oddWitness) func(int64, int64, []byte) ([]byte, error) {
			return func(_, _ int64, c []byte) ([]byte, error) { return other.sign(c) }
		},
		"of another checkpoint": func(w *oddWitness) func(int64, int64, []byte) ([]byte, error) {
			return func(_, _ int64, c []byte) ([]byte, error) {
				return w.sign([]byte(strings.Replace(string(c), "\n", "/x\n", 1)))
			}
		},
		"no line": func(w *oddWitness) func(int64, int64, []byte) ([]byte, error) {
			return func(_, _ int64, c []byte) ([]byte, error) {
				sigs, err := w.sign(c)
				return []byte(strings.TrimSuffix(string(sigs), "\n")), err
			}
		},
		"a second text": func(w *oddWitness) func(int64, int64, []byte) ([]byte, error) {
			return func(_, _ int64, c []byte) ([]byte, error) {
				sigs, err := w.sign(c)
				return append([]byte("\n"), sigs...), err
			}
		},
		"too long": func(w *oddWitness) func(int64, int64, []byte) ([]byte, error) {
			return func(_, _ int64, c []byte) ([]byte, error) {
				sigs, err := w.sign(c)
				return []byte(strings.Repeat(string(sigs), 60)), err
			}
		},
		"refused": func(*oddWitness) func(int64, int64, []byte) ([]byte, error) {
			return func(int64, int64, []byte) ([]byte, error) { return nil, fault.New(fault.Forbidden, "", "no") }
		},
		"another size each time": func(*oddWitness) func(int64, int64, []byte) ([]byte, error) {
			return func(old, size int64, _ []byte) ([]byte, error) {
				return nil, &audit.OtherSizeError{Size: (old + 1) % size}
			}
		},
		"the size that was said": func(*oddWitness) func(int64, int64, []byte) ([]byte, error) {
			return func(old, _ int64, _ []byte) ([]byte, error) { return nil, &audit.OtherSizeError{Size: old} }
		},
		"a size below nothing": func(*oddWitness) func(int64, int64, []byte) ([]byte, error) {
			return func(int64, int64, []byte) ([]byte, error) { return nil, &audit.OtherSizeError{Size: -4} }
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			w := newOdd(t, "w.example/1")
			l := h.open(watched(1, w))
			mustAppend(t, l, request(0))
			w.set(answer(w))
			var f *fault.Error
			if err := l.Publish(t.Context()); !errors.As(err, &f) || f.Code != audit.CodeUnwitnessed {
				t.Fatalf("published: %v", err)
			}
			if _, err := l.Checkpoint(t.Context()); !fault.Is(err, fault.NotFound) {
				t.Errorf("a checkpoint is there: %v", err)
			}
			mustAppend(t, l, request(1)) // it is not lost, and the log goes on
			w.set(nil)
			if err := l.Publish(t.Context()); err != nil {
				t.Fatal(err)
			}
			wantOK(t, h.verify(nil))
		})
	}
}

// TestSuperseded: another gateway has shown a witness more of the same log. The
// smaller checkpoint is given up, and the next is greater than both.
func TestSuperseded(t *testing.T) {
	h := newHouse(t)
	w := newOdd(t, "w.example/1")
	a, b := h.open(watched(1, w)), h.open(watched(1, w))
	mustAppend(t, a, request(0))
	w.set(func(_, _ int64, _ []byte) ([]byte, error) { return nil, fault.New(fault.Unavailable, "", "away") })
	for range 2 {
		if err := a.Publish(t.Context()); !fault.Is(err, fault.Unavailable) {
			t.Fatalf("published: %v", err)
		}
	}
	for n := range 5 {
		mustAppend(t, b, request(n+1))
	}
	had := b.Size() // which b has shown the witness, and then died
	w.set(func(old, size int64, c []byte) ([]byte, error) {
		if size < had || old != had {
			return nil, &audit.OtherSizeError{Size: had}
		}
		had = size
		return w.sign(c)
	})
	if err := a.Publish(t.Context()); !fault.Is(err, fault.Unavailable) {
		t.Fatalf("the smaller one was published: %v", err)
	}
	mustAppend(t, a, request(9)) // a follows
	for range 2 {
		if err := a.Publish(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	wantOK(t, h.verify(nil))
}

// TestInvariant03Contradicted: one witness that has seen more than the store
// holds, or something else, stops the log, whatever the others say.
func TestInvariant03Contradicted(t *testing.T) {
	for name, answer := range map[string]func(old, size int64, c []byte) ([]byte, error){
		"more":               func(int64, int64, []byte) ([]byte, error) { return nil, &audit.OtherSizeError{Size: 1000} },
		"something else":     func(int64, int64, []byte) ([]byte, error) { return nil, fault.New(fault.Conflict, "", "no") },
		"of the same length": func(_, size int64, _ []byte) ([]byte, error) { return nil, &audit.OtherSizeError{Size: size} },
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			good, bad := newOdd(t, "w.example/1"), newOdd(t, "w.example/2")
			l := h.open(watched(1, good, bad))
			mustAppend(t, l, request(0))
			if err := l.Publish(t.Context()); err != nil {
				t.Fatal(err)
			}
			mustAppend(t, l, request(1))
			bad.set(answer)
			if err := l.Publish(t.Context()); !fault.Is(err, fault.Unavailable) {
				t.Errorf("published: %v", err)
			}
			bad.set(nil)
			if _, err := l.Append(t.Context(), request(2)); !fault.Is(err, fault.Unavailable) {
				t.Errorf("appended: %v", err)
			}
			if err := l.Publish(t.Context()); !fault.Is(err, fault.Unavailable) {
				t.Errorf("published afterwards: %v", err)
			}
			bad.set(answer)
			cfg := h.config()
			watched(1, good, bad)(&cfg)
			var f *fault.Error
			_, err := audit.Open(t.Context(), cfg)
			if !errors.As(err, &f) || f.Kind != fault.Unavailable || f.Code != audit.CodeOlder && f.Code != audit.CodeForked {
				t.Errorf("opened: %v", err)
			}
		})
	}
}

// TestPatienceOverRestart: how long entries have waited is in the log, not in the
// memory of who wrote them.
func TestPatienceOverRestart(t *testing.T) {
	h := newHouse(t)
	w := newOdd(t, "w.example/1")
	at := now
	patient := func(c *audit.Config) {
		watched(1, w)(c)
		c.Clock, c.Patience, c.Logger = func() time.Time { return at }, time.Hour, slog.New(slog.DiscardHandler)
	}
	l := h.open(patient)
	mustAppend(t, l, request(0))
	w.set(func(int64, int64, []byte) ([]byte, error) { return nil, fault.New(fault.Unavailable, "", "away") })
	if err := l.Close(t.Context()); !fault.Is(err, fault.Unavailable) {
		t.Errorf("closed without a word: %v", err)
	}
	at = now.Add(59 * time.Minute)
	l = h.open(patient)
	mustAppend(t, l, request(1))
	at = now.Add(61 * time.Minute)
	other := h.open(patient)
	for _, l := range []*audit.Log{l, other} {
		var f *fault.Error
		if _, err := l.Append(t.Context(), request(2)); !errors.As(err, &f) || f.Code != audit.CodeUnwitnessed || f.RetryAfter <= 0 {
			t.Errorf("appended: %v", err)
		}
	}
	w.set(nil)
	if err := other.Publish(t.Context()); err != nil { // and the first learns of it
		t.Fatal(err)
	}
	mustAppend(t, l, request(3))
}

func TestCosigned(t *testing.T) {
	h := newHouse(t)
	a, b, c := newOdd(t, "w.example/1"), newOdd(t, "w.example/2"), newOdd(t, "w.example/3")
	l := h.open(watched(2, a, b))
	mustAppend(t, l, request(0))
	if err := l.Publish(t.Context()); err != nil {
		t.Fatal(err)
	}
	checkpoint, err := l.Checkpoint(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	found, met, err := audit.Cosigned(checkpoint, []string{c.key(), b.key(), a.key()}, 2)
	if err != nil || !met || len(found) != 2 || found[0].Key != b.key() || found[1].Name != "w.example/1" || found[0].Time.IsZero() {
		t.Errorf("%+v, %v, %v", found, met, err)
	}
	if found, met, err := audit.Cosigned(checkpoint, []string{c.key(), a.key()}, 2); err != nil || met || len(found) != 1 {
		t.Errorf("%+v, %v, %v", found, met, err)
	}
	if found, met, err := audit.Cosigned(checkpoint, nil, 0); err != nil || !met || len(found) != 0 {
		t.Errorf("%+v, %v, %v", found, met, err)
	}
	_, rest, _ := strings.Cut(a.key(), "+")
	_, key, _ := strings.Cut(rest, "+")
	alias := renamed(t, "w.example/9", key)
	swapped := strings.Replace(string(checkpoint), "— w.example/1 ", "— w.example/2 ", 1)
	damaged := []byte(strings.TrimSuffix(string(checkpoint), "\n"))
	damaged[len(damaged)-6] ^= 1
	for name, bad := range map[string]struct {
		checkpoint []byte
		keys       []string
		quorum     int
	}{
		"one key under two names": {checkpoint, []string{a.key(), alias}, 1},
		"one key twice":           {checkpoint, []string{a.key(), a.key()}, 2},
		"the log's key":           {checkpoint, []string{h.vkey()}, 1},
		"no key":                  {checkpoint, []string{"w.example"}, 1},
		"more than there are":     {checkpoint, []string{a.key()}, 2},
		"fewer than none":         {checkpoint, []string{a.key()}, -1},
		"no note":                 {[]byte("w"), []string{a.key()}, 1},
		"a byte changed":          {append(damaged, '\n'), []string{a.key(), b.key()}, 1},
	} {
		if found, met, err := audit.Cosigned(bad.checkpoint, bad.keys, bad.quorum); !fault.Is(err, fault.Invalid) || met || found != nil {
			t.Errorf("%s: %+v, %v, %v", name, found, met, err)
		}
	}
	if found, met, err := audit.Cosigned([]byte(swapped), []string{a.key(), b.key()}, 2); met {
		t.Errorf("a signature under another name: %+v, %v", found, err)
	}
}

// TestVerifyWitnessed asks Verify for witnesses.
func TestVerifyWitnessed(t *testing.T) {
	h := newHouse(t)
	a, b, c := newOdd(t, "w.example/1"), newOdd(t, "w.example/2"), newOdd(t, "w.example/3")
	l := h.open(watched(2, a, b))
	mustAppend(t, l, request(0))
	if err := l.Publish(t.Context()); err != nil {
		t.Fatal(err)
	}
	verify := func(quorum int, keys ...string) (audit.Report, error) {
		return audit.Verify(t.Context(), audit.StoreSource(h.db.Log()), audit.VerifyOptions{
			Keys: []string{h.vkey()}, Witnesses: keys, Quorum: quorum,
		})
	}
	for _, q := range []struct {
		quorum int
		keys   []string
		ok     bool
	}{
		{2, []string{a.key(), b.key()}, true}, {2, []string{a.key(), c.key(), b.key()}, true},
		{3, []string{a.key(), c.key(), b.key()}, false}, {2, []string{a.key(), c.key()}, false}, {1, []string{c.key()}, false},
	} {
		report, err := verify(q.quorum, q.keys...)
		if err != nil || report.OK != q.ok || !q.ok && report.Problems[0].Code != audit.CodeWitness {
			t.Errorf("%d of %d: %+v, %v", q.quorum, len(q.keys), report.Problems, err)
		}
	}
	for name, keys := range map[string][]string{"no key": {"w.example"}, "one twice": {a.key(), a.key()}, "the log's": {h.vkey()}} {
		if _, err := verify(1, keys...); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// renamed gives a key another name.
func renamed(t *testing.T, name, key string) string {
	t.Helper()
	raw, err := base64.StdEncoding.DecodeString(key)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(append([]byte(name+"\n"), raw...))
	return fmt.Sprintf("%s+%x+%s", name, sum[:4], key)
}
