package gateway_test

import (
	"database/sql"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/concord-gateway/concord/gateway"
	"github.com/concord-gateway/concord/gateway/config"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/keyring/vaulttest"
	"github.com/concord-gateway/concord/gateway/store/mongotest"
	"github.com/concord-gateway/concord/gateway/store/sqlite"
)

// TestServeWithoutItsKeys starts a gateway on a store whose keys are not in the Vault
// that is named: it says so, and makes nothing. So it is on a store from before the
// register of keys.
func TestServeWithoutItsKeys(t *testing.T) {
	t.Parallel()
	h := newHouse(t, onVault(vaulttest.New(t)))
	h.fill()
	h.stop()
	for _, register := range []string{"with", "without"} {
		if register == "without" {
			h.forgetKeys()
		}
		for name, v := range otherVaults(t) {
			before, stored := v.Contents(t), h.stored()
			err := startError(t, h, onVault(v))
			if !fault.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), "key") {
				t.Errorf("%s, %s a register: %v", name, register, err)
			}
			if after := v.Contents(t); after != before {
				t.Errorf("%s, %s a register, has\n%s\nbefore:\n%s", name, register, after, before)
			}
			if after := h.stored(); after != stored {
				t.Errorf("%s, %s a register: the store has %+v, had %+v", name, register, after, stored)
			}
		}
	}
	h.start()
	h.call("", http.MethodGet, "/readyz", nil).want(http.StatusOK, nil)
}

// forgetKeys takes the register of keys out of the store, which nobody uses.
func (h *house) forgetKeys() {
	h.t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(h.cfg.DataDir, sqlite.FileName))
	if err != nil {
		h.t.Fatal(err)
	}
	defer db.Close()
	for _, statement := range []string{"DROP TRIGGER events_no_delete", "DELETE FROM events WHERE kind = 'key'"} {
		res, err := db.ExecContext(h.t.Context(), statement)
		if err != nil {
			h.t.Fatal(err)
		}
		if n, err := res.RowsAffected(); strings.HasPrefix(statement, "DELETE") && (err != nil || n == 0) {
			h.t.Fatal("there was no register: ", err)
		}
	}
}

// TestRestoreWithoutItsKeys restores where the keys are not: it is refused before
// anything is made, in Vault or on the disk, with the log's public key given or not. So
// is a backup, and a revocation.
func TestRestoreWithoutItsKeys(t *testing.T) {
	t.Parallel()
	h := newHouse(t, onVault(vaulttest.New(t)))
	h.fill()
	file, vkey := h.copyOf(false), h.gw.VKey()
	h.stop()
	for name, v := range otherVaults(t) {
		before := v.Contents(t)
		cfg := *h.cfg
		onVault(v)(&cfg)
		if _, err := gateway.Backup(t.Context(), &cfg, gateway.BackupOptions{Out: file + ".2"}); err == nil {
			t.Errorf("%s: a backup", name)
		}
		cfg.DataDir = newDataDir(t)
		for _, keys := range [][]string{nil, {vkey}} {
			_, err := gateway.Restore(t.Context(), &cfg, gateway.RestoreOptions{File: file, Log: file, Keys: keys})
			if err == nil || !strings.Contains(err.Error(), "key") {
				t.Errorf("%s: %v", name, err)
			}
		}
		if after := v.Contents(t); after != before {
			t.Errorf("%s has\n%s\nbefore:\n%s", name, after, before)
		}
		if _, err := os.Stat(cfg.DataDir); !os.IsNotExist(err) {
			t.Errorf("%s: there is a data folder: %v", name, err)
		}
	}
	for engine, store := range map[string]config.Store{
		"sqlite": {}, "mongo": {Mongo: config.Mongo{URI: mongotest.URI(t), Database: mongotest.Database(t)}},
	} {
		h.cfg.DataDir, h.cfg.Store = newDataDir(t), store
		o := gateway.RestoreOptions{File: file, Log: file}
		if _, err := gateway.Restore(t.Context(), h.cfg, o); err != nil {
			t.Errorf("%s, with its keys: %v", engine, err)
		}
		if _, err := gateway.Restore(t.Context(), h.cfg, o); !fault.Is(err, fault.Conflict) {
			t.Errorf("%s, twice: %v", engine, err)
		}
	}
}

// TestKeysetDeletedWithEveryTrace deletes keysets and their metadata in Vault, which an
// administrator can: the store says that they were there, so that no others are made.
func TestKeysetDeletedWithEveryTrace(t *testing.T) {
	t.Parallel()
	v := vaulttest.New(t)
	h := newHouse(t, onVault(v))
	h.fill()
	h.stop()
	for _, name := range []string{"record.ISA-TH-WMP-001.2026-11.seal", "record.ISA-TH-WMP-001.2026-11.hash", "index.housing_2etenancy.hash"} {
		v.Server.Admin(t, http.MethodDelete, v.KV+"/metadata/keysets/"+name, nil)
	}
	// Their transit keys too: nothing is left of them.
	v.Server.Admin(t, http.MethodPost, v.Transit+"/keys/index.housing_2etenancy/config", map[string]any{"deletion_allowed": true})
	v.Server.Admin(t, http.MethodDelete, v.Transit+"/keys/index.housing_2etenancy", nil)
	before, stored := v.Contents(t), h.stored()
	h.start()
	noData(t, "person", h.call("analyst", http.MethodPost, subjectPath, ask("soc-investigation", rowan())))
	rows := []map[string]any{tenancy(rowan(), "T-9")}
	noData(t, "submission", h.call("housing-submitter", http.MethodPost, submissionsPath("housing.tenancy", "ISA-TH-WMP-001"), rows))
	if after := v.Contents(t); after != before {
		t.Errorf("Vault has\n%s\nbefore:\n%s", after, before)
	}
	if after := h.stored(); after.records != stored.records {
		t.Errorf("%d records, were %d", after.records, stored.records)
	}
	if !strings.Contains(h.logs.String(), "its keys were lost") {
		t.Error("the operator is not told")
	}
}
