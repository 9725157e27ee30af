package main

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/concord-gateway/concord/gateway/demo"
)

// served runs a demonstration until the test ends, and returns its address and
// its folder.
func served(t *testing.T) (server, dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "demo")
	d, _, err := demo.Start(t.Context(), demo.Options{
		Dir: dir, Addr: "127.0.0.1:0", People: 200, Seed: 7, Out: &bytes.Buffer{},
		Logger: slog.New(slog.DiscardHandler), Clock: time.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close(context.WithoutCancel(t.Context())) })
	return d.URL(), dir
}

// A served log verifies over HTTP with the information governance lead's token,
// and with nobody else's.
func TestVerifyOverHTTP(t *testing.T) {
	server, dir := served(t)
	folder, err := demo.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		persona string
		code    int
		out     string
	}{
		{"ig-lead", exitOK, "VERIFIED"},
		{"analyst", exitFailed, ""},
		{"", exitFailed, ""},
	} {
		t.Run("as "+tt.persona, func(t *testing.T) {
			token := ""
			if tt.persona != "" {
				if token, err = folder.Token(tt.persona); err != nil {
					t.Fatal(err)
				}
			}
			t.Setenv("CONCORD_TOKEN", token)
			var out, errs bytes.Buffer
			code := run(t.Context(), []string{"audit", "verify", "--server", server, "--key", filepath.Join(dir, "log.vkey")}, &out, &errs)
			if code != tt.code {
				t.Fatalf("exit code %d, want %d: %s %s", code, tt.code, out.String(), errs.String())
			}
			if !strings.Contains(out.String(), tt.out) {
				t.Errorf("it printed %s", out.String())
			}
		})
	}
}

// The README's two commands are those of the issue, and it stays readable.
func TestReadme(t *testing.T) {
	raw, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	text := string(raw)
	if n := strings.Count(text, "\n"); n > 250 {
		t.Errorf("README.md has %d lines, more than 250", n)
	}
	_, start, _ := strings.Cut(text, "```\n")
	block, _, _ := strings.Cut(start, "```")
	if want := "go run ./cmd/concord demo\nmake test\n"; block != want {
		t.Errorf("the quick start is %q, want %q", block, want)
	}
}
