package audit_test

import (
	"bytes"
	"crypto"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"testing"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/fault"
)

// TestHeadsBeforeEachCheckpoint: every published checkpoint ends with a heads
// entry that commits to the end of each provider's chain as it was then, and a
// log that has not grown gets neither.
func TestHeadsBeforeEachCheckpoint(t *testing.T) {
	h := newHouse(t)
	l := h.open()
	for n, providers := range [][]string{{}, {"telford-housing"}, {"mercia-health", "telford-housing"}, {"mercia-health"}} {
		mustAppend(t, l, request(n, providers...))
		for range 2 {
			if err := l.Publish(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		size, _, err := h.db.Log().LastCheckpoint(t.Context())
		if err != nil || size != l.Size() {
			t.Fatalf("published %d of %d entries (%v)", size, l.Size(), err)
		}
		last, err := h.db.Log().LastBatch(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		e, _, err := l.Entry(t.Context(), size-1)
		if err != nil || e.Action != audit.Heads || len(e.Heads) != len(last.Tips) || len(last.Salts) != len(last.Tips) {
			t.Fatalf("the checkpoint ends with %+v (%v)", e, err)
		}
		for provider := range last.Tips {
			if e.Heads[audit.HeadsLabel(provider)] == "" {
				t.Errorf("nothing is committed to for %s", provider)
			}
		}
	}
	wantOK(t, h.verify(nil))
}

// TestOpening: what a provider is given proves the end of its chain and nothing
// about another's.
func TestOpening(t *testing.T) {
	h := newHouse(t)
	l := h.open()
	mustAppend(t, l, request(0, "telford-housing", "mercia-health"))
	if _, err := l.Opening(t.Context(), "telford-housing"); !fault.Is(err, fault.Conflict) {
		t.Errorf("an opening before publication: %v", err)
	}
	mustAppend(t, l, request(1, "telford-housing"))
	if err := l.Publish(t.Context()); err != nil {
		t.Fatal(err)
	}
	mustAppend(t, l, request(2, "telford-housing")) // not published: not in the opening
	for provider, seq := range map[string]int64{"telford-housing": 2, "mercia-health": 1, "severn-homes": 0} {
		o, err := l.Opening(t.Context(), provider)
		if err != nil {
			t.Fatal(err)
		}
		if o.Provider != provider || o.Seq != seq || (o.Salt == "") != (seq == 0) {
			t.Errorf("%s: %+v", provider, o)
		}
		n, err := note.Open([]byte(o.Checkpoint), logVerifiers(t, h))
		if err != nil {
			t.Fatal(err)
		}
		tree := parseTree(t, n.Text, origin)
		text, err := audit.Canonical(o.Entry)
		if err != nil {
			t.Fatal(err)
		}
		leaf := sha256.Sum256(text)
		if err := tlog.CheckRecord(decodeProof(t, o.Proof), tree.N, tree.Hash, o.Index, tlog.RecordHash(leaf[:])); err != nil || o.Index != tree.N-1 {
			t.Errorf("%s: the heads entry is not proven: %v", provider, err)
		}
		raw, err := json.Marshal(o)
		if err != nil {
			t.Fatal(err)
		}
		for _, other := range []string{"telford-housing", "mercia-health"} {
			if other != provider && bytes.Contains(raw, []byte(other)) {
				t.Errorf("the opening for %s names %s", provider, other)
			}
		}
	}
}

// TestInvariant04Heads spoils heads entries in the ways that only the gateway
// itself could, which signs them: each is found, at the heads entry.
func TestInvariant04Heads(t *testing.T) {
	for name, change := range map[string]func(*audit.Entry, *audit.Batch){
		"an end is another":      func(_ *audit.Entry, b *audit.Batch) { swapSalts(b) },
		"a salt is gone":         func(_ *audit.Entry, b *audit.Batch) { delete(b.Salts, "mercia-health") },
		"all salts are gone":     func(_ *audit.Entry, b *audit.Batch) { b.Salts = nil },
		"a salt is no salt":      func(_ *audit.Entry, b *audit.Batch) { b.Salts["mercia-health"] = "00" },
		"a provider is left out": func(e *audit.Entry, _ *audit.Batch) { delete(e.Heads, audit.HeadsLabel("mercia-health")) },
		"a provider is added": func(e *audit.Entry, b *audit.Batch) {
			e.Heads[audit.HeadsLabel("nobody")] = e.Heads[audit.HeadsLabel("mercia-health")]
			b.Salts["nobody"] = b.Salts["mercia-health"]
		},
		"a provider is another": func(e *audit.Entry, _ *audit.Batch) {
			e.Heads[audit.HeadsLabel("nobody")] = e.Heads[audit.HeadsLabel("mercia-health")]
			delete(e.Heads, audit.HeadsLabel("mercia-health"))
		},
		"a commitment is to something else": func(e *audit.Entry, _ *audit.Batch) {
			e.Heads[audit.HeadsLabel("mercia-health")] = e.Heads[audit.HeadsLabel("telford-housing")]
		},
	} {
		t.Run(name, func(t *testing.T) {
			h, l, batches := victim(t)
			b := batches[6]
			e := entryOf(t, b, 0)
			e.Heads = maps.Clone(e.Heads)
			change(&e, b)
			text, err := audit.Canonical(e)
			if err != nil {
				t.Fatal(err)
			}
			b.Entries[0] = text
			audit.Rehash(batches)
			resign(t, l, batches, now)
			wantProblem(t, verify(t, sliceSource(batches), h.vkey(), nil), audit.CodeHeads, 19)
		})
	}
	t.Run("a checkpoint without heads", func(t *testing.T) {
		h, _, batches := victim(t)
		checkpoint := signCheckpoint(t, h, 19, batches[5].Root)
		wantProblem(t, h.verify(checkpoint), audit.CodeHeads, 18)
	})
	t.Run("heads before the end of a batch", func(t *testing.T) {
		h, l, batches := victim(t)
		b := batches[6]
		b.Entries = append(b.Entries, b.Entries[0])
		b.Private = append(b.Private, b.Private[0])
		audit.Rehash(batches)
		resign(t, l, batches, now)
		wantProblem(t, verify(t, sliceSource(batches), h.vkey(), nil), audit.CodeHeads, 19)
	})
}

// TestOnlyTheLogWritesHeads: no caller does, nor hands over keys.
func TestOnlyTheLogWritesHeads(t *testing.T) {
	l := newHouse(t).open()
	for _, d := range []audit.Draft{
		{Action: audit.Heads},
		{Action: audit.Admin, Admin: map[string]string{"kind": "session"}},
		{Action: audit.Admin, Admin: map[string]string{"kind": "log-key"}},
	} {
		r := request(0)
		r.Drafts = []audit.Draft{d}
		if _, err := l.Append(t.Context(), r); !fault.Is(err, fault.Invalid) {
			t.Errorf("%+v: %v", d, err)
		}
	}
}

func swapSalts(b *audit.Batch) {
	b.Salts["mercia-health"], b.Salts["telford-housing"] = b.Salts["telford-housing"], b.Salts["mercia-health"]
}

func entryOf(t *testing.T, b *audit.Batch, i int) audit.Entry {
	t.Helper()
	var e audit.Entry
	if err := json.Unmarshal(b.Entries[i], &e); err != nil {
		t.Fatal(err)
	}
	return e
}

// signCheckpoint signs a checkpoint with the log key of a house.
func signCheckpoint(t *testing.T, h *house, size int64, root []byte) []byte {
	t.Helper()
	text := fmt.Sprintf("%s\n%d\n%s\n", origin, size, tlog.Hash(root))
	return signNote(t, text, logSigner(t, h, "log"))
}

func signNote(t *testing.T, text string, signer note.Signer) []byte {
	t.Helper()
	n, err := note.Sign(&note.Note{Text: text}, signer)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// logSigner signs notes with a key of a house's keyring under the log's name.
func logSigner(t *testing.T, h *house, key string) note.Signer {
	t.Helper()
	signer, err := h.keys.Signer(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	vkey, err := audit.VKey(origin, signer.Public())
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		t.Fatal(err)
	}
	return keySigner{verifier, signer}
}

type keySigner struct {
	note.Verifier

	key crypto.Signer
}

func (s keySigner) Sign(msg []byte) ([]byte, error) { return s.key.Sign(nil, msg, crypto.Hash(0)) }
