//go:build unix

package main

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/concord-gateway/concord/gateway"
	"github.com/concord-gateway/concord/gateway/demo"
)

// TestHangup rotates the log key of a gateway that runs: a SIGHUP has it read
// log.key_version again. One with a mistake in the file changes nothing. Who holds the
// first key verifies the whole log.
func TestHangup(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "gateway")
	address := freeAddress(t, rand.New(rand.NewPCG(seed(t), 5)))
	if _, err := demo.Prepare(dir, address, time.Now()); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(dir, "concord.yaml"), configOf(dir, 0)); err != nil {
		t.Fatal(err)
	}
	cmd := serveCommand(t, dir, 0)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	waitFor(t, func() bool { return listens("http://" + address) })
	keys := func() []string {
		raw, err := os.ReadFile(filepath.Join(dir, gateway.KeyFile))
		if err != nil {
			t.Error(err)
		}
		return strings.Fields(string(raw))
	}
	logged := func(words string) bool {
		raw, err := os.ReadFile(configOf(dir, 0) + ".log")
		return err == nil && strings.Contains(string(raw), words)
	}
	first := keys()
	hangUp := func(old, changed string) {
		raw, err := os.ReadFile(configOf(dir, 0))
		if err != nil || !strings.Contains(string(raw), old) {
			t.Fatalf("%v: no %q in %s", err, old, raw)
		}
		if err := os.WriteFile(configOf(dir, 0), []byte(strings.Replace(string(raw), old, changed, 1)), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := cmd.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
	}
	hangUp("checkpoint_every: 1s", "checkpoint_every: 1s\n  key_version: x")
	waitFor(t, func() bool { return logged("the log key was not rotated") })
	hangUp("key_version: x", "key_version: 2")
	waitFor(t, func() bool { return len(keys()) == 2 })
	if got := keys(); len(first) != 1 || got[0] != first[0] || !logged("the log key was rotated") {
		t.Errorf("the keys were %v and are %v", first, got)
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	said(t, 0, []string{"audit", "verify", "--dir", dir, "--key", first[0]}, "VERIFIED")
}
