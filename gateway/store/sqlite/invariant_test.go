package sqlite

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/concord-gateway/concord/gateway/keyring/local"
	"github.com/concord-gateway/concord/gateway/record"
)

const canary = "Canary-Marigold-7b1f"

// mustNotHold fails the test when the bytes are in any file of the folder.
func mustNotHold(t *testing.T, dir string, secret []byte) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		raw, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(raw, secret) {
			t.Errorf("%s holds what it must not", e.Name())
		}
	}
}

// TestInvariant06NothingPlainInTheFiles stores sealed records, corrects and
// withdraws some, and searches every byte of the database and its side files,
// while it is open and after it was closed.
func TestInvariant06NothingPlainInTheFiles(t *testing.T) {
	ring, err := local.Open(filepath.Join(t.TempDir(), "keys"))
	if err != nil {
		t.Fatal(err)
	}
	defer ring.Close()
	dir := t.TempDir()
	db := openDir(t, dir, Options{})
	var all []record.Record
	for i := range 200 {
		r := benchRecord(i % 100)
		r.Version = int64(1 + i/100)
		if err := record.Seal(t.Context(), ring, &r, fmt.Appendf(nil, `{"name":"%s %d"}`, canary, i)); err != nil {
			t.Fatal(err)
		}
		all = append(all, r)
	}
	if _, err := db.Records().Insert(t.Context(), all); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Records().Withdraw(t.Context(), []record.Key{all[3].Key, all[4].Key}); err != nil {
		t.Fatal(err)
	}
	found, err := db.Records().Find(t.Context(), all[5].Provider, all[5].Dataset, all[5].Indexes)
	if err != nil || len(found) != 1 {
		t.Fatal(found, err)
	}
	if got, err := record.Open(t.Context(), ring, &found[0]); err != nil || !bytes.Contains(got, []byte(canary)) {
		t.Fatalf("opened %q, %v", got, err)
	}
	mustNotHold(t, dir, []byte(canary))
	closeDB(t, db)
	mustNotHold(t, dir, []byte(canary))
}

// TestWithdrawnBytesAreGone searches the files for the ciphertext, the source
// and the blind indexes of a withdrawn record.
func TestWithdrawnBytesAreGone(t *testing.T) {
	dir := t.TempDir()
	db := openDir(t, dir, Options{})
	gone := benchRecord(0)
	batch := []record.Record{gone}
	for i := range 50 {
		batch = append(batch, benchRecord(i+1))
	}
	if _, err := db.Records().Insert(t.Context(), batch); err != nil {
		t.Fatal(err)
	}
	if had, err := db.Records().Withdraw(t.Context(), []record.Key{gone.Key}); err != nil || len(had) != 1 {
		t.Fatal(had, err)
	}
	closeDB(t, db) // which ends the write-ahead log
	index := gone.Indexes[0]
	for _, secret := range [][]byte{gone.Body[:64], gone.Body[400:464], gone.Source[:], index[:], index[:8]} {
		mustNotHold(t, dir, secret)
	}
	kept, err := os.ReadFile(filepath.Join(dir, FileName))
	if err != nil || !bytes.Contains(kept, batch[7].Body[:64]) {
		t.Errorf("the search would not find what is kept: %v", err)
	}
}

// TestInvariant06PlainColumns holds the columns of the tables against the list
// of what is plain at rest (package record): a new column has to be argued for
// there first.
func TestInvariant06PlainColumns(t *testing.T) {
	db := openTemp(t)
	for table, want := range map[string][]string{
		"records": {
			"id", "provider", "dataset", "source", "version", "agreement", "submission", "digest", "indexes", "area",
			"event_month", "indicators", "received", "expires", "key_month", "body",
		},
		"record_index": {"prefix", "record"},
		"events":       {"kind", "id", "n", "body"},
		"pieces":       {"kind", "id", "n", "expires", "body"},
	} {
		var got []string
		rows, err := db.read.QueryContext(t.Context(), "SELECT name FROM pragma_table_info(?) ORDER BY cid", table)
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		for rows.Next() {
			var name string
			if err := rows.Scan(&name); err != nil {
				t.Fatal(err)
			}
			got = append(got, name)
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, slices.Clip(got)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", table, diff)
		}
	}
}
