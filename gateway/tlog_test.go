package gateway_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestTlog asks for the public log over HTTP, with and without its body.
func TestTlog(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.call("", http.MethodGet, "/tlog/checkpoint", nil).problem(http.StatusNotFound, "not-yet-published")
	h.call("analyst", http.MethodGet, "/v1/audit/entries/0/proof", nil)
	if err := h.gw.PublishCheckpoint(t.Context()); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]struct{ kind, cache string }{
		"/tlog/checkpoint":             {"text/plain; charset=utf-8", "no-cache"},
		"/tlog/tile/0/000.p/2":         {"application/octet-stream", "public, max-age=31536000, immutable"},
		"/tlog/tile/entries/000.p/1":   {"application/octet-stream", "public, max-age=31536000, immutable"},
		"/tlog/tile/entries/000":       {"application/problem+json", "no-store"},
		"/tlog/tile/0/000.p/200":       {"application/problem+json", "no-store"},
		"/tlog/tile/0/000.p/02":        {"application/problem+json", "no-store"},
		"/tlog/tile/0/000.p%2F2":       {"application/problem+json", "no-store"},
		"/tlog/tile/%30/000.p/2":       {"application/problem+json", "no-store"},
		"/tlog/tile/8/0/000.p/2":       {"application/problem+json", "no-store"},
		"/tlog/tile/0/000.p/2/":        {"application/problem+json", "no-store"},
		"/tlog/tile/../checkpoint":     {"application/problem+json", "no-store"},
		"/tlog/tile/0/000.p/2?x=1":     {"application/problem+json", "no-store"},
		"/tlog/tile/":                  {"application/problem+json", "no-store"},
		"/tlog/":                       {"application/problem+json", "no-store"},
		"/tlog/tile/63/x999/999.p/255": {"application/problem+json", "no-store"},
	} {
		status := http.StatusOK
		if want.kind == "application/problem+json" {
			status = http.StatusNotFound
		}
		got := h.call("", http.MethodGet, path, nil).want(status, nil)
		if got.header.Get("Content-Type") != want.kind || got.header.Get("Cache-Control") != want.cache {
			t.Errorf("%s: %v", path, got.header)
		}
		if status != http.StatusOK {
			continue
		}
		head := h.call("", http.MethodHead, path, nil).want(status, nil)
		if len(head.body) != 0 || head.header.Get("Content-Length") != got.header.Get("Content-Length") || head.header.Get("Cache-Control") != want.cache {
			t.Errorf("HEAD %s: %v, %d bytes", path, head.header, len(head.body))
		}
	}
	if r := h.call("", http.MethodPost, "/tlog/checkpoint", nil); r.status != http.StatusMethodNotAllowed {
		t.Errorf("POST: status %d", r.status)
	}
}

// fsckEnv names the binary of Tessera's fsck, which `make test` builds.
const fsckEnv = "CONCORD_TEST_FSCK"

// tool returns a program that a test needs. Where CONCORD_TEST_REQUIRE is set, a
// missing one is a failure.
func tool(t *testing.T, env string) string {
	t.Helper()
	path := os.Getenv(env)
	_, err := os.Stat(path)
	if err != nil && os.Getenv("CONCORD_TEST_REQUIRE") != "" {
		t.Fatalf("%s names no program: %v", env, err)
	}
	if err != nil {
		t.Skipf("%s names no program", env)
	}
	return path
}

// TestInvariant04Fsck has a public verifier that knows nothing of Concord check
// a log of several hundred entries; and then with one byte changed on the way,
// in a bundle, a tile of each level, and the checkpoint.
func TestInvariant04Fsck(t *testing.T) {
	t.Parallel()
	fsck := tool(t, fsckEnv)
	h := newHouse(t)
	h.fill()
	for range 300 { // each is refused, and logged
		h.call("analyst", http.MethodGet, "/v1/audit/export?log_purpose=data-integrity", nil)
	}
	if err := h.gw.PublishCheckpoint(t.Context()); err != nil {
		t.Fatal(err)
	}
	key := filepath.Join(t.TempDir(), "log.vkey")
	write(t, key, h.gw.VKey()+"\n")
	if passed, said := runFsck(t, fsck, h.srv.URL, key); !passed {
		t.Fatalf("fsck does not accept the log:\n%s", said)
	}
	for _, path := range []string{"/tlog/tile/entries/000", "/tlog/tile/entries/001.p/", "/tlog/tile/0/000", "/tlog/tile/1/000.p/", "/tlog/checkpoint"} {
		touched := make(chan string, 64)
		proxy := flipping(t, h.srv.URL, path, touched)
		if passed, said := runFsck(t, fsck, proxy, key); passed {
			t.Errorf("fsck accepts a byte changed in %s:\n%s", path, said)
		}
		if len(touched) == 0 {
			t.Errorf("fsck never asked for %s", path)
		}
	}
}

// runFsck reports whether fsck accepts the log of a server. It exits with 0
// whatever it finds, so what it says is read; a changed byte can make it wait
// for ever, so it has a deadline.
func runFsck(t *testing.T, fsck, server, key string) (passed bool, said string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, fsck, "--storage_url="+server+"/tlog/", "--public_key="+key, "--ui=false", "-N", "2")
	out, err := cmd.CombinedOutput()
	said = string(out)
	return err == nil && strings.Contains(said, "Successfully fsck'd log"), said
}

// flipping is a server that hands on what another serves, with one bit changed
// wherever the path begins with prefix.
func flipping(t *testing.T, server, prefix string, touched chan<- string) string {
	t.Helper()
	target, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) },
		ModifyResponse: func(r *http.Response) error {
			if !strings.HasPrefix(r.Request.URL.Path, prefix) || r.StatusCode != http.StatusOK {
				return nil
			}
			body, err := io.ReadAll(r.Body)
			if err != nil {
				return err
			}
			body[len(body)/2] ^= 1
			r.Body = io.NopCloser(bytes.NewReader(body))
			touched <- r.Request.URL.Path
			return nil
		},
	}
	srv := httptest.NewServer(proxy)
	t.Cleanup(srv.Close)
	return srv.URL
}
