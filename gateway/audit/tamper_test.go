package audit_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"slices"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/store/sqlite"
)

// victim is a log of six batches and a seventh with the heads entry, with a
// published checkpoint, closed.
func victim(t *testing.T) (*house, *audit.Log, []*audit.Batch) {
	t.Helper()
	h := newHouse(t)
	l := h.open()
	for n := range 6 {
		mustAppend(t, l, request(n, "telford-housing", "mercia-health"))
	}
	if err := l.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	report := h.verify(nil)
	wantOK(t, report)
	if report.Entries != 20 || report.Batches != 7 {
		t.Fatalf("the log has %d entries in %d batches", report.Entries, report.Batches)
	}
	return h, l, batchesOf(t, h.db.Log())
}

func batchesOf(t *testing.T, store audit.Store) []*audit.Batch {
	t.Helper()
	var batches []*audit.Batch
	for b, err := range audit.StoreSource(store).Batches(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		batches = append(batches, b)
	}
	return batches
}

// rewritten is a new SQLite store that holds the batches, and the checkpoint of
// the old one unless it is to be left out.
func rewritten(t *testing.T, h *house, batches []*audit.Batch, checkpoint bool) audit.Store {
	t.Helper()
	db, err := sqlite.Open(t.Context(), t.TempDir()+"/data", sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	for _, b := range batches {
		if err := db.Log().InsertBatch(t.Context(), b); err != nil {
			t.Fatal(err)
		}
	}
	if size, n, err := h.db.Log().LastCheckpoint(t.Context()); err != nil {
		t.Fatal(err)
	} else if checkpoint {
		if err := db.Log().InsertCheckpoint(t.Context(), size, n); err != nil {
			t.Fatal(err)
		}
	}
	return db.Log()
}

// editActor changes who acted in an entry; the entry stays canonical.
func editActor(b *audit.Batch, i int) {
	b.Entries[i] = bytes.ReplaceAll(b.Entries[i], []byte(`"subject":"analyst-`), []byte(`"subject":"xnalyst-`))
}

func dropEntry(b *audit.Batch, i int) {
	b.Entries = slices.Delete(b.Entries, i, i+1)
	b.Leaves = slices.Delete(b.Leaves, i, i+1)
	b.Private = slices.Delete(b.Private, i, i+1)
}

// tampering is what somebody may do to a log who can write to the store, and the
// problem that Verify has to find.
type tampering struct {
	name   string
	code   string
	index  int64
	change func(t *testing.T, l *audit.Log, batches []*audit.Batch) []*audit.Batch
}

// tamperings are done to the log of victim, with and without keys. Batch 3 holds
// the entries 10 (consult), 11 (housing) and 12 (health).
func tamperings() []tampering {
	return []tampering{
		{"edit an entry", audit.CodeEntryHash, 11, func(_ *testing.T, _ *audit.Log, all []*audit.Batch) []*audit.Batch {
			editActor(all[3], 1)
			return all
		}},
		{"edit an entry and its leaf", audit.CodeRoot, 10, func(_ *testing.T, _ *audit.Log, all []*audit.Batch) []*audit.Batch {
			editActor(all[3], 2)
			roots := [][]byte{all[3].Root, all[4].Root, all[5].Root}
			audit.Rehash(all)
			all[3].Root, all[4].Root, all[5].Root = roots[0], roots[1], roots[2]
			return all
		}},
		{"edit an entry and every hash", audit.CodeHead, 10, func(_ *testing.T, _ *audit.Log, all []*audit.Batch) []*audit.Batch {
			editActor(all[3], 0)
			audit.Rehash(all)
			return all
		}},
		{"edit a root", audit.CodeRoot, 10, func(_ *testing.T, _ *audit.Log, all []*audit.Batch) []*audit.Batch {
			all[3].Root[0] ^= 1
			return all
		}},
		{"edit a leaf", audit.CodeEntryHash, 12, func(_ *testing.T, _ *audit.Log, all []*audit.Batch) []*audit.Batch {
			all[3].Leaves[2][0] ^= 1
			return all
		}},
		{"edit the ends of the chains", audit.CodeTips, 10, func(_ *testing.T, _ *audit.Log, all []*audit.Batch) []*audit.Batch {
			all[3].Tips["mercia-health"] = audit.Tip{Seq: 3, Hash: all[3].Tips["mercia-health"].Hash}
			return all
		}},
		{"delete an entry", audit.CodeHead, 10, func(_ *testing.T, _ *audit.Log, all []*audit.Batch) []*audit.Batch {
			dropEntry(all[3], 0)
			audit.Rehash(all)
			return all
		}},
		{"delete a partner's entry", audit.CodeTips, 10, func(_ *testing.T, _ *audit.Log, all []*audit.Batch) []*audit.Batch {
			dropEntry(all[3], 2)
			audit.Rehash(all)
			return all
		}},
		{"delete a batch", audit.CodeNumber, 10, func(_ *testing.T, _ *audit.Log, all []*audit.Batch) []*audit.Batch {
			return slices.Delete(all, 3, 4)
		}},
		{"delete a batch and renumber", audit.CodeHead, 10, func(_ *testing.T, _ *audit.Log, all []*audit.Batch) []*audit.Batch {
			all = slices.Delete(all, 3, 4)
			audit.Rehash(all)
			return all
		}},
		{"delete the first batch", audit.CodeNumber, 0, func(_ *testing.T, _ *audit.Log, all []*audit.Batch) []*audit.Batch {
			return all[1:]
		}},
		{"swap two entries", audit.CodeRoot, 10, func(_ *testing.T, _ *audit.Log, all []*audit.Batch) []*audit.Batch {
			b := all[3]
			b.Entries[0], b.Entries[1] = b.Entries[1], b.Entries[0]
			b.Leaves[0], b.Leaves[1] = b.Leaves[1], b.Leaves[0]
			return all
		}},
		{"swap two batches", audit.CodeFirst, 10, func(_ *testing.T, _ *audit.Log, all []*audit.Batch) []*audit.Batch {
			all[3].N, all[4].N = 4, 3
			return all
		}},
		{"swap two batches and renumber", audit.CodeHead, 10, func(_ *testing.T, _ *audit.Log, all []*audit.Batch) []*audit.Batch {
			all[3], all[4] = all[4], all[3]
			audit.Rehash(all)
			return all
		}},
		{"insert an entry", audit.CodeHead, 10, func(_ *testing.T, _ *audit.Log, all []*audit.Batch) []*audit.Batch {
			all[3].Entries = append(all[3].Entries, all[2].Entries[0])
			all[3].Private = append(all[3].Private, all[2].Private[0])
			audit.Rehash(all)
			return all
		}},
		{"insert a batch", audit.CodeHead, 20, func(_ *testing.T, _ *audit.Log, all []*audit.Batch) []*audit.Batch {
			more := *all[5]
			all = append(all, &more)
			audit.Rehash(all)
			return all
		}},
		{"cut off the last batch", audit.CodeTruncated, 16, func(_ *testing.T, _ *audit.Log, all []*audit.Batch) []*audit.Batch {
			return all[:5]
		}},
		{"cut off everything", audit.CodeTruncated, 0, func(*testing.T, *audit.Log, []*audit.Batch) []*audit.Batch {
			return nil
		}},
		{"sign again with a key of one's own", audit.CodeWriter, 10, func(t *testing.T, _ *audit.Log, all []*audit.Batch) []*audit.Batch {
			t.Helper()
			signer := foreignSigner(t)
			for _, b := range all[3:] {
				n, err := note.Sign(&note.Note{Text: textOf(b.Head)}, signer)
				if err != nil {
					t.Fatal(err)
				}
				b.Head, b.Writer = n, signer.Name()
			}
			return all
		}},
		{"sign again with a session of one's own", audit.CodeSession, 10, func(t *testing.T, _ *audit.Log, all []*audit.Batch) []*audit.Batch {
			t.Helper()
			all[3].Entries[0] = forgedSession(t)
			audit.Rehash(all)
			return all
		}},
		{"put a head of another batch", audit.CodeHead, 10, func(_ *testing.T, _ *audit.Log, all []*audit.Batch) []*audit.Batch {
			all[3].Head = all[2].Head
			return all
		}},
		{"a gateway that drops a partner's entry", audit.CodeChain, 14, func(t *testing.T, l *audit.Log, all []*audit.Batch) []*audit.Batch {
			t.Helper()
			dropEntry(all[3], 2)
			all[3].Tips["mercia-health"] = all[2].Tips["mercia-health"]
			audit.Rehash(all)
			resign(t, l, all, now)
			return all
		}},
		{"a gateway that logs for a partner twice", audit.CodeChain, 13, func(t *testing.T, l *audit.Log, all []*audit.Batch) []*audit.Batch {
			t.Helper()
			all[3].Entries = append(all[3].Entries, all[3].Entries[2])
			all[3].Private = append(all[3].Private, all[3].Private[2])
			audit.Rehash(all)
			resign(t, l, all, now)
			return all
		}},
		{"a gateway that rewrites history", audit.CodeFork, 0, func(t *testing.T, l *audit.Log, all []*audit.Batch) []*audit.Batch {
			t.Helper()
			editActor(all[5], 0)
			audit.Rehash(all)
			resign(t, l, all, now)
			return all
		}},
		{"a gateway that signs with an old session", audit.CodeExpired, 0, func(t *testing.T, l *audit.Log, all []*audit.Batch) []*audit.Batch {
			t.Helper()
			resign(t, l, all, now.Add(25*time.Hour))
			return all
		}},
	}
}

// TestInvariant04Tampering holds Verify to finding each tampering, at the entry
// where it can be told.
func TestInvariant04Tampering(t *testing.T) {
	for _, c := range tamperings() {
		t.Run(c.name, func(t *testing.T) {
			h, l, batches := victim(t)
			store := rewritten(t, h, c.change(t, l, batches), true)
			wantProblem(t, verify(t, audit.StoreSource(store), h.vkey(), nil), c.code, c.index)
		})
	}
}

// wantProblem fails unless the report has a problem with the code at the index,
// and none before it.
func wantProblem(t *testing.T, r audit.Report, code string, index int64) {
	t.Helper()
	found := slices.ContainsFunc(r.Problems, func(p audit.Problem) bool { return p.Code == code && p.Index == index })
	if r.OK || r.FirstBad == nil || !found {
		t.Fatalf("want %q at %d: %+v", code, index, r)
	}
}

func resign(t *testing.T, l *audit.Log, batches []*audit.Batch, at time.Time) {
	t.Helper()
	for _, b := range batches {
		if err := l.Resign(b, at); err != nil {
			t.Fatal(err)
		}
	}
}

func textOf(head []byte) string {
	text, _, _ := bytes.Cut(head, []byte("\n\n"))
	return string(text) + "\n"
}

func foreignSigner(t *testing.T) note.Signer {
	t.Helper()
	skey, _, err := note.GenerateKey(nil, origin+"/batch/0123456789abcdef")
	if err != nil {
		t.Fatal(err)
	}
	signer, err := note.NewSigner(skey)
	if err != nil {
		t.Fatal(err)
	}
	return signer
}

// forgedSession introduces a session that another key than the log's vouches
// for.
func forgedSession(t *testing.T) []byte {
	t.Helper()
	pub, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	name := origin + "/batch/0123456789abcdef"
	vkey, err := audit.VKey(name, pub)
	if err != nil {
		t.Fatal(err)
	}
	until := audit.FormatTime(now.Add(time.Hour))
	message := "concord session key v1\n" + origin + "\n" + vkey + "\n" + until + "\n"
	text, err := audit.Canonical(audit.Entry{
		Action: audit.Admin, RequestID: name, Time: audit.FormatTime(now), V: 1,
		Actor: audit.Actor{Agency: origin, Subject: "log", Roles: []string{}},
		Admin: map[string]string{
			"kind": "session", "vkey": vkey, "expires": until,
			"countersignature": base64.StdEncoding.EncodeToString(ed25519.Sign(key, []byte(message))),
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestInvariant04OldCheckpoint: with the checkpoint that somebody kept, cutting
// off and forking are found even when the store's own checkpoints went along.
func TestInvariant04OldCheckpoint(t *testing.T) {
	h, l, batches := victim(t)
	kept, err := l.Checkpoint(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	cut := rewritten(t, h, batches[:4], false)
	wantOK(t, verify(t, audit.StoreSource(cut), h.vkey(), nil)) // nothing else can tell
	wantProblem(t, verify(t, audit.StoreSource(cut), h.vkey(), kept), audit.CodeTruncated, 13)

	// The gateway itself goes on from the shortened log: a fork.
	cfg := h.config()
	cfg.Store = cut
	fork, err := audit.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	for n := range 5 {
		mustAppend(t, fork, request(100+n))
	}
	if err := fork.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantOK(t, verify(t, audit.StoreSource(cut), h.vkey(), nil))
	report := verify(t, audit.StoreSource(cut), h.vkey(), kept)
	wantProblem(t, report, audit.CodeFork, 0)
	if report.Size < 19 {
		t.Errorf("the fork has %d entries", report.Size)
	}

	// A checkpoint that the log key has not signed proves nothing.
	forged := bytes.Replace(kept, []byte("20\n"), []byte("19\n"), 1)
	wantProblem(t, h.verify(forged), audit.CodeCheckpoint, 0)
	wantOK(t, h.verify(kept))
}
