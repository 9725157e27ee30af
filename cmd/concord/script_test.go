package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/concord-gateway/concord/gateway"
	"github.com/concord-gateway/concord/gateway/demo"
)

// replace FILE OLD NEW edits a file as a person would: every OLD, of which there
// must be one, becomes NEW.
func replace(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: replace FILE OLD NEW")
	}
	name := ts.MkAbs(args[0])
	text := ts.ReadFile(args[0])
	if !strings.Contains(text, args[1]) {
		ts.Fatalf("%s has no %q", args[0], args[1])
	}
	ts.Check(os.WriteFile(name, []byte(strings.ReplaceAll(text, args[1], args[2])), 0o600))
}

// exits CODE PROGRAM ARGS... runs a program that must end with this exit code.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM ARGS...")
	}
	code := 0
	err := ts.Exec(args[1], args[2:]...)
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		code = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if strconv.Itoa(code) != args[0] {
		ts.Fatalf("exit code %d, want %s", code, args[0])
	}
}

// private FILE checks that nobody but its owner can read a file.
func private(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: private FILE")
	}
	info, err := os.Stat(ts.MkAbs(args[0]))
	ts.Check(err)
	if info.Mode().Perm() != 0o600 {
		ts.Fatalf("%s has the mode %v", args[0], info.Mode())
	}
}

// shared is one gateway for all scripts that need one. They submit rows with source
// ids of their own.
type shared struct {
	start func() (*running, error)
}

// running is the gateway, with its folder.
type running struct {
	url    string
	folder *demo.Folder
}

func share(t *testing.T) *shared {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "gateway")
	return &shared{start: sync.OnceValues(func() (*running, error) {
		folder, err := demo.Prepare(dir, "127.0.0.1:0", time.Now())
		if err != nil {
			return nil, err
		}
		g, err := gateway.New(t.Context(), folder.Config, gateway.Options{Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			return nil, err
		}
		var lc net.ListenConfig
		l, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
		if err != nil {
			return nil, errors.Join(err, g.Close(t.Context()))
		}
		ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
		served := make(chan error, 1)
		go func() { served <- g.Serve(ctx, l) }()
		t.Cleanup(func() {
			stop()
			if err := errors.Join(<-served, g.Close(context.WithoutCancel(t.Context()))); err != nil {
				t.Error(err)
			}
		})
		return &running{"http://" + l.Addr().String(), folder}, nil
	})}
}

// gateway PERSONA gives the script a gateway in $SERVER, its folder in $GATEWAY and a
// persona's token in $CONCORD_TOKEN.
func (s *shared) gateway(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: gateway PERSONA")
	}
	r, err := s.start()
	ts.Check(err)
	token, err := r.folder.Token(args[0])
	ts.Check(err)
	ts.Setenv("SERVER", r.url)
	ts.Setenv("GATEWAY", r.folder.Dir)
	ts.Setenv("CONCORD_TOKEN", token)
}

// killed N ARGS... runs concord, asking the gateway of the script, and kills it when it
// sends piece N of an upload.
func killed(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: killed N ARGS...")
	}
	n, err := strconv.Atoi(args[0])
	ts.Check(err)
	target, err := url.Parse(ts.Getenv("SERVER"))
	ts.Check(err)
	var cmd *exec.Cmd
	begun, ended := make(chan struct{}), make(chan struct{})
	proxy := httputil.NewSingleHostReverseProxy(target)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		<-begun
		if r.Method == http.MethodPatch { // one after the other
			if n--; n == 0 {
				_ = cmd.Process.Kill()
				<-ended
				return
			}
		}
		proxy.ServeHTTP(w, r)
	}))
	defer srv.Close()
	cmd = exec.Command("concord", append(args[1:], "--server", srv.URL)...)
	cmd.Dir = ts.MkAbs(".")
	cmd.Env = append(os.Environ(), "CONCORD_TOKEN="+ts.Getenv("CONCORD_TOKEN"))
	ts.Check(cmd.Start())
	close(begun)
	err = cmd.Wait()
	close(ended)
	if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.ExitCode() >= 0 {
		ts.Fatalf("it was not killed: %v", err)
	}
}
