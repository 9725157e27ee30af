package submission_test

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	_ "modernc.org/sqlite"

	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/intake"
	"github.com/concord-gateway/concord/gateway/keyring/local"
	"github.com/concord-gateway/concord/gateway/rulebook"
	"github.com/concord-gateway/concord/gateway/store/sqlite"
	"github.com/concord-gateway/concord/gateway/submission"
)

// ingestRows is how many rows the benchmark ingests.
func ingestRows() int {
	if testing.Short() {
		return 12_000 // a job all the same
	}
	if n, err := strconv.Atoi(os.Getenv("CONCORD_BENCH_ROWS")); err == nil {
		return n
	}
	return 100_000
}

// leastRatio is what governed ingest must reach of the plain one's rate.
const leastRatio = 0.6

// BenchmarkIngest stores the same rows twice, durably: governed (validated against
// schema and agreement, minimised, blind indexed, sealed, journaled, logged), as the
// job that a long file becomes; and plain (decoded, and inserted with a unique index on
// the source id). ratio runs one after the other, three times, and fails where the
// governed rate is less than 0.6 of the plain one.
func BenchmarkIngest(b *testing.B) {
	n := ingestRows()
	body := ingestBody(b, n)
	b.Run("governed", func(b *testing.B) {
		for b.Loop() {
			report(b, n, governed(b, n, body))
		}
	})
	b.Run("plain", func(b *testing.B) {
		for b.Loop() {
			report(b, n, plain(b, n, body))
		}
	})
	b.Run("ratio", func(b *testing.B) {
		for b.Loop() {
			var g, p time.Duration
			for range 3 {
				p += plain(b, n, body)
				g += governed(b, n, body)
			}
			ratio := p.Seconds() / g.Seconds()
			b.ReportMetric(ratio, "governed/plain")
			b.ReportMetric(float64(3*n)/g.Seconds(), "governed-rows/s")
			b.ReportMetric(float64(3*n)/p.Seconds(), "plain-rows/s")
			if ratio < leastRatio && !testing.Short() {
				b.Errorf("governed ingest has %.2f of the rate of plain ingest, less than %.1f", ratio, leastRatio)
			}
		}
	})
}

func report(b *testing.B, n int, took time.Duration) {
	b.Helper()
	b.ReportMetric(float64(n)/took.Seconds(), "rows/s")
}

func ingestBody(b *testing.B, n int) string {
	b.Helper()
	var body strings.Builder
	for i := range n {
		row := tenancy(reference(i), "current")
		row["family_name"] = "Ashdown" + string(rune('a'+i%26)) + string(rune('a'+i/26%26))
		row["date_of_birth"] = fmt.Sprintf("19%02d-%02d-%02d", 40+i%60, 1+i%12, 1+i%28)
		row["uprn"] = strconv.Itoa(100023336956 + i)
		raw, err := json.Marshal(row)
		if err != nil {
			b.Fatal(err)
		}
		body.Write(raw)
		body.WriteByte('\n')
	}
	return body.String()
}

// reference is a provider's own id as many systems have it: a UUID, in no order. So the
// unique index of the plain table is hit where that of the blind source ids is: anywhere.
func reference(i int) string {
	sum := sha256.Sum256([]byte(strconv.Itoa(i)))
	return uuid.UUID(sum[:16]).String()
}

// governed submits a body and waits until every row is durable and logged.
func governed(b *testing.B, n int, body string) time.Duration {
	b.Helper()
	dir := b.TempDir()
	if err := os.Chmod(dir, 0o700); err != nil {
		b.Fatal(err)
	}
	rules, err := builtIn(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	db, err := sqlite.Open(b.Context(), dir, sqlite.Options{})
	if err != nil {
		b.Fatal(err)
	}
	keys, err := local.Open(filepath.Join(dir, "keys"))
	if err != nil {
		b.Fatal(err)
	}
	log, err := audit.Open(b.Context(), audit.Config{Store: db.Log(), Keys: keys, Origin: "concord.example/test", Clock: time.Now})
	if err != nil {
		b.Fatal(err)
	}
	s := submission.New(submission.Deps{
		Rules: rulebook.NewBook(rules), Keys: keys, Clock: time.Now, Records: db.Records(), Events: db.Events(), Spool: db.Spool(), Log: log,
	})
	defer func() {
		s.Close()
		_ = log.Close(context.WithoutCancel(b.Context()))
		_ = keys.Close()
		_ = db.Close()
	}()
	begin := time.Now()
	res, err := s.Submit(b.Context(), submission.Upload{
		Principal: housing(), RequestID: "01a20202-f6b6-76df-9487-b2a7582ee4fe", Dataset: "housing.tenancy", Agreement: "ISA-TH-WMP-001",
		Format: intake.NDJSON, Body: strings.NewReader(body),
	})
	if err != nil {
		b.Fatal(err)
	}
	s.WaitJobs()
	took := time.Since(begin)
	if res, err = s.Get(b.Context(), housing(), res.ID); err != nil || res.Accepted != n || res.Receipt == nil {
		b.Fatal(res, err)
	}
	return took
}

// plainEach is how many rows go into one transaction: as many as a chunk has.
const plainEach = 2048

// plain decodes the same rows and inserts them.
func plain(b *testing.B, n int, body string) time.Duration {
	b.Helper()
	query := url.Values{"_pragma": {"journal_mode(WAL)", "synchronous(FULL)", "secure_delete(1)", "wal_autocheckpoint(16000)", "cache_size(-32768)"}}
	db, err := sql.Open("sqlite", "file:"+filepath.Join(b.TempDir(), "plain.db")+"?"+query.Encode())
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	db.SetMaxOpenConns(1)
	if _, err := db.ExecContext(b.Context(), `CREATE TABLE rows (id INTEGER PRIMARY KEY, provider TEXT NOT NULL, dataset TEXT NOT NULL,
		source TEXT NOT NULL, version INTEGER NOT NULL, body BLOB NOT NULL, UNIQUE (provider, dataset, source, version)) STRICT`); err != nil {
		b.Fatal(err)
	}
	insert, err := db.PrepareContext(b.Context(), "INSERT INTO rows (provider, dataset, source, version, body) VALUES (?, ?, ?, ?, ?)")
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = insert.Close() }()
	begin := time.Now()
	var tx *sql.Tx
	done := 0
	for line := range strings.Lines(body) {
		if done%plainEach == 0 {
			if tx, err = db.BeginTx(b.Context(), nil); err != nil {
				b.Fatal(err)
			}
		}
		var row map[string]any
		if err := json.Unmarshal([]byte(line), &row); err != nil {
			b.Fatal(err)
		}
		if _, err := tx.StmtContext(b.Context(), insert).ExecContext(b.Context(), "telford-housing", "housing.tenancy", row["source_id"], 1, []byte(line)); err != nil {
			b.Fatal(err)
		}
		if done++; done%plainEach == 0 || done == n {
			if err := tx.Commit(); err != nil {
				b.Fatal(err)
			}
		}
	}
	return time.Since(begin)
}
