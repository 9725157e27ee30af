package audit_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/store/storetest"
)

// moreTamperings are those at rest that need an index of their own: single bits,
// and signatures by keys whose time is over.
func moreTamperings() []tampering {
	bit := func(name, code string, index int64, of func(b *audit.Batch) []byte) tampering {
		return tampering{"flip a bit of " + name, code, index, func(_ *testing.T, _ *audit.Log, all []*audit.Batch) []*audit.Batch {
			raw := of(all[3])
			raw[len(raw)/2] ^= 1
			return all
		}}
	}
	return []tampering{
		bit("an entry", audit.CodeEntryHash, 11, func(b *audit.Batch) []byte { return b.Entries[1] }),
		bit("a leaf", audit.CodeEntryHash, 11, func(b *audit.Batch) []byte { return b.Leaves[1] }),
		bit("a root", audit.CodeRoot, 10, func(b *audit.Batch) []byte { return b.Root }),
		bit("a head", audit.CodeHead, 10, func(b *audit.Batch) []byte { return b.Head }),
		{"flip a bit of the ends of the chains", audit.CodeTips, 10, func(_ *testing.T, _ *audit.Log, all []*audit.Batch) []*audit.Batch {
			all[3].Tips["telford-housing"] = flipTip(all[3].Tips["telford-housing"])
			return all
		}},
		{"flip a bit of a salt", audit.CodeHeads, 19, func(_ *testing.T, _ *audit.Log, all []*audit.Batch) []*audit.Batch {
			all[6].Salts["telford-housing"] = flipHex(all[6].Salts["telford-housing"])
			return all
		}},
		{"cut a log in the middle", audit.CodeTruncated, 10, func(_ *testing.T, _ *audit.Log, all []*audit.Batch) []*audit.Batch {
			return all[:3]
		}},
		{"sign a batch again with an old session", audit.CodeExpired, 10, func(t *testing.T, l *audit.Log, all []*audit.Batch) []*audit.Batch {
			t.Helper()
			editActor(all[3], 0)
			audit.Rehash(all)
			resign(t, l, all[3:], now.Add(25*time.Hour))
			return all
		}},
	}
}

func flipHex(s string) string {
	if s[0] == '0' {
		return "1" + s[1:]
	}
	return "0" + s[1:]
}

func flipTip(tip audit.Tip) audit.Tip {
	tip.Hash = flipHex(tip.Hash)
	return tip
}

// TestFaultTamperOldLogKey: an administrator who got hold of a log key that was
// replaced introduces a session with it, in the place of an entry of the log as
// it goes on today.
func TestFaultTamperOldLogKey(t *testing.T) {
	t.Parallel()
	for _, e := range engines() {
		t.Run(e.name, func(t *testing.T) {
			h := newHouse(t)
			rotated(t, h)
			batches := batchesOf(t, h.db.Log())
			other := newHouse(t) // begins its log with the first key of h
			other.keys = h.keys
			l := other.open()
			mustAppend(t, l, request(1))
			forged, err := other.db.Log().Batch(t.Context(), 0)
			if err != nil {
				t.Fatal(err)
			}
			if err := l.Close(t.Context()); err != nil {
				t.Fatal(err)
			}
			db, admin := e.open(t)
			store := db.Log()
			copyInto(t, h, store, batches)
			last := len(batches) - 1
			at := batches[last].First
			batches[last].Entries[0] = forged.Entries[0] // the introduction, signed by the old key
			audit.Rehash(batches)
			if err := l.Resign(batches[last], now); err != nil {
				t.Fatal(err)
			}
			admin.rewrite(t, batches)
			wantProblem(t, verify(t, audit.StoreSource(store), h.vkeyOf(1), nil), audit.CodeSession, at)
			storetest.Tally(t, "tamper: sign with an old log key", e.name, 1, fmt.Sprintf("named: %s at %d", audit.CodeSession, at))
		})
	}
}

// TestFaultTamperFork has the administrator go back to an older state and let the
// gateway go on from there. What the log published since tells.
func TestFaultTamperFork(t *testing.T) {
	t.Parallel()
	h, _, batches := victim(t)
	for _, e := range engines() {
		t.Run(e.name, func(t *testing.T) {
			db, admin := e.open(t)
			store := db.Log()
			copyInto(t, h, store, batches)
			admin.rewrite(t, deepCopy(batches[:4]))
			cfg := h.config()
			cfg.Store = store
			if _, err := audit.Open(t.Context(), cfg); !fault.Is(err, fault.Unavailable) {
				t.Errorf("%s: a gateway opens a log that was cut: %v", e.name, err)
			}
			wantProblem(t, verify(t, audit.StoreSource(store), h.vkey(), nil), audit.CodeTruncated, 13)
			storetest.Tally(t, "tamper: put an older state back", e.name, 1, "refused; named: "+audit.CodeTruncated+" at 13")
		})
	}
}
