package gateway_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/concord-gateway/concord/gateway"
	"github.com/concord-gateway/concord/gateway/config"
	"github.com/concord-gateway/concord/gateway/store/storetest"
)

// childPlanEnv is set in the environment of a child process: a whole gateway that
// is there to be killed.
const childPlanEnv = "CONCORD_FAULT_CHILD"

// faultHeader arms the child: the request that carries it meets the fault.
const faultHeader = "X-Fault"

func TestMain(m *testing.M) {
	if raw := os.Getenv(childPlanEnv); raw != "" {
		fmt.Fprintln(os.Stderr, childMain(raw))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// The points at which a child kills itself.
const (
	decided      = "decided"
	queued       = "queued"
	inWrite      = "in write"
	committed    = "committed, not acknowledged"
	acknowledged = "acknowledged, nothing sent"
	halfway      = "halfway through the body"
)

// syncFails is what a child does instead: from then on, the kernel answers EIO to
// every fsync and fdatasync.
const syncFails = "fsync fails"

// childPlan is what a child is told.
type childPlan struct {
	Config config.Config
	Now    time.Time
	Point  string
	// After is how long a write has been under way when it is cut off.
	After time.Duration
}

// child is the gateway in the child process.
type child struct {
	childPlan

	clock *clock
	armed atomic.Bool
	next  http.Handler
}

func childMain(raw string) error {
	c := &child{}
	if err := json.Unmarshal([]byte(raw), &c.childPlan); err != nil {
		return err
	}
	ctx := context.Background()
	c.clock = &clock{now: c.Now}
	gw, err := gateway.New(ctx, &c.Config, gateway.Options{
		Clock: c.tell, Logger: slog.New(slog.NewJSONHandler(os.Stderr, nil)),
		Store: func(s gateway.Store) gateway.Store { return storetest.Intercept(s, c.strike) },
	})
	if err != nil {
		return err
	}
	c.next = gw.Handler()
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintln(os.Stdout, l.Addr())
	return (&http.Server{Handler: c, ReadHeaderTimeout: time.Minute}).Serve(l)
}

// die ends the process as the kernel's out-of-memory killer does.
func die() {
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {} // until it arrives
}

// tell is the clock, which the log reads at known places.
func (c *child) tell() time.Time {
	switch {
	case !c.armed.Load():
	case c.Point == decided && calledFrom("audit.(*Log).enqueue"):
		die()
	case c.Point == queued && calledFrom("audit.(*sequencer).renewSession"):
		die()
	}
	return c.clock.Now()
}

func calledFrom(function string) bool {
	pc := make([]uintptr, 8)
	frames := runtime.CallersFrames(pc[:runtime.Callers(2, pc)])
	for {
		f, more := frames.Next()
		if strings.HasSuffix(f.Function, function) {
			return true
		}
		if !more {
			return false
		}
	}
}

func (c *child) strike(w storetest.Write, do func() error) error {
	if !c.armed.Load() || w.Op != storetest.InsertBatch {
		return do()
	}
	switch c.Point {
	case inWrite:
		go func() { _ = do() }()
		for began := time.Now(); time.Since(began) < c.After; {
			runtime.Gosched()
		}
		die()
	case committed:
		_ = do()
		die()
	}
	return do()
}

func (c *child) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get(faultHeader) != "" {
		r.Header.Del(faultHeader)
		if c.Point == syncFails {
			if err := failSyncs(); err != nil {
				http.Error(w, err.Error(), http.StatusTeapot)
				return
			}
		}
		c.armed.Store(true)
		w = &dyingWriter{ResponseWriter: w, point: c.Point}
	}
	c.next.ServeHTTP(w, r)
}

// dyingWriter kills the process while it answers.
type dyingWriter struct {
	http.ResponseWriter

	point string
}

func (w *dyingWriter) WriteHeader(status int) {
	if w.point == acknowledged {
		die()
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *dyingWriter) Write(p []byte) (int, error) {
	if w.point == acknowledged {
		die()
	}
	if w.point != halfway {
		return w.ResponseWriter.Write(p)
	}
	if _, err := w.ResponseWriter.Write(p[:len(p)/2]); err != nil {
		return 0, err
	}
	if err := http.NewResponseController(w.ResponseWriter).Flush(); err != nil {
		return 0, err
	}
	die()
	return 0, nil
}

// process is a child as its parent sees it.
type process struct {
	h   *house
	cmd *exec.Cmd
	url string
	// logs is what it said, for whoever has waited for its end.
	logs bytes.Buffer
}

// spawn stops the house's own gateway and has a child serve the folder.
func (h *house) spawn(point string, after time.Duration) *process {
	h.t.Helper()
	h.stop()
	raw, err := json.Marshal(childPlan{Config: *h.cfg, Now: h.clock.Now().Add(time.Minute), Point: point, After: after})
	if err != nil {
		h.t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		h.t.Fatal(err)
	}
	p := &process{h: h, cmd: exec.CommandContext(h.t.Context(), self, "-test.run=^$")}
	p.cmd.Env = append(os.Environ(), childPlanEnv+"="+string(raw))
	p.cmd.Stderr = &p.logs
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		h.t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		h.t.Fatal(err)
	}
	h.clock.Advance(time.Minute)
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		_ = p.cmd.Wait()
		h.t.Fatalf("the child did not start: %v: %s", err, &p.logs)
	}
	p.url = "http://" + strings.TrimSpace(line)
	return p
}

// ask asks the child as a persona; the answer may break off anywhere, which err
// says. Nothing at all is status 0.
func (p *process) ask(persona, path string, body any, headers ...string) (r *response, err error) {
	p.h.t.Helper()
	raw, err := json.Marshal(body)
	if err != nil {
		p.h.t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(p.h.t.Context(), http.MethodPost, p.url+path, strings.NewReader(string(raw)))
	if err != nil {
		p.h.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+p.h.token(persona))
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	r = &response{t: p.h.t}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return r, err
	}
	defer func() { _ = res.Body.Close() }()
	r.status, r.header = res.StatusCode, res.Header
	r.body, err = io.ReadAll(res.Body)
	return r, err
}

// wait waits for the end of a child that kills itself.
func (p *process) wait() {
	p.h.t.Helper()
	var exit *exec.ExitError
	if err := p.cmd.Wait(); !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		p.h.t.Errorf("the child ended by itself: %v: %s", err, &p.logs)
	}
	p.h.noCanary("what a killed gateway logged", p.logs.String())
}

// kill kills the child from outside.
func (p *process) kill() {
	p.h.t.Helper()
	if err := p.cmd.Process.Kill(); err != nil {
		p.h.t.Fatal(err)
	}
	p.wait()
}

func jsonBody(t testing.TB, body any) io.Reader {
	t.Helper()
	raw, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	return strings.NewReader(string(raw))
}
