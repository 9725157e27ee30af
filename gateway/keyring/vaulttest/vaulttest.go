// Package vaulttest gives tests a real Vault: a process on loopback.
//
// Shared is one for each test binary, started by the first test that asks; each test
// makes itself a House in it: mounts, policies and roles of its own, from the very
// files of deploy/vault. Its storage is memory. Start is one for a single test, on
// Vault's own storage (Raft) in a temporary folder: it may be sealed, unsealed,
// stopped and started.
//
// The binary is named by CONCORD_TEST_VAULT, which `make race` and its like build and
// set. Without it a test is skipped, or fails where CONCORD_TEST_REQUIRE is 1. Vault
// ends with the test binary, however that ends: a shell that starts it holds the other
// end of a pipe.
package vaulttest

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// Variable is the environment variable that names Vault's binary.
const Variable = "CONCORD_TEST_VAULT"

const (
	// startTimeout is how long Vault may take to answer, on a busy machine.
	startTimeout = time.Minute
	// poll is how often it is asked meanwhile.
	poll = 20 * time.Millisecond
)

// keeper starts what it is given after a folder, ends it when its input ends, and
// removes the folder, if one is named.
const keeper = `d=$1; shift; "$@" </dev/null & p=$!; cat >/dev/null; kill $p 2>/dev/null; wait $p; [ -z "$d" ] || rm -rf -- "$d"`

// Server is a Vault.
type Server struct {
	// Address is its URL.
	Address string
	// Root is a token that may do everything.
	Root string

	dir    string
	unseal string
	// litter is the folder that nobody else removes, or nothing.
	litter string
	// hold is the keeper's standard input, and cmd the keeper.
	hold io.WriteCloser
	cmd  *exec.Cmd
}

// Shared returns the Vault of this test binary.
func Shared(tb testing.TB) *Server {
	tb.Helper()
	require(tb)
	s, err := shared()
	if err != nil {
		tb.Fatalf("the Vault that %s names does not start: %v", Variable, err)
	}
	return s
}

// Start returns a Vault for one test, which ends with it.
func Start(tb testing.TB) *Server {
	tb.Helper()
	require(tb)
	s, err := launch(tb.TempDir(), false)
	if err != nil {
		tb.Fatalf("the Vault that %s names does not start: %v", Variable, err)
	}
	tb.Cleanup(s.end)
	return s
}

func require(tb testing.TB) {
	tb.Helper()
	if os.Getenv(Variable) != "" {
		return
	}
	if os.Getenv("CONCORD_TEST_REQUIRE") != "1" {
		tb.Skip(Variable + " is not set: `make race` builds Vault and sets it")
	}
	tb.Fatal(Variable + " is not set, and CONCORD_TEST_REQUIRE is")
}

// shared is started once. Its folder holds a configuration and is removed after it.
var shared = sync.OnceValues(func() (*Server, error) {
	dir, err := os.MkdirTemp("", "vaulttest-")
	if err != nil {
		return nil, err
	}
	return launch(dir, true)
})

// launch starts a Vault in an empty folder and initialises it. A passing one keeps
// nothing, and removes its folder when it ends.
func launch(dir string, passing bool) (*Server, error) {
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	cluster, err := freeAddress()
	if err != nil {
		return nil, err
	}
	s := &Server{Address: "http://" + address, dir: dir}
	storage := "storage \"inmem\" {}"
	if passing {
		s.litter = dir
	} else {
		if err := os.Mkdir(filepath.Join(dir, "raft"), 0o700); err != nil {
			return nil, err
		}
		storage = fmt.Sprintf("storage \"raft\" {\n  path = %q\n  node_id = \"one\"\n  performance_multiplier = 1\n}", filepath.Join(dir, "raft"))
	}
	config := fmt.Sprintf("%s\nlistener \"tcp\" {\n  address = %q\n  cluster_address = %q\n  tls_disable = true\n}\n"+
		"api_addr = %q\ncluster_addr = \"https://%s\"\ndisable_mlock = true\nui = false\n", storage, address, cluster, s.Address, cluster)
	if err := os.WriteFile(s.configFile(), []byte(config), 0o600); err != nil {
		return nil, err
	}
	if err := s.run(); err != nil {
		return nil, err
	}
	if err := s.initialise(); err != nil {
		s.end()
		return nil, err
	}
	return s, nil
}

func (s *Server) configFile() string { return filepath.Join(s.dir, "vault.hcl") }

// run starts the process and waits until it answers, sealed or not.
func (s *Server) run() error {
	cmd := exec.Command("sh", "-c", keeper, "sh", s.litter, os.Getenv(Variable), "server", "-config="+s.configFile(), "-log-level=error") //nolint:noctx // it lives until it is stopped
	hold, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	s.cmd, s.hold = cmd, hold
	deadline := time.After(startTimeout)
	tick := time.NewTicker(poll)
	defer tick.Stop()
	for {
		if s.answers() {
			return nil
		}
		select {
		case <-deadline:
			s.end()
			return errors.New("it did not answer in time")
		case <-tick.C:
		}
	}
}

// end stops the process and waits for it.
func (s *Server) end() {
	if s.cmd == nil {
		return
	}
	_ = s.hold.Close()
	_ = s.cmd.Wait()
	s.cmd = nil
}

// freeAddress is an address on loopback that nobody listens on.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // for a moment
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}
