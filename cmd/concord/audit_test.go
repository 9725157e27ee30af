package main

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// concord runs a command and returns what it printed.
func concord(t *testing.T, want int, args ...string) string {
	t.Helper()
	var out, errs bytes.Buffer
	if code := run(t.Context(), args, &out, &errs); code != want {
		t.Fatalf("concord %s: exit code %d, want %d\n%s%s", strings.Join(args, " "), code, want, out.String(), errs.String())
	}
	return out.String()
}

// as sets the token of a persona for the commands that follow.
func as(t *testing.T, persona, dir string) string {
	t.Helper()
	token := strings.TrimSpace(concord(t, exitOK, "token", "--persona", persona, "--data", dir))
	t.Setenv("CONCORD_TOKEN", token)
	return token
}

// TestAuditOfServer does what an information governance lead, a partner and a
// submitter do with a gateway that is running.
func TestAuditOfServer(t *testing.T) {
	url, dir := served(t)
	tmp := t.TempDir()
	key := filepath.Join(dir, "log.vkey")
	receipt := filepath.Join(tmp, "answer.json")
	submit(t, url, as(t, "housing-submitter", dir), receipt)

	since := filepath.Join(tmp, "checkpoint")
	checkpoint(t, url, since)
	as(t, "ig-lead", dir)
	wantIn(t, concord(t, exitOK, "audit", "verify", "--server", url, "--key", key), "VERIFIED")
	export := filepath.Join(tmp, "log.ndjson")
	concord(t, exitOK, "audit", "export", "--server", url, "--out", export)
	wantIn(t, concord(t, exitOK, "audit", "verify", "--export", export, "--key", key, "--receipt", receipt), "as promised")
	wantIn(t, concord(t, exitOK, "audit", "verify", "--dir", dir, "--key", key, "--since", since, "--incremental"), "verified before")

	as(t, "housing-ig", dir)
	register := filepath.Join(tmp, "register.ndjson")
	wantIn(t, concord(t, exitOK, "audit", "disclosures", "--server", url, "--out", register), "uses of the data of telford-housing")
	wantIn(t, concord(t, exitOK, "audit", "verify", "--disclosures", register, "--key", key), "VERIFIED: every use")
	raw, err := os.ReadFile(register)
	if err != nil {
		t.Fatal(err)
	}
	lines := bytes.SplitAfter(raw, []byte("\n"))
	less := filepath.Join(tmp, "less.ndjson")
	if err := os.WriteFile(less, bytes.Join(append(lines[:2:2], lines[3:]...), nil), 0o600); err != nil {
		t.Fatal(err)
	}
	wantIn(t, concord(t, exitDamaged, "audit", "verify", "--disclosures", less, "--key", key), "does not follow number")
	concord(t, exitFailed, "audit", "verify", "--server", url, "--key", key) // not with a partner's token
}

// submit sends a row that is none and keeps the answer, which has a receipt.
func submit(t *testing.T, url, token, file string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost,
		url+"/v1/datasets/housing.tenancy/submissions?agreement=ISA-TH-WMP-001", strings.NewReader("[{}]"))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	if status := save(t, req, file); status != http.StatusCreated {
		t.Fatalf("the submission is answered with %d", status)
	}
}

// checkpoint keeps the newest checkpoint, once there is one.
func checkpoint(t *testing.T, url, file string) {
	t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for range 600 {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/tlog/checkpoint", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		if save(t, req, file) == http.StatusOK {
			return
		}
		<-tick.C
	}
	t.Fatal("no checkpoint is published")
}

// save keeps an answer and returns its status.
func save(t *testing.T, req *http.Request, file string) int {
	t.Helper()
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	return res.StatusCode
}

func wantIn(t *testing.T, text, want string) {
	t.Helper()
	if !strings.Contains(text, want) {
		t.Errorf("%q is not in:\n%s", want, text)
	}
}
