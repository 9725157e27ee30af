// Package mongotest gives tests a real server that speaks the MongoDB protocol:
// FerretDB as a process on loopback, one for each test binary, started by the
// first test that asks.
//
// The server's binary is named by CONCORD_TEST_FERRETDB, which `make race` and its
// like build and set. Without it a test is skipped, or fails where
// CONCORD_TEST_REQUIRE is 1. The server ends with the test binary, however that
// ends: it holds the other end of its standard input.
//
// Every look-up on this server is a scan, except one by a single _id that is a
// string: keep collections small.
package mongotest

import (
	"bufio"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"
)

// Variable is the environment variable that names the server's binary.
const Variable = "CONCORD_TEST_FERRETDB"

// startTimeout is how long the server may take to answer, on a busy machine.
const startTimeout = time.Minute

// URI returns the connection string of the server, which is running.
func URI(tb testing.TB) string {
	tb.Helper()
	binary := os.Getenv(Variable)
	if binary == "" && os.Getenv("CONCORD_TEST_REQUIRE") != "1" {
		tb.Skip(Variable + " is not set: `make race` builds the server and sets it")
	}
	if binary == "" {
		tb.Fatal(Variable + " is not set, and CONCORD_TEST_REQUIRE is")
	}
	s, err := theServer()
	if err != nil {
		tb.Fatalf("the server that %s names does not start: %v", Variable, err)
	}
	return s.uri
}

// Database returns the name of a database that no other test uses.
func Database(tb testing.TB) string {
	tb.Helper()
	return "test_" + strings.ToLower(rand.Text())
}

// server is a running process.
type server struct {
	uri string
	// hold is the server's standard input: it ends when this is closed.
	hold io.WriteCloser
}

// theServer is started once.
var theServer = sync.OnceValues(func() (server, error) {
	return start(os.Getenv(Variable))
})

// start starts a server and waits until it answers.
func start(binary string) (server, error) {
	cmd := exec.Command(binary) //nolint:noctx,gosec // it lives as long as the test binary; whoever runs tests names what they run
	cmd.Stderr = os.Stderr
	cmd.Env = append(os.Environ(), "GOGC=800") // every look-up decodes a collection, and memory is not what runs out
	hold, err := cmd.StdinPipe()
	if err != nil {
		return server{}, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return server{}, err
	}
	if err := cmd.Start(); err != nil {
		return server{}, err
	}
	uri, err := firstLine(out)
	if err == nil && !strings.HasPrefix(uri, "mongodb://127.0.0.1:") {
		err = fmt.Errorf("it prints %q, not its URI on loopback", uri)
	}
	if err != nil {
		return server{}, errors.Join(err, hold.Close(), cmd.Process.Kill())
	}
	return server{uri: uri, hold: hold}, nil
}

// firstLine waits for the line that the server prints when it answers.
func firstLine(r io.Reader) (string, error) {
	type line struct {
		text string
		err  error
	}
	read := make(chan line, 1)
	go func() {
		text, err := bufio.NewReader(r).ReadString('\n')
		read <- line{strings.TrimSpace(text), err}
	}()
	select {
	case l := <-read:
		return l.text, l.err
	case <-time.After(startTimeout):
		return "", errors.New("it did not answer in time")
	}
}
