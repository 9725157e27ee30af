// Package vaulttest gives tests a real Vault: a process on loopback.
//
// Shared is one for each test binary, started by the first test that asks; each test
// makes itself a House in it: mounts, policies and roles of its own, from the very
// files of deploy/vault. Its storage is memory. Start is one for a single test, on
// Vault's own storage (Raft) in a temporary folder: it may be sealed, unsealed,
// stopped and started. StartTLS is one for a single test that serves TLS, with
// certificates that the test issues and exchanges. A Proxy stands before a Vault,
// counts what it is asked, and can be slow or fail. A Cluster is what Vault's
// Kubernetes login asks, which says what of it is not the real program.
//
// The binaries are named by CONCORD_TEST_VAULT and CONCORD_TEST_VAULT_KUBERNETES, which
// `make race` and its like build and set. Without them a test is skipped, or fails where
// CONCORD_TEST_REQUIRE is 1. Vault ends with the test binary, however that ends: a shell
// that starts it holds the other end of a pipe.
package vaulttest

import (
	"io"
	"net/http"
	"os"
	"os/exec"
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

// Server is a Vault.
type Server struct {
	// Address is its URL.
	Address string
	// Root is a token that may do everything.
	Root string

	dir    string
	client *http.Client
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
	require(tb, Variable)
	s, err := shared()
	if err != nil {
		tb.Fatalf("Vault does not start: %v", err)
	}
	return s
}

// Start returns a Vault for one test, which ends with it.
func Start(tb testing.TB) *Server {
	tb.Helper()
	return start(tb, setup{dir: tb.TempDir(), client: http.DefaultClient, raft: true})
}

func start(tb testing.TB, c setup) *Server {
	tb.Helper()
	require(tb, Variable)
	s, err := launch(c)
	if err != nil {
		tb.Fatalf("Vault does not start: %v", err)
	}
	tb.Cleanup(s.end)
	return s
}

// require skips or fails a test that needs a program which no variable names.
func require(tb testing.TB, variable string) {
	tb.Helper()
	if os.Getenv(variable) != "" {
		return
	}
	if os.Getenv("CONCORD_TEST_REQUIRE") != "1" {
		tb.Skip(variable + " is not set: `make race` builds what it names and sets it")
	}
	tb.Fatal(variable + " is not set, and CONCORD_TEST_REQUIRE is")
}

// shared is started once. Its folder holds a configuration and is removed after it.
var shared = sync.OnceValues(func() (*Server, error) {
	dir, err := os.MkdirTemp("", "vaulttest-")
	if err != nil {
		return nil, err
	}
	return launch(setup{dir: dir, client: http.DefaultClient, passing: true})
})
