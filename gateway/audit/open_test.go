package audit_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/store/sqlite"
)

// TestOpenRefuses has stores whose end does not fit together.
func TestOpenRefuses(t *testing.T) {
	for name, change := range map[string]func([]*audit.Batch) []*audit.Batch{
		"cut off":  func(all []*audit.Batch) []*audit.Batch { return all[:5] },
		"empty":    func([]*audit.Batch) []*audit.Batch { return nil },
		"root":     func(all []*audit.Batch) []*audit.Batch { all[6].Root[0] ^= 1; return all },
		"head":     func(all []*audit.Batch) []*audit.Batch { all[6].Head = all[5].Head; return all },
		"unsigned": func(all []*audit.Batch) []*audit.Batch { all[6].Head = []byte("x"); return all },
		"writer":   func(all []*audit.Batch) []*audit.Batch { all[6].Writer = origin + "/batch/0"; return all },
		"tips":     func(all []*audit.Batch) []*audit.Batch { delete(all[6].Tips, "mercia-health"); return all },
		"salts":    func(all []*audit.Batch) []*audit.Batch { delete(all[6].Salts, "mercia-health"); return all },
		"an entry": func(all []*audit.Batch) []*audit.Batch {
			all[6].Entries[0] = bytes.Replace(all[6].Entries[0], []byte(`"subject":"log"`), []byte(`"subject":"xog"`), 1)
			return all
		},
		"a leaf before it":  func(all []*audit.Batch) []*audit.Batch { all[2].Leaves[0][0] ^= 1; return all },
		"all hashes anew":   func(all []*audit.Batch) []*audit.Batch { editActor(all[2], 0); audit.Rehash(all); return all },
		"a missing batch":   func(all []*audit.Batch) []*audit.Batch { return append(all[:2], all[3:]...) },
		"a last batch more": func(all []*audit.Batch) []*audit.Batch { more := *all[6]; more.N++; return append(all, &more) },
	} {
		t.Run(name, func(t *testing.T) {
			h, _, batches := victim(t)
			cfg := h.config()
			cfg.Store = rewritten(t, h, change(batches), true)
			l, err := audit.Open(t.Context(), cfg)
			var f *fault.Error
			if name == "a last batch more" && err == nil {
				_ = l.Close(context.Background())
			}
			if !errors.As(err, &f) || f.Kind != fault.Unavailable {
				t.Errorf("opened: %v", err)
			}
		})
	}
}

// TestOpenRefusesFork: the gateway's own keys signed it, but not the checkpoint
// that is published.
func TestOpenRefusesFork(t *testing.T) {
	h, l, batches := victim(t)
	editActor(batches[5], 0)
	audit.Rehash(batches)
	resign(t, l, batches, now)
	cfg := h.config()
	cfg.Store = rewritten(t, h, batches, true)
	if _, err := audit.Open(t.Context(), cfg); !fault.Is(err, fault.Unavailable) {
		t.Errorf("opened: %v", err)
	}
}

func TestOpenConfig(t *testing.T) {
	h := newHouse(t)
	for _, name := range []string{"", "a b", "a+b", "a\nb", "\xff"} {
		cfg := h.config()
		cfg.Origin = name
		if _, err := audit.Open(t.Context(), cfg); !fault.Is(err, fault.Invalid) {
			t.Errorf("origin %q: %v", name, err)
		}
	}
	keys := newHouse(t).keys
	if err := keys.Close(); err != nil {
		t.Fatal(err)
	}
	cfg := h.config()
	cfg.Keys = keys
	if _, err := audit.Open(t.Context(), cfg); !fault.Is(err, fault.Unavailable) {
		t.Errorf("without keys: %v", err)
	}
}

// longLog is a log of more than two complete tiles, in batches of many sizes,
// closed.
func longLog(tb testing.TB, h *house, entries int) {
	tb.Helper()
	l := h.open()
	for n := 0; int(l.Size()) < entries; n++ {
		r := request(n)
		r.Time = now.Add(-48 * time.Hour)
		for len(r.Drafts) < min(1+n*7%500, entries-int(l.Size())) {
			r.Drafts = append(r.Drafts, disclosure("telford-housing"))
		}
		mustAppend(tb, l, r)
	}
	if err := l.Close(tb.Context()); err != nil {
		tb.Fatal(err)
	}
}

// TestReopen goes on with a log that has complete tiles, after tiles and search
// rows were lost.
func TestReopen(t *testing.T) {
	h := newHouse(t)
	longLog(t, h, 1200)
	raw, err := sql.Open("sqlite", filepath.Join(h.dir, "data", sqlite.FileName))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = raw.Close() }()
	var tiles int
	if err := raw.QueryRow("SELECT count(*) FROM audit_tiles").Scan(&tiles); err != nil || tiles != 4 {
		t.Fatalf("%d tiles are stored, want 4 (%v)", tiles, err)
	}
	if _, err := raw.Exec("DROP TRIGGER audit_tiles_no_delete; DELETE FROM audit_tiles WHERE n > 0; DELETE FROM audit_terms; DELETE FROM audit_spans"); err != nil {
		t.Fatal(err)
	}
	l := h.open()
	if l.Size() != 1201 { // closing added a heads entry
		t.Errorf("%d entries", l.Size())
	}
	receipt := mustAppend(t, l, request(9999))
	if receipt.First != 1202 { // a session came first
		t.Errorf("went on at %d", receipt.First)
	}
	checkReceipt(t, h, l, receipt)
	for _, index := range []int64{0, 255, 256, 700, 1199} {
		checkInclusion(t, h, l, index)
	}
	if err := raw.QueryRow("SELECT count(*) FROM audit_tiles").Scan(&tiles); err != nil || tiles != 4 {
		t.Errorf("%d tiles are stored again, want 4 (%v)", tiles, err)
	}
	if err := h.db.Log().Reindex(t.Context()); err != nil {
		t.Fatal(err)
	}
	found, err := l.Search(t.Context(), audit.Query{RequestID: "request-000003"})
	if err != nil || len(found) != 22 {
		t.Errorf("%d entries are found after reindexing (%v)", len(found), err)
	}
	wantOK(t, h.verify(nil))
}

// checkInclusion checks a proof as its holder would, with the log key alone.
func checkInclusion(t *testing.T, h *house, l *audit.Log, index int64) {
	t.Helper()
	p, err := l.Proof(t.Context(), index)
	if err != nil {
		t.Fatalf("entry %d: %v", index, err)
	}
	n, err := note.Open([]byte(p.Checkpoint), logVerifiers(t, h))
	if err != nil {
		t.Fatal(err)
	}
	tree := parseTree(t, n.Text, origin)
	_, raw, err := l.Entry(t.Context(), index)
	if err != nil {
		t.Fatal(err)
	}
	leaf := sha256.Sum256(raw)
	err = tlog.CheckRecord(decodeProof(t, p.Hashes), tree.N, tree.Hash, index, tlog.RecordHash(leaf[:]))
	if err != nil || p.Size != tree.N || p.Index != index {
		t.Fatalf("entry %d: %v %+v", index, err, p)
	}
}

// TestOpenAmongGateways opens a gateway where another one wrote the last batch
// than writes the next: it knows neither's session from the time before it.
func TestOpenAmongGateways(t *testing.T) {
	h := newHouse(t)
	first, second := h.open(), h.open()
	mustAppend(t, first, request(0, "telford-housing"))
	mustAppend(t, second, request(1, "telford-housing"))
	third := h.open()
	mustAppend(t, first, request(2, "telford-housing"))
	mustAppend(t, third, request(3, "telford-housing"))
	mustAppend(t, second, request(4, "telford-housing"))
	mustAppend(t, third, request(5, "telford-housing"))
	wantOK(t, h.verify(nil))
}

// TestPublication: an entry can be proven once a checkpoint covers it, and every
// checkpoint contains the one before.
func TestPublication(t *testing.T) {
	h := newHouse(t)
	l := h.open()
	if _, err := l.Checkpoint(t.Context()); !fault.Is(err, fault.NotFound) {
		t.Errorf("checkpoint of an empty log: %v", err)
	}
	if err := l.Publish(t.Context()); err != nil {
		t.Fatal(err)
	}
	var last *note.Note
	for n := range 5 {
		receipt := mustAppend(t, l, request(n))
		_, err := l.Proof(t.Context(), receipt.First)
		var f *fault.Error
		if !errors.As(err, &f) || f.Kind != fault.Conflict || f.Code != "not-yet-published" || f.RetryAfter <= 0 {
			t.Errorf("proof before publication: %v", err)
		}
		for range 2 {
			if err := l.Publish(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		checkInclusion(t, h, l, receipt.First)
		checkpoint, err := l.Checkpoint(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		opened, err := note.Open(checkpoint, logVerifiers(t, h))
		if err != nil {
			t.Fatal(err)
		}
		if last != nil {
			checkConsistency(t, l, parseTree(t, last.Text, origin), parseTree(t, opened.Text, origin))
		}
		last = opened
	}
	if _, err := l.Proof(t.Context(), 99); !fault.Is(err, fault.NotFound) {
		t.Errorf("proof of no entry: %v", err)
	}
	for _, c := range []struct {
		older, newer int64
		kind         fault.Kind
	}{{0, 3, fault.Invalid}, {3, 2, fault.Invalid}, {2, 99, fault.Conflict}} {
		if _, err := l.Consistency(t.Context(), c.older, c.newer); !fault.Is(err, c.kind) {
			t.Errorf("consistency of %d and %d: %v", c.older, c.newer, err)
		}
	}
	if p, err := l.Consistency(t.Context(), 2, 0); err != nil || p.New != 11 {
		t.Errorf("consistency with the newest: %+v %v", p, err)
	}
}

func checkConsistency(t *testing.T, l *audit.Log, older, newer tlog.Tree) {
	t.Helper()
	p, err := l.Consistency(t.Context(), older.N, newer.N)
	if err != nil {
		t.Fatal(err)
	}
	if err := tlog.CheckTree(decodeProof(t, p.Hashes), newer.N, newer.Hash, older.N, older.Hash); err != nil {
		t.Errorf("%d to %d: %v", older.N, newer.N, err)
	}
}

// TestPublishesByItself waits for the publisher.
func TestPublishesByItself(t *testing.T) {
	h := newHouse(t)
	watch := &watchedStore{Store: h.db.Log(), published: make(chan int64, 16)}
	l := h.open(func(c *audit.Config) { c.Store, c.CheckpointEvery = watch, time.Millisecond })
	mustAppend(t, l, request(0))
	if size := <-watch.published; size != 3 {
		t.Errorf("published at %d entries", size)
	}
	checkInclusion(t, h, l, 1)
}

// watchedStore tells of every checkpoint that is stored.
type watchedStore struct {
	audit.Store

	published chan int64
}

func (s *watchedStore) InsertCheckpoint(ctx context.Context, size int64, n []byte) error {
	err := s.Store.InsertCheckpoint(ctx, size, n)
	if err == nil {
		s.published <- size
	}
	return err
}
