package gateway_test

import (
	"bytes"
	"crypto/sha256"
	"database/sql"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/concord-gateway/concord/gateway"
	"github.com/concord-gateway/concord/gateway/attacktest"
	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/store/sqlite"
)

// noteOf is the batch in which the log has the note of a row, and where in it.
func (h *house) noteOf(row string) (b *audit.Batch, at int) {
	h.t.Helper()
	h.inStore(func(db gateway.Store) {
		found, err := db.Log().Search(h.t.Context(), audit.Query{RequestID: "revocation/" + row})
		if err != nil || len(found) != 1 {
			h.t.Fatalf("%d notes of row %s, %v", len(found), row, err)
		}
		if b, err = db.Log().BatchOf(h.t.Context(), found[0]); err != nil {
			h.t.Fatal(err)
		}
		at = int(found[0] - b.First)
	})
	return b, at
}

// rewriteNote replaces texts in the note of a row, as who may write to the database can,
// with the hash that stands beside it or without; and restarts the gateway.
func (h *house) rewriteNote(row string, hashed bool, texts ...string) {
	h.t.Helper()
	h.stop()
	b, at := h.noteOf(row)
	entry := b.Entries[at]
	for i := 0; i < len(texts); i += 2 {
		if !bytes.Contains(entry, []byte(texts[i])) {
			h.t.Fatalf("the note does not have %q: %s", texts[i], entry)
		}
		entry = bytes.Replace(entry, []byte(texts[i]), []byte(texts[i+1]), 1)
	}
	b.Entries[at] = entry
	if sum := sha256.Sum256(entry); hashed {
		b.Leaves[at] = sum[:]
	}
	body, err := audit.MarshalBatch(b)
	if err != nil {
		h.t.Fatal(err)
	}
	db, err := sql.Open("sqlite", filepath.Join(h.cfg.DataDir, sqlite.FileName))
	if err != nil {
		h.t.Fatal(err)
	}
	defer db.Close()
	for _, s := range []string{"DROP TRIGGER IF EXISTS audit_batches_no_update", "UPDATE audit_batches SET body = ?1 WHERE n = ?2"} {
		if _, err := db.ExecContext(h.t.Context(), s, []any{body, b.N}[:strings.Count(s, "?")]...); err != nil {
			h.t.Fatal(err)
		}
	}
	h.start()
}

// digestIn is the part of a note that is the digest of the list.
func (h *house) digestIn(row string) string {
	h.t.Helper()
	b, at := h.noteOf(row)
	begin := bytes.Index(b.Entries[at], []byte(`"list":"`))
	if begin < 0 {
		h.t.Fatal("the note has no digest")
	}
	return string(b.Entries[at][begin : begin+len(`"list":"`)+64+len(`",`)])
}

// manyEntries is a house that has stopped, with two people revoked, and so many entries
// after that the notes of them are read again by nobody who only starts.
func manyEntries(t *testing.T) *house {
	t.Helper()
	h := newHouse(t)
	h.revoke("analyst")
	h.revoke("supervisor")
	h.restart() // which notes them
	for range 300 {
		h.call("ig-lead", http.MethodGet, "/v1/datasets?no-such-parameter=1", nil).want(http.StatusBadRequest, nil)
	}
	h.stop()
	return h
}

// TestRestoreForgedNote takes the last row of the list away, and makes its note say what
// would let the person in again: the gateway refuses everybody, and what is put back from
// the log is nothing, since the log does not verify.
func TestRestoreForgedNote(t *testing.T) {
	t.Parallel()
	base := manyEntries(t)
	digest := base.digestIn("1")
	for name, texts := range map[string][]string{
		"about somebody else":          {`"subject":"supervisor@west-mercia-police.example"`, `"subject":"nobody"`, digest, ""},
		"with the digest left":         {`"subject":"supervisor@west-mercia-police.example"`, `"subject":"nobody"`},
		"which lifts in place of that": {`"kind":"revocation"`, `"kind":"revocation-lifted"`, digest, ""},
	} {
		h := base.twin(t)
		h.start()
		h.rewriteNote("1", true, texts...)
		h.tamper("DELETE FROM events WHERE kind = 'revocation' AND n = 1")
		h.wantNobodyIn("it lacks rows that the log has")
		n, err := gateway.RestoreRevocations(t.Context(), h.cfg)
		if n != 0 || !fault.Is(err, fault.Conflict) || !strings.Contains(err.Error(), "concord audit verify") {
			t.Errorf("%s: %d put back, %v", name, n, err)
		}
		h.restart()
		h.wantNobodyIn("it lacks rows that the log has")
		if !t.Failed() {
			attacktest.Revocations.Refused(t, "a note forged for a restore, "+name, 1)
		}
	}
}

// TestNoteUnreadable: an entry about a revocation that is not what was hashed, and one
// that says nothing that a list has, keep no gateway from starting, and everybody out.
func TestNoteUnreadable(t *testing.T) {
	t.Parallel()
	base := manyEntries(t)
	for name, texts := range map[string][]string{
		"not what was hashed": {`"subject":"supervisor@west-mercia-police.example"`, `"subject":"nobody"`},
		"of no kind":          {`"kind":"revocation"`, `"kind":"revocatiom"`},
		"of another row":      {`"row":"1"`, `"row":"0"`},
	} {
		h := base.twin(t)
		h.start()
		h.rewriteNote("1", name != "not what was hashed", texts...)
		h.wantNobodyIn("cannot be read: verify the log")
		if _, err := gateway.RestoreRevocations(t.Context(), h.cfg); err == nil {
			t.Errorf("%s: rows were put back", name)
		}
	}
}

// TestMeddledRevocationsHidden cuts the end of the list off, and takes away by what the
// note of the first row that is gone would be found: the notes after it are there.
func TestMeddledRevocationsHidden(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for _, persona := range []string{"analyst", "supervisor", "approver-police"} {
		h.revoke(persona)
	}
	h.restart() // which notes them
	h.tamper("DELETE FROM events WHERE kind = 'revocation' AND n >= 1", "DELETE FROM audit_terms WHERE term = 'rrevocation/1'")
	h.wantNobodyIn("it lacks rows that the log has")
	if n, err := gateway.RestoreRevocations(t.Context(), h.cfg); err != nil || n != 2 {
		t.Errorf("%d put back, %v", n, err)
	}
	h.restart()
	h.call("supervisor", http.MethodGet, "/v1/datasets", nil).want(http.StatusUnauthorized, nil)
	h.call("ig-lead", http.MethodGet, "/v1/datasets", nil).want(http.StatusOK, nil)
	attacktest.Revocations.Refused(t, "cut off, and the note of the first row hidden", 1)
}
