//go:build unix

package main

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/concord-gateway/concord/gateway/demo"
	"github.com/concord-gateway/concord/gateway/fleet"
	"github.com/concord-gateway/concord/gateway/store/mongotest"
	"github.com/concord-gateway/concord/gateway/store/storetest"
)

const (
	// killsVariable is for how long there are rounds, as Go writes durations;
	// without it there is one. `make soak` sets it.
	killsVariable = "CONCORD_TEST_KILLS"
	// seedVariable repeats the choices of a round.
	seedVariable = "CONCORD_TEST_KILLS_SEED"
	// suffering is how long a round is. Each has a database of its own: the
	// server's look-ups are scans.
	suffering = time.Minute
	// patience is how long anything may take on a busy machine that is to
	// happen at all.
	patience = 3 * time.Minute
)

// TestInvariant01KilledGateways runs three `concord serve` on one server that
// speaks the MongoDB protocol, with a dozen clients, and kills, stops and wakes
// them at random. There is one dense log then, which verifies; every answer that
// was given is in it, where it says and once; and all three gateways still work.
func TestInvariant01KilledGateways(t *testing.T) {
	uri := mongotest.URI(t)
	total := duration(t)
	for begin, round := time.Now(), 1; !t.Failed() && (round == 1 || time.Since(begin) < total); round++ {
		t.Run(strconv.Itoa(round), func(t *testing.T) { killedGateways(t, uri, seed(t)) })
	}
}

func killedGateways(t *testing.T, uri string, seed uint64) {
	const gateways, clients, every = 3, 12, 500 * time.Millisecond
	database := mongotest.Database(t)
	dir := filepath.Join(t.TempDir(), "shared")
	if _, err := demo.Prepare(dir, "127.0.0.1:0", time.Now()); err != nil {
		t.Fatal(err)
	}
	r, bases := rand.New(rand.NewPCG(seed, 1)), make([]string, gateways)
	for i := range bases {
		bases[i] = writeConfig(t, r, dir, i, uri, database)
	}
	f := fleet.Start(t, fleet.Options{
		Size: gateways, Seed: seed, Command: func(i int) *exec.Cmd { return serveCommand(t, dir, i) },
		Pause:  fleet.Range{Min: 500 * time.Millisecond, Max: 3 * time.Second},
		Frozen: fleet.Range{Min: time.Second, Max: 12 * time.Second}, // the log waits 10 s for its store
		Ready:  func(i int) bool { return listens(bases[i]) },
		Again:  func(i int) bool { return refusedToStart(t, dir, i) },
	})
	t.Cleanup(func() { showLogs(t, dir) })
	all := newCrowd(t, dir, bases, f.Running)
	askers := make([]*asker, clients)
	for n := range askers {
		askers[n] = &asker{crowd: all, n: n, next: n, r: rand.New(rand.NewPCG(seed, uint64(2+n)))}
	}
	for i := range bases {
		waitFor(t, func() bool { return f.Mend() && listens(bases[i]) && askers[0].nextAnalyst(t.Context(), i) })
	}
	count := all.ask(t.Context(), f, askers, every)
	for i := range bases { // each still works
		waitFor(t, func() bool { return f.Mend() && askers[0].once(t.Context(), i) })
	}
	if err := f.Stop(patience); err != nil {
		t.Fatal(err)
	}
	report, writers := wantLog(t, openLog(t, uri, database), dir, all)
	wantNobody(t, dir)
	const outcome = "verified; no answer lost or doubled, all go on"
	storetest.Tally(t, "kill one of three gateways", "mongo", count.Kills, outcome)
	storetest.Tally(t, "stop one of three gateways, wake it later", "mongo", count.Stops, outcome)
	t.Logf("%d requests: %d acknowledged, %d refused, %d unanswered; %d entries in %d batches by %d sessions",
		all.requests, len(all.answers), all.refused, all.lost, report.Entries, report.Batches, writers)
}

// ask has everybody ask while the gateways are hurt, and returns when all have
// their last answer.
func (c *crowd) ask(ctx context.Context, f *fleet.Fleet, askers []*asker, every time.Duration) fleet.Count {
	ctx, cancel := context.WithTimeout(ctx, suffering)
	defer cancel()
	var asking sync.WaitGroup
	defer asking.Wait()
	for _, a := range askers {
		asking.Go(func() { a.run(ctx, every) })
	}
	return f.Harm(ctx)
}

// seed is new each time, unless one is given.
func seed(t *testing.T) uint64 {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv(seedVariable); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatalf("%s: %v", seedVariable, err)
		}
	}
	t.Logf("%s=%d", seedVariable, seed)
	return seed
}

// duration is for how long there are rounds.
func duration(t *testing.T) time.Duration {
	t.Helper()
	text := os.Getenv(killsVariable)
	if text == "" {
		return 0
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatalf("%s: %v", killsVariable, err)
	}
	return d
}

// writeConfig writes the configuration of gateway i and returns its address. All
// share keys, rules and database. Its port is below those that the system hands
// out, so that nobody has it while the gateway is down.
func writeConfig(t *testing.T, r *rand.Rand, dir string, i int, uri, database string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(dir, "concord.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	address := freeAddress(t, r)
	text := strings.NewReplacer("127.0.0.1:8080", address, "checkpoint_every: 1s", "checkpoint_every: 2s").Replace(string(raw))
	text += fmt.Sprintf("store:\n  mongo: {uri: %q, database: %q}\n", uri, database)
	if err := os.WriteFile(configOf(dir, i), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return "http://" + address
}

// freeAddress is one that nobody listens on, with a port below those that the system
// hands out.
func freeAddress(t *testing.T, r *rand.Rand) (address string) {
	t.Helper()
	waitFor(t, func() bool {
		address = fmt.Sprintf("127.0.0.1:%d", 15000+r.IntN(15000))
		var lc net.ListenConfig
		l, err := lc.Listen(t.Context(), "tcp", address)
		if err == nil {
			err = l.Close()
		}
		return err == nil
	})
	return address
}

// listens reports whether a gateway takes connections.
func listens(base string) bool {
	d := net.Dialer{Timeout: time.Second}
	conn, err := d.DialContext(context.Background(), "tcp", strings.TrimPrefix(base, "http://"))
	if err != nil {
		return false
	}
	return conn.Close() == nil
}

// refusedToStart reports whether gateway i ended because its store, on which every
// look-up is a scan, did not answer in time while it was starting.
func refusedToStart(t *testing.T, dir string, i int) bool {
	t.Helper()
	raw, err := os.ReadFile(configOf(dir, i) + ".log")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(raw)), "\n")
	last := lines[len(lines)-1]
	return strings.HasPrefix(last, "concord: ") && strings.Contains(last, "the store cannot answer") &&
		strings.Contains(last, "timed out")
}

func configOf(dir string, i int) string { return filepath.Join(dir, fmt.Sprintf("gateway-%d.yaml", i)) }

// serveCommand is `concord serve` for gateway i. What it logs is kept beside its
// configuration.
func serveCommand(t *testing.T, dir string, i int) *exec.Cmd {
	t.Helper()
	cmd := exec.Command("concord", "serve", "--config", configOf(dir, i))
	out, err := os.OpenFile(configOf(dir, i)+".log", os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = out.Close() })
	cmd.Stdout, cmd.Stderr = out, out
	return cmd
}

// showLogs prints what went wrong in the gateways' own words, if the test failed.
func showLogs(t *testing.T, dir string) {
	t.Helper()
	if !t.Failed() {
		return
	}
	const most = 40
	files, _ := filepath.Glob(filepath.Join(dir, "*.log"))
	for _, file := range files {
		raw, _ := os.ReadFile(file)
		var lines []string
		for line := range strings.Lines(string(raw)) {
			if !strings.Contains(line, `"level":"INFO"`) {
				lines = append(lines, line)
			}
		}
		t.Logf("%s:\n%s", filepath.Base(file), strings.Join(lines[max(0, len(lines)-most):], ""))
	}
}

// wantNobody looks for the person in all that the gateways said of themselves, dying
// included (invariant 5).
func wantNobody(t *testing.T, dir string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.log"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no logs: %v", err)
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil || !bytes.Contains(raw, []byte(`"msg":"request"`)) {
			t.Errorf("%s tells of no request: %v", filepath.Base(file), err)
		}
		for name, value := range person() {
			if name != "given_name" && bytes.Contains(raw, []byte(value)) { // "Rowan" is a tree as well
				t.Errorf("%s holds the %s of a person", filepath.Base(file), name)
			}
		}
	}
}

// waitFor waits until something is so.
func waitFor(t *testing.T, so func() bool) {
	t.Helper()
	deadline := time.After(patience)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !so() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatal("it does not come to that")
		}
		if t.Failed() {
			t.FailNow()
		}
	}
}
