package storetest

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/fault"
)

// Log holds a store against the port audit.Store.
func Log(t *testing.T, open func(t *testing.T) audit.Store) {
	t.Helper()
	for _, c := range []struct {
		name string
		test func(*testing.T, audit.Store)
	}{
		{"Empty", logEmpty},
		{"BatchesAsTheyWere", logRoundTrip},
		{"LargeBatch", logLarge},
		{"TakenNumber", logTaken},
		{"OneWinner", logOneWinner},
		{"BatchOfEntry", logBatchOf},
		{"Invalid", logInvalid},
		{"SearchFields", logSearch},
		{"SearchPages", logSearchPages},
		{"SearchExact", logSearchExact},
		{"SearchTimes", logSearchTimes},
		{"Reindex", logReindex},
		{"Tiles", logTiles},
		{"Checkpoints", logCheckpoints},
		{"Cancelled", logCancelled},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, open(t)) })
	}
}

// logEntry is an entry as the log would write it, of which a few parts matter.
type logEntry struct {
	action                                          audit.Action
	actor, agency, provider, purpose, request, time string
}

func (e logEntry) bytes(t *testing.T) []byte {
	t.Helper()
	text, err := audit.Canonical(audit.Entry{
		Action: e.action, Actor: audit.Actor{Agency: e.agency, Subject: e.actor, Roles: []string{"analyst"}},
		Provider: e.provider, Purpose: e.purpose, RequestID: e.request, Time: e.time, V: 1,
	})
	must(t, err)
	return text
}

// logBatch is batch n, which begins at entry first. The store is not asked to
// understand roots, tips and heads.
func logBatch(t *testing.T, n, first int64, entries ...logEntry) *audit.Batch {
	t.Helper()
	b := &audit.Batch{
		N: n, First: first, Size: first + int64(len(entries)), Root: digest("root", n), Writer: "writer",
		Tips: map[string]audit.Tip{"telford-housing": {Seq: n + 1, Hash: hex.EncodeToString(digest("tip", n))}},
		Head: []byte(fmt.Sprintf("head %d\n\n\u2014 key signature\n", n)),
	}
	for i, e := range entries {
		text := e.bytes(t)
		sum := sha256.Sum256(text)
		b.Entries = append(b.Entries, text)
		b.Leaves = append(b.Leaves, sum[:])
		b.Private = append(b.Private, digest("private", n, i))
	}
	return b
}

func digest(parts ...any) []byte {
	sum := ref(parts...)
	return sum[:]
}

// consults are n entries that differ in their request alone.
func consults(n int) []logEntry {
	entries := make([]logEntry, n)
	for i := range entries {
		entries[i] = logEntry{
			action: audit.Consult, actor: "a", agency: "police", purpose: "p",
			request: fmt.Sprint("request ", i), time: "2026-11-03T10:00:00.000000Z",
		}
	}
	return entries
}

func wantBatch(t *testing.T, want, got *audit.Batch, err error) {
	t.Helper()
	must(t, err)
	if diff := cmp.Diff(want, got, cmp.Comparer(bytes.Equal)); diff != "" {
		t.Errorf("batch (-want +got):\n%s", diff)
	}
}

func logEmpty(t *testing.T, s audit.Store) {
	_, err := s.Batch(t.Context(), 0)
	wantKind(t, err, fault.NotFound)
	_, err = s.LastBatch(t.Context())
	wantKind(t, err, fault.NotFound)
	_, err = s.BatchOf(t.Context(), 0)
	wantKind(t, err, fault.NotFound)
	_, err = s.Tile(t.Context(), 0, 0)
	wantKind(t, err, fault.NotFound)
	_, _, err = s.LastCheckpoint(t.Context())
	wantKind(t, err, fault.NotFound)
	wantFound(t, s, audit.Query{})
	must(t, s.Reindex(t.Context()))
}

func logRoundTrip(t *testing.T, s audit.Store) {
	first := logBatch(t, 0, 0, consults(3)...)
	second := logBatch(t, 1, 3, consults(1)...)
	second.Tips = map[string]audit.Tip{}
	second.Salts = map[string]string{"telford-housing": "00ff", "mercia-health": ""}
	must(t, s.InsertBatch(t.Context(), first))
	got, err := s.LastBatch(t.Context())
	wantBatch(t, first, got, err)
	must(t, s.InsertBatch(t.Context(), second))
	got, err = s.Batch(t.Context(), 0)
	wantBatch(t, first, got, err)
	got, err = s.Batch(t.Context(), 1)
	wantBatch(t, second, got, err)
	got, err = s.LastBatch(t.Context())
	wantBatch(t, second, got, err)
	_, err = s.Batch(t.Context(), 2)
	wantKind(t, err, fault.NotFound)
	_, err = s.Batch(t.Context(), -1)
	wantKind(t, err, fault.NotFound)
}

// logLarge has as many entries, and as many bytes, as a batch ever has.
func logLarge(t *testing.T, s audit.Store) {
	want := logBatch(t, 0, 0, consults(512)...)
	for i := range want.Private {
		want.Private[i] = append(want.Private[i], make([]byte, 7000)...)
	}
	must(t, s.InsertBatch(t.Context(), want))
	got, err := s.LastBatch(t.Context())
	wantBatch(t, want, got, err)
	found, err := s.Search(t.Context(), audit.Query{Limit: 1000})
	must(t, err)
	if len(found) != 512 || found[0] != 511 || found[511] != 0 {
		t.Errorf("found %d entries", len(found))
	}
}

func logTaken(t *testing.T, s audit.Store) {
	first := logBatch(t, 0, 0, consults(2)...)
	must(t, s.InsertBatch(t.Context(), first))
	other := logBatch(t, 0, 0, consults(1)...)
	other.Writer = "another writer"
	for range 2 {
		wantKind(t, s.InsertBatch(t.Context(), other), fault.Conflict)
		wantKind(t, s.InsertBatch(t.Context(), first), fault.Conflict)
	}
	got, err := s.Batch(t.Context(), 0)
	wantBatch(t, first, got, err)
	wantFound(t, s, audit.Query{}, 1, 0)
}

// logOneWinner lets writers race for each number: exactly one may be told that
// it won, and its batch is the one stored.
func logOneWinner(t *testing.T, s audit.Store) {
	const writers, batches = 6, 12
	var mu sync.Mutex
	won := make([][]string, batches)
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for n := range batches {
				b := logBatch(t, int64(n), int64(n), consults(1)...)
				b.Writer = fmt.Sprint("writer ", w)
				err := s.InsertBatch(t.Context(), b)
				if err == nil {
					mu.Lock()
					won[n] = append(won[n], b.Writer)
					mu.Unlock()
				} else if !fault.Is(err, fault.Conflict) {
					t.Errorf("batch %d: %v", n, err)
				}
			}
		})
	}
	wg.Wait()
	for n, winners := range won {
		got, err := s.Batch(t.Context(), int64(n))
		must(t, err)
		if len(winners) != 1 || got.Writer != winners[0] {
			t.Errorf("batch %d was won by %v and is of %q", n, winners, got.Writer)
		}
	}
}

func logBatchOf(t *testing.T, s audit.Store) {
	sizes := []int{1, 3, 2}
	first := int64(0)
	for n, size := range sizes {
		must(t, s.InsertBatch(t.Context(), logBatch(t, int64(n), first, consults(size)...)))
		first += int64(size)
	}
	for index, want := range []int64{0, 1, 1, 1, 2, 2} {
		got, err := s.BatchOf(t.Context(), int64(index))
		must(t, err)
		if got.N != want {
			t.Errorf("entry %d is in batch %d, want %d", index, got.N, want)
		}
	}
	for _, index := range []int64{-1, 6, 1 << 40} {
		_, err := s.BatchOf(t.Context(), index)
		wantKind(t, err, fault.NotFound)
	}
}

// logInvalid has batches that no log makes; nothing of them may be stored.
func logInvalid(t *testing.T, s audit.Store) {
	for name, spoil := range map[string]func(*audit.Batch){
		"no entries":        func(b *audit.Batch) { b.Entries, b.Leaves, b.Private, b.Size = nil, nil, nil, b.First },
		"leaves missing":    func(b *audit.Batch) { b.Leaves = b.Leaves[:1] },
		"private missing":   func(b *audit.Batch) { b.Private = nil },
		"size does not fit": func(b *audit.Batch) { b.Size++ },
		"entry is not JSON": func(b *audit.Batch) { b.Entries[1] = []byte("{") },
		"entry is not ours": func(b *audit.Batch) { b.Entries[1] = []byte(`{"b":1,"a":2}`) },
	} {
		b := logBatch(t, 0, 0, consults(2)...)
		spoil(b)
		if err := s.InsertBatch(t.Context(), b); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err := s.LastBatch(t.Context())
	wantKind(t, err, fault.NotFound)
	wantFound(t, s, audit.Query{})
}

func logTiles(t *testing.T, s audit.Store) {
	const tile = 8192
	data := make([]byte, tile)
	for i := range data {
		data[i] = byte(i * 7)
	}
	must(t, s.InsertTile(t.Context(), 0, 3, data))
	must(t, s.InsertTile(t.Context(), 1, 3, make([]byte, tile)))
	// There already: no error, and no change.
	must(t, s.InsertTile(t.Context(), 0, 3, data))
	must(t, s.InsertTile(t.Context(), 0, 3, make([]byte, tile)))
	got, err := s.Tile(t.Context(), 0, 3)
	must(t, err)
	if diff := cmp.Diff(data, got); diff != "" {
		t.Error("the tile is not what was stored")
	}
	for _, at := range [][2]int64{{0, 2}, {0, 4}, {2, 3}} {
		_, err := s.Tile(t.Context(), int(at[0]), at[1])
		wantKind(t, err, fault.NotFound)
	}
}

func logCheckpoints(t *testing.T, s audit.Store) {
	want := func(size int64, note string) {
		t.Helper()
		gotSize, gotNote, err := s.LastCheckpoint(t.Context())
		must(t, err)
		if gotSize != size || string(gotNote) != note {
			t.Errorf("the last checkpoint is %d %q, want %d %q", gotSize, gotNote, size, note)
		}
	}
	must(t, s.InsertCheckpoint(t.Context(), 9, []byte("nine")))
	want(9, "nine")
	must(t, s.InsertCheckpoint(t.Context(), 10, []byte("ten\u2014\n")))
	must(t, s.InsertCheckpoint(t.Context(), 2, []byte("two")))
	want(10, "ten\u2014\n")
	wantKind(t, s.InsertCheckpoint(t.Context(), 10, []byte("ten\u2014\n")), fault.Conflict)
	wantKind(t, s.InsertCheckpoint(t.Context(), 10, []byte("other")), fault.Conflict)
	want(10, "ten\u2014\n")
}

// logCancelled has callers that gave up before they asked.
func logCancelled(t *testing.T, s audit.Store) {
	must(t, s.InsertBatch(t.Context(), logBatch(t, 0, 0, consults(1)...)))
	ctx := cancelled(t)
	_, err := s.LastBatch(ctx)
	wantKind(t, err, fault.Unavailable)
	_, err = s.Search(ctx, audit.Query{})
	wantKind(t, err, fault.Unavailable)
	wantKind(t, s.InsertBatch(ctx, logBatch(t, 1, 1, consults(1)...)), fault.Unavailable)
	_, err = s.Batch(t.Context(), 1)
	wantKind(t, err, fault.NotFound)
}
