package audit_test

import (
	"testing"

	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/fault"
)

// keyed is the configuration of a house whose log is brought to a version of
// its key.
func keyed(version int) func(*audit.Config) {
	return func(c *audit.Config) { c.KeyVersion = version }
}

// vkeyOf is the verifier key of a version of a house's log key.
func (h *house) vkeyOf(version int) string {
	h.tb.Helper()
	signer, err := h.keys.Signer(h.tb.Context(), audit.SignerName(version))
	if err != nil {
		h.tb.Fatal(err)
	}
	vkey, err := audit.VKey(origin, signer.Public())
	if err != nil {
		h.tb.Fatal(err)
	}
	return vkey
}

// rotated is a log that was handed over to its second key and then, two versions
// on at once, to its fourth, closed. Some of its checkpoints are returned.
func rotated(t *testing.T, h *house) (checkpoints [][]byte) {
	t.Helper()
	for n, version := range []int{1, 2, 4, 0, 1} { // 0 and 1: it stays where it is
		l := h.open(keyed(version))
		mustAppend(t, l, request(n, "telford-housing"))
		if err := l.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		checkpoint, err := l.Checkpoint(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		checkpoints = append(checkpoints, checkpoint)
		if want := map[int]int{0: 1, 1: 2, 2: 4, 3: 4, 4: 4}[n]; l.VKey() != h.vkeyOf(want) || len(l.VKeys()) != want {
			t.Fatalf("round %d is signed by another version than %d", n, want)
		}
	}
	return checkpoints
}

func verifyKeys(t *testing.T, source audit.Source, since []byte, keys ...string) audit.Report {
	t.Helper()
	report, err := audit.Verify(t.Context(), source, audit.VerifyOptions{Keys: keys, Since: since})
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// TestLogKeyRotation: whoever knows the first key follows the log to the
// newest, and checkpoints of every version still verify.
func TestLogKeyRotation(t *testing.T) {
	h := newHouse(t)
	checkpoints := rotated(t, h)
	source := audit.StoreSource(h.db.Log())
	for _, since := range checkpoints {
		wantOK(t, verifyKeys(t, source, since, h.vkeyOf(1)))
		wantOK(t, verifyKeys(t, source, since, h.vkeyOf(1), h.vkeyOf(4)))
		wantOK(t, verifyKeys(t, source, since, h.vkeyOf(4), h.vkeyOf(3), h.vkeyOf(2), h.vkeyOf(1)))
	}
	if r := verifyKeys(t, source, nil, h.vkeyOf(4)); r.OK || r.Problems[0].Code != audit.CodeSession {
		t.Errorf("without its first key: %+v", r)
	}
	if r := verifyKeys(t, source, nil, h.vkeyOf(1), h.vkeyOf(5)); r.OK || r.Problems[0].Code != audit.CodeKey {
		t.Errorf("with a key that never came: %+v", r)
	}
}

// TestInvariant04OldLogKey: who holds a log key that was replaced can sign
// nothing with it that passes.
func TestInvariant04OldLogKey(t *testing.T) {
	t.Run("a checkpoint", func(t *testing.T) {
		h := newHouse(t)
		rotated(t, h)
		last, err := h.db.Log().LastBatch(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		text := textOf(signCheckpoint(t, h, last.Size, last.Root))
		for version, ok := range map[int]bool{1: false, 2: false, 3: false, 4: true} {
			report := verifyKeys(t, audit.StoreSource(h.db.Log()), signNote(t, text, logSigner(t, h, audit.SignerName(version))), h.vkeyOf(1))
			if report.OK != ok || !ok && report.Problems[0].Code != audit.CodeCheckpoint {
				t.Errorf("signed by version %d: %+v", version, report)
			}
		}
	})
	t.Run("a fork before the new key", func(t *testing.T) {
		h := newHouse(t)
		checkpoints := rotated(t, h)
		batches := batchesOf(t, h.db.Log())
		cfg := h.config()
		cfg.Store = rewritten(t, h, batches[:2], false) // what the first key signed
		fork, err := audit.Open(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		mustAppend(t, fork, request(77))
		if err := fork.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		source := audit.StoreSource(cfg.Store)
		wantOK(t, verifyKeys(t, source, nil, h.vkeyOf(1))) // nothing else can tell
		report := verifyKeys(t, source, nil, h.vkeyOf(1), h.vkeyOf(4))
		wantProblem(t, report, audit.CodeKey, report.Size)
		if report = verifyKeys(t, source, checkpoints[4], h.vkeyOf(1)); report.OK {
			t.Errorf("a fork passes a newer checkpoint: %+v", report)
		}
	})
	t.Run("a session", func(t *testing.T) {
		h := newHouse(t)
		rotated(t, h)
		batches := batchesOf(t, h.db.Log())
		other := newHouse(t) // begins its log with the first key of h
		other.keys = h.keys
		l := other.open()
		mustAppend(t, l, request(1))
		if err := l.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		size := batches[len(batches)-1].Size
		batches = append(batches, batchesOf(t, other.db.Log())[0])
		audit.Rehash(batches)
		resign(t, l, batches[len(batches)-1:], now)
		wantProblem(t, verifyKeys(t, sliceSource(batches), nil, h.vkeyOf(1)), audit.CodeSession, size)
	})
	t.Run("a new key", func(t *testing.T) {
		h := newHouse(t)
		rotated(t, h)
		batches := batchesOf(t, h.db.Log())
		other := newHouse(t)
		other.keys = h.keys
		mustAppend(t, other.open(keyed(2)), request(1))
		foreign := batchesOf(t, other.db.Log())[0]
		size := batches[len(batches)-1].Size
		batches = append(batches, foreign)
		audit.Rehash(batches)
		wantProblem(t, verifyKeys(t, sliceSource(batches), nil, h.vkeyOf(1)), audit.CodeKey, size)
	})
}

// TestLogKeyElsewhere: a gateway whose keyring has another key than the log was
// handed over to does not open it.
func TestLogKeyElsewhere(t *testing.T) {
	h, other := newHouse(t), newHouse(t)
	rotated(t, h)
	cfg := h.config()
	cfg.Keys = other.keys
	if _, err := audit.Open(t.Context(), cfg); !fault.Is(err, fault.Unavailable) {
		t.Errorf("opened: %v", err)
	}
}

// TestLogKeyTwoGateways: of two gateways on one store, one brings in the new key
// and the other follows, whichever is first.
func TestLogKeyTwoGateways(t *testing.T) {
	for name, versions := range map[string][2]int{"one": {2, 0}, "both": {2, 2}, "the older last": {3, 2}} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			a, b := h.open(keyed(versions[0])), h.open(keyed(versions[1]))
			for n := range 4 {
				mustAppend(t, []*audit.Log{b, a}[n%2], request(n, "telford-housing"))
			}
			for n, l := range []*audit.Log{a, b} {
				mustAppend(t, l, request(10+n, "telford-housing"))
				if err := l.Close(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			if a.VKey() != h.vkeyOf(versions[0]) || b.VKey() != a.VKey() {
				t.Error("the gateways sign with different keys")
			}
			wantOK(t, verifyKeys(t, audit.StoreSource(h.db.Log()), nil, h.vkeyOf(1), h.vkeyOf(versions[0])))
		})
	}
}
