package audit_test

import (
	"bytes"
	"context"
	"database/sql"
	"slices"
	"testing"

	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/store/sqlite"
)

// TestInvariant04EveryByte changes, adds and removes every single byte of every
// entry of a small log, on the way from the store: each is found, at its entry.
func TestInvariant04EveryByte(t *testing.T) {
	h := newHouse(t)
	l := h.open()
	r := request(1, "telford-housing")
	r.Drafts[1].Withheld = nil
	mustAppend(t, l, r)
	batches := batchesOf(t, h.db.Log())
	b := batches[0]
	vkey := h.vkey()
	for i, entry := range b.Entries {
		for at := range entry {
			for name, mangled := range map[string][]byte{
				"one bit":    flip(entry, at, 1<<(at%8)),
				"removed":    slices.Delete(slices.Clone(entry), at, at+1),
				"duplicated": slices.Insert(slices.Clone(entry), at, entry[at]),
			} {
				if name != "one bit" && bytes.Equal(mangled, entry) {
					continue
				}
				b.Entries[i] = mangled
				report := verify(t, sliceSource(batches), vkey, nil)
				if report.OK || report.FirstBad == nil || *report.FirstBad != b.First+int64(i) {
					t.Fatalf("entry %d, byte %d, %s: %+v", i, at, name, report)
				}
			}
		}
		b.Entries[i] = entry
	}
	for i, leaf := range b.Leaves {
		for at := range leaf {
			leaf[at] ^= 1
			if report := verify(t, sliceSource(batches), vkey, nil); report.OK || *report.FirstBad != int64(i) {
				t.Fatalf("leaf %d, byte %d: %+v", i, at, report)
			}
			leaf[at] ^= 1
		}
	}
	wantOK(t, verify(t, sliceSource(batches), vkey, nil))
}

func flip(b []byte, at int, mask byte) []byte {
	c := slices.Clone(b)
	c[at] ^= mask
	return c
}

// TestInvariant04StoredByte changes one byte of an entry in the file, past the
// triggers, as somebody does who owns the machine.
func TestInvariant04StoredByte(t *testing.T) {
	h, _, batches := victim(t)
	raw, err := sql.Open("sqlite", h.dir+"/data/"+sqlite.FileName)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = raw.Close() }()
	var body []byte
	if err := raw.QueryRow("SELECT body FROM audit_batches WHERE n = 3").Scan(&body); err != nil {
		t.Fatal(err)
	}
	at := bytes.Index(body, batches[3].Entries[1])
	if at < 0 {
		t.Fatal("the entry does not stand in the batch as it was hashed")
	}
	body[at+200] ^= 1
	for _, statement := range []string{"DROP TRIGGER audit_batches_no_update", "UPDATE audit_batches SET body = ?1 WHERE n = 3"} {
		if _, err := raw.Exec(statement, body); err != nil {
			t.Fatal(err)
		}
	}
	report := h.verify(nil)
	wantProblem(t, report, audit.CodeEntryHash, 11)
	if len(report.Problems) != 1 {
		t.Errorf("one byte makes %d problems: %+v", len(report.Problems), report.Problems)
	}
	l := h.open()
	if _, _, err := l.Entry(t.Context(), 11); !fault.Is(err, fault.Internal) {
		t.Errorf("the damaged entry is read: %v", err)
	}
	if _, _, err := l.Entry(t.Context(), 10); err != nil {
		t.Errorf("its neighbour is not: %v", err)
	}
}

// TestSwappedPrivatePart: a private part is bound to its entry.
func TestSwappedPrivatePart(t *testing.T) {
	h, _, batches := victim(t)
	batches[3].Private[0], batches[3].Private[1] = batches[3].Private[1], batches[3].Private[0]
	cfg := h.config()
	cfg.Store = rewritten(t, h, batches, true)
	l, err := audit.Open(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close(context.Background()) }()
	for _, index := range []int64{10, 11} {
		if _, err := l.OpenPrivate(t.Context(), index); !fault.Is(err, fault.Internal) {
			t.Errorf("entry %d: %v", index, err)
		}
	}
	if _, err := l.OpenPrivate(t.Context(), 12); err != nil {
		t.Error(err)
	}
}
