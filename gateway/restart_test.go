package gateway_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/concord-gateway/concord/gateway"
	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/event"
	"github.com/concord-gateway/concord/gateway/store/sqlite"
)

// TestRestart stops and starts the gateway on its folder: records, links,
// editions and the log are as they were, and go on.
func TestRestart(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.fill()
	h.crimes(map[string]int{"E06000020 2026-05": 61})
	h.freeze()
	question := ask("soc-investigation", rowan())
	areaQuestion := askArea("soc-local-profile", "E06000020", "2026-05", "2026-05", "none")
	var before, after subjectAnswer
	h.call("analyst", http.MethodPost, subjectPath, question).want(http.StatusOK, &before)
	areaBefore := texts(h.area("analyst", areaQuestion).cells("police.robbery"))
	was, key := h.stored(), h.gw.VKey()
	for range 2 {
		h.restart()
	}
	h.call("analyst", http.MethodPost, subjectPath, question).want(http.StatusOK, &after)
	a, b := marshal(t, before.Sections), marshal(t, after.Sections)
	if a != b {
		t.Errorf("sections before and after:\n%s\n%s", a, b)
	}
	if got := texts(h.area("analyst", areaQuestion).cells("police.robbery")); strings.Join(got, ";") != strings.Join(areaBefore, ";") {
		t.Errorf("cells %v, were %v", got, areaBefore)
	}
	if h.gw.VKey() != key {
		t.Error("the log has another key")
	}
	if *after.AuditIndex < was.entries || h.stored().records != was.records {
		t.Errorf("entry %d after %d", *after.AuditIndex, was.entries)
	}
	if r := h.verify(); !r.OK || r.Size != h.stored().entries {
		t.Errorf("%+v", r)
	}
	if got := h.submit(theirRows()[0]); got.Unchanged != 1 {
		t.Errorf("the same row again: %+v", got)
	}
}

func marshal(t testing.TB, v any) string {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// TestInvariant07InterruptedSubmission leaves a submission behind that was cut
// off after its rows were stored: at the next start it is logged and closed,
// and its submitter is told so.
func TestInvariant07InterruptedSubmission(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.fill()
	h.stop()
	cutOff := h.clock.Now().Add(-time.Hour)
	id := fmt.Sprintf("%s-%s-7aaa-8bbb-cccccccccccc", hexTime(cutOff)[:8], hexTime(cutOff)[8:]) // a UUIDv7 of that time
	db, err := sqlite.Open(t.Context(), h.cfg.DataDir, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	opened := marshal(t, map[string]any{
		"agency": "telford-housing", "subject": "housing-submitter@telford-housing.example", "dataset": "housing.tenancy",
		"agreement": "ISA-TH-WMP-001", "request_id": "01a20202-f6b6-76df-9487-b2a7582ee4fe", "time": cutOff,
	})
	if err := db.Events().Insert(t.Context(), event.Event{Kind: "submission", ID: id, N: 0, Body: []byte(opened)}); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	h.start()
	var got submission
	h.call("housing-submitter", http.MethodGet, "/v1/submissions/"+id, nil).want(http.StatusOK, &got)
	if got.State != "interrupted" || got.AuditIndex == nil {
		t.Fatalf("%+v", got)
	}
	if e := h.durable(*got.AuditIndex); e.Action != audit.Collect || e.Admin["submission"] != id || e.Admin["state"] != "interrupted" || e.Provider != "telford-housing" {
		t.Errorf("%+v", e)
	}
	h.restart() // and publishes a heads entry, as closing does when the log has grown
	entries := h.stored().entries
	h.restart()
	if now := h.stored().entries; now > entries {
		t.Errorf("closed again: %d entries, were %d", now, entries)
	}
}

func hexTime(at time.Time) string { return fmt.Sprintf("%012x", at.UnixMilli()) }

// TestInvariant04TamperedFolder changes one byte of an entry in the database:
// the verifier names the entry, and the gateway does not go on with a log that
// is not the one it published.
func TestInvariant04TamperedFolder(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.fill()
	h.call("analyst", http.MethodPost, subjectPath, ask("soc-investigation", rowan())).want(http.StatusOK, nil)
	if r := h.verify(); !r.OK {
		t.Fatalf("%+v", r)
	}
	h.stop()
	path := filepath.Join(h.cfg.DataDir, sqlite.FileName)
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	at := strings.Index(string(raw), `"purpose":"soc-investigation"`)
	if at < 0 {
		t.Fatal("the entry is not in the file in plain bytes")
	}
	raw[at+len(`"purpose":"soc-`)] = 'I'
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	if r := h.verify(); r.OK || r.FirstBad == nil {
		t.Errorf("%+v", r)
	}
}

// TestKeyBesideTheLog leaves the public key of the log in the folder, and
// nothing there that others may read.
func TestKeyBesideTheLog(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.fill()
	if got := strings.TrimSpace(read(t, filepath.Join(h.cfg.DataDir, gateway.KeyFile))); got != h.gw.VKey() {
		t.Errorf("the file says %s, the log %s", got, h.gw.VKey())
	}
	err := filepath.Walk(h.cfg.DataDir, func(path string, info os.FileInfo, err error) error {
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
