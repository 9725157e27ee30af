//go:build linux

package main

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/concord-gateway/concord/gateway/client"
	"github.com/concord-gateway/concord/gateway/demo"
	"github.com/concord-gateway/concord/gateway/fleet"
	"github.com/concord-gateway/concord/gateway/intake"
)

const (
	// rowsVariable is how many rows the file has. `make million` sets it.
	rowsVariable = "CONCORD_TEST_ROWS"
	// fewRows is enough to be at work on when the gateway is killed.
	fewRows = 20_000
	// million is from where on the memory of the gateway is measured.
	million = 1_000_000
	// mostMemory is what a gateway may have had in memory at any time, in KiB: 150 MB.
	mostMemory = 150_000_000 >> 10
)

// TestInvariant07MillionRows submits a file to a gateway that is killed while the file
// is uploaded and again while it is worked on. Every row is accounted for, each planted
// mistake and nothing else is in the error file, each source id is stored once, and the
// log verifies. Submitted again, every good row is unchanged.
func TestInvariant07MillionRows(t *testing.T) {
	rows := fewRows
	if text := os.Getenv(rowsVariable); text != "" {
		var err error
		if rows, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	m := newMillion(t, rows)
	m.first()
	m.again()
	if err := m.fleet.Stop(patience); err != nil {
		t.Error(err)
	}
	m.stored()
	if m.rows >= million && m.memory > mostMemory {
		t.Errorf("the gateway had %d KiB in memory, more than %d", m.memory, mostMemory)
	}
	t.Logf("%s rows, killed while uploading and while working: the gateway had %.1f MiB in memory at most", commas(int64(rows)), float64(m.memory)/1024)
}

// mill is one run.
type mill struct {
	*testing.T

	rows   int
	file   *plantedFile
	path   string
	dir    string
	fleet  *fleet.Fleet
	client *client.Client
	// memory is the most KiB that any life of the gateway had.
	memory int
}

func newMillion(t *testing.T, rows int) *mill {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "gateway")
	address := freeAddress(t, rand.New(rand.NewPCG(seed(t), 3)))
	folder, err := demo.Prepare(dir, address, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(dir, "concord.yaml"), configOf(dir, 0)); err != nil {
		t.Fatal(err)
	}
	m := &mill{T: t, rows: rows, dir: dir, path: filepath.Join(t.TempDir(), "tenancies.csv")}
	if m.file, err = writePlanted(m.path, rows, time.Now()); err != nil {
		t.Fatal(err)
	}
	m.fleet = fleet.Start(t, fleet.Options{Size: 1, Command: func(int) *exec.Cmd { return serveCommand(t, dir, 0) }})
	t.Cleanup(func() { showLogs(t, dir) })
	m.client, err = client.New("http://"+address, "", client.WithSleep(shortly), client.WithPatience(100*patience),
		client.WithTokens(func(context.Context) (string, error) { return folder.Token("housing-submitter") }))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// shortly waits a little, however long is asked for: a gateway is watched more closely
// here than it asks for. The client counts the wait that it asked for, so it is given
// more patience than it needs.
func shortly(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(min(d, 100*time.Millisecond))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// submit submits the file under a key and waits. When the upload and the work are some
// way, it calls up to two functions, each once.
func (m *mill) submit(key string, uploading, working func()) (*client.Result, time.Duration) {
	m.Helper()
	f, err := os.Open(m.path)
	if err != nil {
		m.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		m.Fatal(err)
	}
	var once [2]sync.Once
	var rate int64
	told := func(p client.Progress) {
		if p.Result != nil && p.Result.Job != nil {
			rate = max(rate, p.Result.Job.RowsPerSecond)
		}
		switch {
		case p.State == client.Uploading && p.Done > info.Size()/3:
			once[0].Do(uploading)
		case p.State == client.Processing && p.Total > 0 && p.Done > p.Total/3:
			once[1].Do(working)
		}
	}
	r, err := m.client.Submit(m.Context(), client.Submission{
		Dataset: "housing.tenancy", Agreement: agreementOfRows, Format: intake.CSV, Body: f, Size: info.Size(),
		PieceSize: min(info.Size()/10, client.Piece), IdempotencyKey: key, Progress: told,
	})
	begin := time.Now()
	if err == nil && !r.State.Ended() {
		r, err = m.client.Wait(m.Context(), r.ID, told)
	}
	if err != nil {
		m.Fatal(err)
	}
	took := time.Since(begin)
	m.Logf("%s rows, %d MiB: worked on in %v, %s rows/s; the gateway said %s rows/s at most",
		commas(int64(m.rows)), info.Size()>>20, took.Round(time.Millisecond), commas(int64(float64(m.rows)/took.Seconds())), commas(rate))
	return r, took
}

// kill kills the gateway, once it was looked at, and starts it anew.
func (m *mill) kill() {
	m.measure()
	m.fleet.Kill(0)
}

// measure reads how much memory this life of the gateway had at most.
func (m *mill) measure() {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", m.fleet.PID(0)))
	if err != nil {
		m.Error(err)
		return
	}
	for line := range strings.Lines(string(raw)) {
		if value, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			n, err := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(value), " kB"))
			if err != nil {
				m.Error(err)
			}
			m.memory = max(m.memory, n)
		}
	}
}

// first submits and kills on the way.
func (m *mill) first() {
	m.Helper()
	var kills atomic.Int32
	kill := func() {
		kills.Add(1)
		m.kill()
	}
	r, _ := m.submit("first", kill, kill)
	m.measure()
	if kills.Load() != 2 {
		m.Errorf("the gateway was killed %d times, not twice: it was too fast", kills.Load())
	}
	m.accounted(r, client.Result{Accepted: m.file.good, Unchanged: m.file.repeated})
	m.planted(r.ID)
}

// again submits the same file as another submission.
func (m *mill) again() {
	m.Helper()
	r, _ := m.submit("second", func() {}, func() {})
	m.measure()
	m.accounted(r, client.Result{Unchanged: m.file.good + m.file.repeated})
	m.planted(r.ID)
}

// accounted holds the result against what is in the file.
func (m *mill) accounted(r *client.Result, want client.Result) {
	m.Helper()
	want.State, want.Received, want.Rejected = client.Complete, int64(m.rows), int64(len(m.file.planted))
	got := client.Result{
		State: r.State, Received: r.Received, Accepted: r.Accepted, Unchanged: r.Unchanged, Corrected: r.Corrected, Rejected: r.Rejected,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		m.Errorf("(-want +got):\n%s", diff)
	}
	if r.AuditIndex == nil || r.Receipt == nil || r.Receipt.Digest == "" {
		m.Errorf("no receipt: %+v", r.Receipt)
	}
}

// planted reads the error file: each planted mistake by its rule, and nothing else.
func (m *mill) planted(id string) {
	m.Helper()
	out, in := io.Pipe()
	go func() { in.CloseWithError(m.client.ErrorFile(m.Context(), id, in)) }()
	r := csv.NewReader(out)
	header, err := r.Read()
	if err != nil {
		m.Fatal(err)
	}
	column := map[string]int{}
	for i, name := range header {
		column[strings.TrimPrefix(name, "\ufeff")] = i
	}
	got := map[int]string{}
	for {
		line, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			m.Fatal(err)
		}
		n, err := strconv.Atoi(line[column["concord_row"]])
		if _, twice := got[n]; err != nil || twice {
			m.Fatalf("row %q is there twice, or no row", line[column["concord_row"]])
		}
		got[n] = line[column["concord_rules"]]
	}
	if diff := cmp.Diff(m.file.planted, got); diff != "" {
		m.Errorf("the error file (-want +got):\n%.2000s", diff)
	}
}

// stored looks into what the gateway left: each source id once, and a log that
// verifies in full.
func (m *mill) stored() {
	m.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(m.dir, "concord.db")+"?mode=ro")
	if err != nil {
		m.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	var all, sources, version int64
	err = db.QueryRowContext(m.Context(), `SELECT count(*), count(DISTINCT source), max(version) FROM records WHERE dataset = 'housing.tenancy'`).
		Scan(&all, &sources, &version)
	if err != nil || all != m.file.good || sources != all || version != 1 {
		m.Errorf("%d records of %d source ids up to version %d, want %d: %v", all, sources, version, m.file.good, err)
	}
	var out, errs bytes.Buffer
	code := run(m.Context(), []string{"audit", "verify", "--dir", m.dir, "--key", filepath.Join(m.dir, "log.vkey")}, &out, &errs)
	if code != exitOK || !strings.Contains(out.String(), "VERIFIED") {
		m.Errorf("the log: exit code %d, %s%s", code, out.String(), errs.String())
	}
}
