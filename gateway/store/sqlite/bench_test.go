package sqlite

import (
	"crypto/sha256"
	"encoding/binary"
	"testing"
	"time"

	"github.com/concord-gateway/concord/gateway/record"
)

// benchRecord is record i as a submission would store it: random looking keys,
// three blind indexes, 700 bytes of ciphertext.
func benchRecord(i int) record.Record {
	r := record.Record{
		Key:     record.Key{Provider: "telford-housing", Dataset: "housing.tenancy", Source: benchRef(i, 0)},
		Version: 1, Agreement: "ISA-2026-001", Submission: "01980000-0000-7000-8000-000000000000",
		Digest: benchRef(i, 1), Indexes: []record.Ref{benchRef(i, 2), benchRef(i, 3), benchRef(i, 4)},
		Area: "E06000020", EventMonth: "2026-10", Indicators: []string{"cuckooing"},
		Received: time.UnixMicro(int64(i)), Expires: time.UnixMicro(int64(i)), KeyMonth: "2026-11",
		Body: make([]byte, 700),
	}
	for at := range 20 {
		part := benchRef(i, 10+at)
		copy(r.Body[at*len(part):], part[:])
	}
	return r
}

func benchRef(i, part int) record.Ref {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:], uint64(i))
	binary.BigEndian.PutUint64(b[8:], uint64(part))
	return sha256.Sum256(b[:])
}

const benchBatch = 512

func benchInsert(b *testing.B, s record.Store, records []record.Record) {
	b.Helper()
	if taken, err := s.Insert(b.Context(), records); err != nil || len(taken) != 0 {
		b.Fatal(taken, err)
	}
}

// many is how many records are there already: enough to be no longer cheap, or, in
// the gate, enough to see that it runs.
func many() int {
	if testing.Short() {
		return 2_000
	}
	return 100_000
}

// fill puts n records into the folder.
func fill(b *testing.B, dir string, n int) {
	b.Helper()
	db := openDir(b, dir, Options{})
	defer closeDB(b, db)
	batch := make([]record.Record, 0, benchBatch)
	for i := range n {
		batch = append(batch, benchRecord(i))
		if len(batch) == benchBatch || i == n-1 {
			benchInsert(b, db.Records(), batch)
			batch = batch[:0]
		}
	}
}

// BenchmarkInsert inserts records in durable batches of 512; one operation is
// one record.
func BenchmarkInsert(b *testing.B) {
	s := openTemp(b).Records()
	batch := make([]record.Record, 0, benchBatch)
	i := 0
	for b.Loop() {
		i++
		if batch = append(batch, benchRecord(i)); len(batch) == benchBatch {
			benchInsert(b, s, batch)
			batch = batch[:0]
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "records/s")
}

// BenchmarkFind looks up one person by two blind indexes.
func BenchmarkFind(b *testing.B) {
	n := many()
	dir := b.TempDir()
	fill(b, dir, n)
	s := openDir(b, dir, Options{}).Records()
	i := 0
	for b.Loop() {
		i = (i + 7919) % n
		want := benchRef(i, 2)
		found, err := s.Find(b.Context(), "telford-housing", "housing.tenancy", []record.Ref{want, benchRef(n+i, 2)})
		if err != nil || len(found) != 1 || found[0].Indexes[0] != want {
			b.Fatal(len(found), err)
		}
	}
}

// BenchmarkScan reads every record; one operation is all of them.
func BenchmarkScan(b *testing.B) {
	n := many()
	dir := b.TempDir()
	fill(b, dir, n)
	s := openDir(b, dir, Options{}).Records()
	for b.Loop() {
		seen := 0
		err := s.Scan(b.Context(), record.Filter{}, func(*record.Record) error {
			seen++
			return nil
		})
		if err != nil || seen != n {
			b.Fatal(seen, err)
		}
	}
}

// BenchmarkOpen opens and closes a folder of 100,000 records.
func BenchmarkOpen(b *testing.B) {
	dir := b.TempDir()
	fill(b, dir, many())
	for b.Loop() {
		db, err := Open(b.Context(), dir, Options{})
		if err != nil {
			b.Fatal(err)
		}
		closeDB(b, db)
	}
}
