package witness_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// litewitnessEnv names the binary of torchwood's litewitness, which `make test`
// builds.
const litewitnessEnv = "CONCORD_TEST_LITEWITNESS"

// wait bounds what a test waits for another process.
const wait = 10 * time.Second

// litewitness is a real witness: a process that keeps its tree in a database.
type litewitness struct {
	t       *testing.T
	binary  string
	dir     string
	name    string
	address string
	agent   string
	print   string // the fingerprint of its key
	// key is the verifier key of its cosignatures.
	key string
	cmd *exec.Cmd
}

// newLitewitness starts a witness of the log of an origin and key. Everything
// that it starts ends with the test.
func newLitewitness(t *testing.T, name, origin, vkey string) *litewitness {
	t.Helper()
	binary := os.Getenv(litewitnessEnv)
	if _, err := os.Stat(binary); err != nil {
		if os.Getenv("CONCORD_TEST_REQUIRE") != "" {
			t.Fatalf("%s names no program: %v", litewitnessEnv, err)
		}
		t.Skipf("%s names no program", litewitnessEnv)
	}
	// A socket's path is short, so not in the test's own folder.
	dir, err := os.MkdirTemp("", "witness") //nolint:usetesting // see above
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	w := &litewitness{t: t, binary: binary, dir: dir, name: name, agent: filepath.Join(dir, "agent.sock"), address: freeAddress(t)}
	key := filepath.Join(dir, "wit")
	w.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key)
	w.startAgent()
	w.run("ssh-add", "-q", key)
	w.print = strings.Fields(w.run("ssh-keygen", "-l", "-f", key))[1]
	w.start()
	w.stop() // it has made its database
	w.knows(origin, vkey)
	w.start()
	t.Cleanup(w.stop)
	return w
}

// run runs a program of OpenSSH to its end.
func (w *litewitness) run(name string, args ...string) string {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), wait)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), "SSH_AUTH_SOCK="+w.agent)
	out, err := cmd.CombinedOutput()
	if err != nil {
		w.t.Fatalf("%s: %v: %s", name, err, out)
	}
	return string(out)
}

// startAgent starts the ssh-agent that keeps the key of the witness.
func (w *litewitness) startAgent() {
	w.t.Helper()
	cmd := exec.Command("ssh-agent", "-D", "-a", w.agent)
	if err := cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	w.reachable("unix", w.agent)
}

// reachable waits until somebody listens.
func (w *litewitness) reachable(network, address string) {
	w.t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(wait); time.Now().Before(end); <-tick.C {
		var d net.Dialer
		conn, err := d.DialContext(w.t.Context(), network, address)
		if err == nil {
			_ = conn.Close()
			return
		}
	}
	w.t.Fatalf("nobody listens on %s", address)
}

// start starts the witness, again after stop.
func (w *litewitness) start() {
	w.t.Helper()
	cmd := exec.Command(w.binary, "-name", w.name, "-db", filepath.Join(w.dir, "w.db"),
		"-ssh-agent", w.agent, "-key", w.print, "-listen", w.address)
	said, err := cmd.StderrPipe()
	if err != nil {
		w.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	w.cmd = cmd
	keys := make(chan string, 1)
	go func() {
		lines := bufio.NewScanner(said)
		for lines.Scan() { // to its end, or the witness would wait
			if _, key, ok := strings.Cut(lines.Text(), "vkey="); ok {
				keys <- strings.Trim(key, `"`)
			}
		}
		close(keys)
	}()
	key, ok := <-keys
	if !ok {
		w.t.Fatal("the witness does not start")
	}
	w.key = key
	w.reachable("tcp", w.address)
}

// stop kills the witness.
func (w *litewitness) stop() {
	if w.cmd == nil {
		return
	}
	_ = w.cmd.Process.Kill()
	_ = w.cmd.Wait()
	w.cmd = nil
}

// knows tells the witness of a log, in its database.
func (w *litewitness) knows(origin, vkey string) {
	w.t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(w.dir, "w.db"))
	if err != nil {
		w.t.Fatal(err)
	}
	defer db.Close()
	empty := sha256.Sum256(nil)
	_, err1 := db.ExecContext(w.t.Context(), "INSERT INTO log VALUES (?, 0, ?)", origin, base64.StdEncoding.EncodeToString(empty[:]))
	_, err2 := db.ExecContext(w.t.Context(), "INSERT INTO key VALUES (?, ?)", origin, vkey)
	if err := errors.Join(err1, err2); err != nil {
		w.t.Fatal(err)
	}
}

// freeAddress returns an address of this machine that nobody listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	var lc net.ListenConfig
	l, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// witnesses starts so many at once.
func witnesses(t *testing.T, n int, origin, vkey string) []*litewitness {
	t.Helper()
	all := make([]*litewitness, n)
	for i := range all {
		all[i] = newLitewitness(t, fmt.Sprintf("witness.example/w%d", i+1), origin, vkey)
	}
	return all
}

// count counts the lines of a log that hold all the parts.
func count(log []byte, parts ...string) int {
	n := 0
	for line := range bytes.Lines(log) {
		all := true
		for _, part := range parts {
			all = all && bytes.Contains(line, []byte(part))
		}
		if all {
			n++
		}
	}
	return n
}
