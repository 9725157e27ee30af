package gateway_test

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/concord-gateway/concord/gateway"
	"github.com/concord-gateway/concord/gateway/event"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/store/sqlite"
)

// copyOf makes a copy of what a running gateway has.
func (h *house) copyOf(logOnly bool) (path string) {
	h.t.Helper()
	if err := h.gw.PublishCheckpoint(h.t.Context()); err != nil {
		h.t.Fatal(err)
	}
	path = filepath.Join(h.t.TempDir(), "copy")
	if _, err := gateway.Backup(h.t.Context(), h.cfg, gateway.BackupOptions{Out: path, LogOnly: logOnly}); err != nil {
		h.t.Fatal(err)
	}
	return path
}

// moveAway takes the database away and leaves the keys, as after the loss of a disk
// that the keys were not on.
func (h *house) moveAway() {
	h.t.Helper()
	keys := filepath.Join(h.cfg.DataDir, gateway.KeysDir)
	was := h.cfg.DataDir
	h.cfg.DataDir = filepath.Join(h.dir, "again")
	err := os.Mkdir(h.cfg.DataDir, 0o700)
	if err := errors.Join(err, os.Rename(keys, filepath.Join(h.cfg.DataDir, gateway.KeysDir)), os.RemoveAll(was)); err != nil {
		h.t.Fatal(err)
	}
}

// TestBackupRestore backs up a running gateway, withdraws a record, loses the
// database and restores it with the newer log: everything is as it was, and the
// record does not come back.
func TestBackupRestore(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.fill()
	h.crimes(map[string]int{"E06000020 2026-05": 61})
	h.freeze()
	file := h.copyOf(false)
	h.call("housing-submitter", http.MethodPost, withdrawalsPath, withdraw("in error", "T-1")).want(http.StatusOK, nil)
	h.crimes(map[string]int{"E06000051 2026-05": 60})
	h.freeze() // which the newer log names, so that its copy has to bring it
	h.call("analyst", http.MethodPost, subjectPath, ask("soc-investigation", rowan())).want(http.StatusOK, nil)
	areaQuestion := askArea("soc-local-profile", "E06000020", "2026-05", "2026-05", "none")
	cells := texts(h.area("analyst", areaQuestion).cells("police.robbery"))
	log, was := h.copyOf(true), h.stored()
	h.stop()
	h.moveAway()
	res, err := gateway.Restore(t.Context(), h.cfg, gateway.RestoreOptions{File: file, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	if res.Erasures != 1 || res.Erased != 1 || res.Newer == 0 || len(res.Resubmit) != 1 {
		t.Errorf("%+v", res)
	}
	h.start()
	var got submission
	h.call("police-submitter", http.MethodGet, "/v1/submissions/"+res.Resubmit[0].ID, nil).want(http.StatusOK, &got)
	h.crimes(map[string]int{"E06000051 2026-05": 60})
	if now := h.stored(); now.records != was.records {
		t.Errorf("%d records, were %d", now.records, was.records)
	}
	var answer subjectAnswer
	h.call("analyst", http.MethodPost, subjectPath, ask("soc-investigation", rowan())).want(http.StatusOK, &answer)
	for _, s := range answer.Sections {
		if s.Dataset == "housing.tenancy" {
			t.Errorf("released again: %+v", s)
		}
	}
	if now := texts(h.area("analyst", areaQuestion).cells("police.robbery")); strings.Join(now, ";") != strings.Join(cells, ";") {
		t.Errorf("cells %v, were %v", now, cells)
	}
	h.freeze()
	h.restart()
	logged := 0
	for _, i := range h.entries("&action=admin") {
		if i.Entry.Admin["kind"] == "restored" {
			logged++
			if i.Index < res.Size || i.Entry.Admin["erased"] != "1" {
				t.Errorf("%+v", i)
			}
		}
	}
	if r := h.verify(); !r.OK || logged != 1 {
		t.Errorf("logged %d times: %+v", logged, r)
	}
}

// TestBackupOfStillFolder reads a folder that nobody uses, and one without keys or
// database not at all.
func TestBackupOfStillFolder(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.fill()
	h.stop()
	out := filepath.Join(t.TempDir(), "copy")
	made, err := gateway.Backup(t.Context(), h.cfg, gateway.BackupOptions{Out: out})
	if err != nil || made.Records == 0 || made.PolicyRevision == "" {
		t.Errorf("%+v, %v", made, err)
	}
	h.cfg.DataDir = t.TempDir()
	if _, err := gateway.Backup(t.Context(), h.cfg, gateway.BackupOptions{Out: out + "2"}); !fault.Is(err, fault.Invalid) {
		t.Errorf("without a database: %v", err)
	}
	if _, err := gateway.Restore(t.Context(), h.cfg, gateway.RestoreOptions{File: out, Log: out}); !fault.Is(err, fault.Invalid) {
		t.Errorf("without keys: %v", err)
	}
}

// TestServeRefusesAnUnfinishedRestore starts no gateway on what a restore that was
// ended early has left, and restores nothing under a gateway that runs.
func TestServeRefusesAnUnfinishedRestore(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.fill()
	file := h.copyOf(false)
	if _, err := gateway.Restore(t.Context(), h.cfg, gateway.RestoreOptions{File: file, Log: file}); !fault.Is(err, fault.Conflict) {
		t.Errorf("under a running gateway: %v", err)
	}
	h.stop()
	db, err := sqlite.Open(t.Context(), h.cfg.DataDir, sqlite.Options{})
	if err == nil {
		err = errors.Join(db.Events().Insert(t.Context(), event.Event{Kind: "restore", ID: "a", N: 0, Body: []byte("{}")}), db.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	_, err = gateway.New(t.Context(), h.cfg, gateway.Options{Clock: h.clock.Now})
	if !fault.Is(err, fault.Conflict) || !strings.Contains(err.Error(), "not finished") {
		t.Errorf("%v", err)
	}
}
