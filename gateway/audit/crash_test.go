package audit_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/keyring/local"
	"github.com/concord-gateway/concord/gateway/store/sqlite"
	"github.com/concord-gateway/concord/gateway/store/storetest"
)

// crashDir is set in the environment of a child process that is there to be
// killed.
const crashDir = "CONCORD_AUDIT_CRASH_DIR"

// crashChild, in such a child, appends until it is killed, and prints the id and
// the index of every request that was acknowledged.
func crashChild() {
	dir := os.Getenv(crashDir)
	if dir == "" {
		return
	}
	if err := appendForEver(dir, os.Getenv(crashDir+"_ROUND")); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(1)
}

func appendForEver(dir, round string) error {
	ctx := context.Background()
	keys, err := local.Open(dir + "/keys")
	if err != nil {
		return err
	}
	db, err := sqlite.Open(ctx, dir+"/data", sqlite.Options{})
	if err != nil {
		return err
	}
	h := &house{dir: dir, keys: keys, db: db}
	l, err := audit.Open(ctx, h.config())
	if err != nil {
		return err
	}
	const writers = 4
	var mu sync.Mutex
	failed := make(chan error)
	for w := range writers {
		go func() {
			for n := 0; ; n++ {
				r := request(n, "telford-housing")
				r.ID = fmt.Sprintf("round-%s-writer-%d-%d", round, w, n)
				receipt, err := l.Append(ctx, r)
				if err != nil {
					failed <- err
					return
				}
				mu.Lock()
				_, _ = fmt.Fprintln(os.Stdout, r.ID, receipt.First)
				mu.Unlock()
			}
		}()
	}
	return <-failed
}

// TestInvariant01Crash kills a gateway again and again while it appends. Whatever
// it had acknowledged by then is in the log, at its index, and the log verifies.
func TestInvariant01Crash(t *testing.T) {
	h := newHouse(t)
	acknowledged := map[string]int64{}
	for round := range 4 {
		crash(t, h.dir, round, 20+37*round, acknowledged)
		db := h.openDB()
		report := verify(t, audit.StoreSource(db.Log()), h.vkey(), nil)
		wantOK(t, report)
		found := map[string]int64{}
		for b, err := range audit.StoreSource(db.Log()).Batches(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			for i, raw := range b.Entries {
				c, err := audit.ColumnsOf(raw)
				if err != nil {
					t.Fatal(err)
				}
				if _, twice := found[c.RequestID]; twice && c.Action == audit.Consult {
					t.Errorf("%s is in the log twice", c.RequestID)
				}
				if c.Action == audit.Consult {
					found[c.RequestID] = b.First + int64(i)
				}
			}
		}
		for id, index := range acknowledged {
			if at, ok := found[id]; !ok || at != index {
				t.Errorf("%s was acknowledged at %d and is at %d (%v)", id, index, at, ok)
			}
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		storetest.Tally(t, "SIGKILL: anywhere", "sqlite", 1, "verified")
	}
}

// crash runs a gateway on dir and kills it when it has acknowledged some
// requests.
func crash(t *testing.T, dir string, round, after int, acknowledged map[string]int64) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	child := exec.CommandContext(t.Context(), self, "-test.run=^$")
	child.Env = append(os.Environ(), crashDir+"="+dir, crashDir+"_ROUND="+strconv.Itoa(round))
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(out)
	for n := 0; ; n++ {
		if n == after {
			if err := child.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
		line, err := lines.ReadString('\n')
		if errors.Is(err, io.EOF) { // a line that was cut off says nothing
			if n < after {
				t.Fatalf("the gateway ended by itself after %d requests", n)
			}
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		id, index, _ := strings.Cut(strings.TrimSpace(line), " ")
		if acknowledged[id], err = strconv.ParseInt(index, 10, 64); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
	}
	_ = child.Wait() // it was killed
}
